//! What the proxy between a warden and the API server does to requests, seen from a client behind it.

mod connections;
mod faults;
mod stops;
mod watches;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ObjectMeta, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use warden_testbed::{ControlPlane, Proxy};

/// Longer than anything takes that is not held.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Long enough for what is not held back to come.
pub(crate) const MOMENT: Duration = Duration::from_secs(1);

/// A namespace with an account that may do everything, and a proxy of its own.
pub(crate) struct Scene {
    pub(crate) plane: &'static ControlPlane,
    pub(crate) proxy: Proxy,
    pub(crate) namespace: String,
}

impl Scene {
    pub(crate) async fn new() -> Result<Self> {
        let plane = ControlPlane::shared().await?;
        let namespace = plane.namespace("proxy").await?;
        let account = format!("--serviceaccount={namespace}:default");
        let args = ["create", "clusterrolebinding", &namespace, "--clusterrole=cluster-admin", &account];
        plane.kubectl(&args).await?.expect_success()?;
        Ok(Self { plane, proxy: Proxy::start(plane).await?, namespace })
    }

    /// A client behind the proxy, with connections of its own, that tries everything once.
    pub(crate) async fn client(&self) -> Result<Client> {
        let kubeconfig = Kubeconfig::read_from(self.proxy.kubeconfig(self.plane, &self.namespace, "default").await?)?;
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        config.default_retry = false;
        Ok(Client::try_from(config)?)
    }

    pub(crate) async fn behind(&self) -> Result<Api<ConfigMap>> {
        Ok(Api::namespaced(self.client().await?, &self.namespace))
    }

    /// Past the proxy.
    pub(crate) fn direct(&self) -> Result<Api<ConfigMap>> {
        Ok(Api::namespaced(self.plane.client()?, &self.namespace))
    }
}

pub(crate) fn config_map(name: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..Default::default() },
        data: Some(BTreeMap::from([("key".to_owned(), "value".to_owned())])),
        ..Default::default()
    }
}

pub(crate) async fn create(api: &Api<ConfigMap>, name: &str) -> kube::Result<ConfigMap> {
    api.create(&PostParams::default(), &config_map(name)).await
}
