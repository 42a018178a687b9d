//! A namespace per test.

use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client, ResourceExt};

use crate::{ControlPlane, eventually};

impl ControlPlane {
    /// Creates a namespace whose name begins with `prefix` and that no other test has. Pods can be created in it.
    pub async fn namespace(&self, prefix: &str) -> Result<String> {
        let client = self.client()?;
        let namespace = Namespace {
            metadata: ObjectMeta { generate_name: Some(format!("{prefix}-")), ..Default::default() },
            ..Default::default()
        };
        let created = Api::all(client.clone()).create(&PostParams::default(), &namespace).await?;
        let name = created.name_any();
        wait_for_default_service_account(client, &name).await?;
        Ok(name)
    }
}

/// Admission refuses pods in a namespace until the controller manager has made its default service account.
pub(crate) async fn wait_for_default_service_account(client: Client, namespace: &str) -> Result<()> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client, namespace);
    let what = format!("namespace {namespace} has its default service account");
    eventually(&what, Duration::from_secs(30), async || match accounts.get_opt("default").await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err("none".to_owned()),
        Err(error) => Err(error.to_string()),
    })
    .await
}
