//! Makes the API server call the program under test.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration};
use k8s_openapi::api::core::v1::{Namespace, Pod, Service};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use kube::{Api, Resource, ResourceExt};
use serde_json::{Value, json};

use crate::{ControlPlane, eventually};

/// The port in the webhook configurations.
pub(crate) const PORT: u16 = 9443;

/// Namespace and Service in the webhook configurations.
const NAME: &str = "koupleless-warden";

/// The name that the API server expects in the certificate: that of the Service.
pub(crate) const SERVICE_DNS_NAME: &str = "koupleless-warden.koupleless-warden.svc";

impl ControlPlane {
    /// Applies the webhook configurations of the kustomization in `folder` as they are, makes their Service lead to
    /// [`Self::webhook_address`], and then sets nothing but `caBundle`, as the program itself does in a cluster.
    pub async fn register_webhooks(&self, folder: &Path, ca_pem: &str) -> Result<()> {
        let client = self.client()?;
        let apply = PatchParams::apply("warden-testbed").force();
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAME } });
        Api::<Namespace>::all(client.clone()).patch(NAME, &apply, &Patch::Apply(namespace)).await?;
        let service =
            json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": NAME }, "spec": self.service() });
        Api::<Service>::namespaced(client.clone(), NAME).patch(NAME, &apply, &Patch::Apply(service)).await?;

        let folder = folder.to_str().context("the folder's name is not UTF-8")?;
        let applied = self.kubectl(&["apply", "-o", "json", "-k", folder]).await?.expect_success()?;
        let applied: Value = serde_json::from_str(&applied)?;
        let objects = match applied.get("items") {
            Some(items) => serde_json::from_value(items.clone())?,
            None => vec![serde_json::from_value::<DynamicObject>(applied)?],
        };
        for object in objects {
            let name = object.name_any();
            let webhooks = object.data.get("webhooks").and_then(Value::as_array).map_or(0, Vec::len);
            let patch = Patch::<()>::Json(serde_json::from_value(ca_bundles(webhooks, ca_pem)?)?);
            match object.types.as_ref().map(|types| types.kind.as_str()) {
                Some("MutatingWebhookConfiguration") => {
                    let api: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
                    api.patch(&name, &PatchParams::default(), &patch).await?;
                }
                Some("ValidatingWebhookConfiguration") => {
                    let api: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
                    api.patch(&name, &PatchParams::default(), &patch).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes the Service that an installer made lead to `address` instead of to Pods, of which none does any work here.
    pub async fn lead_service_to(&self, namespace: &str, name: &str, address: SocketAddr) -> Result<()> {
        let services: Api<Service> = Api::namespaced(self.client()?, namespace);
        let patch = Patch::Merge(json!({ "spec": external(address.ip()) }));
        services.patch(name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// The spec of the Service that leads to [`Self::webhook_address`].
    fn service(&self) -> Value {
        let mut spec = external(self.webhook_address().ip());
        spec["ports"] = json!([{ "port": PORT }]);
        spec
    }

    /// Deletes all webhook configurations.
    pub async fn unregister_webhooks(&self) -> Result<()> {
        let client = self.client()?;
        delete_all::<MutatingWebhookConfiguration>(Api::all(client.clone())).await?;
        delete_all::<ValidatingWebhookConfiguration>(Api::all(client)).await
    }

    /// Waits until the API server calls both webhooks: it learns of a configuration by a watch, a moment after it is
    /// applied. The signs are that the dry run of a module pod comes back with the virtual node's toleration, and that one
    /// without a version is refused.
    pub async fn webhooks_in_effect(&self, namespace: &str) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.client()?, namespace);
        let name = self.unique_name("are-webhooks-in-effect");
        let right = module_pod(&name, json!([{ "name": "BIZ_VERSION", "value": "1.0.0" }]))?;
        let wrong = module_pod(&name, json!([]))?;
        let dry_run = PostParams { dry_run: true, ..Default::default() };
        eventually("webhooks are in effect", Duration::from_secs(60), async || {
            let answer = pods.create(&dry_run, &right).await.map_err(|error| error.to_string())?;
            let tolerations = answer.spec.and_then(|spec| spec.tolerations).unwrap_or_default();
            let is_virtual_node = |key: &str| key == "schedule.koupleless.io/virtual-node";
            if !tolerations.iter().any(|toleration| toleration.key.as_deref().is_some_and(is_virtual_node)) {
                return Err("a module pod was admitted as it was".to_owned());
            }
            match pods.create(&dry_run, &wrong).await {
                Ok(_) => Err("a module pod without a version was admitted".to_owned()),
                Err(kube::Error::Api(status)) if status.message.contains("denied the request") => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
    }
}

/// For such a Service the API server calls the external name itself: no cluster network, no cluster DNS.
fn external(address: IpAddr) -> Value {
    let host = if address == Ipv4Addr::LOCALHOST { "localhost".to_owned() } else { address.to_string() };
    json!({ "type": "ExternalName", "externalName": host })
}

fn module_pod(name: &str, env: Value) -> Result<Pod> {
    Ok(serde_json::from_value(json!({
        "metadata": {
            "name": name,
            "labels": { "virtual-kubelet.koupleless.io/component": "module" },
            "annotations": { "base.koupleless.io/name": "base" },
        },
        "spec": { "containers": [{ "name": "biz1", "image": "http://example.org/biz1.jar", "env": env }] },
    }))?)
}

fn ca_bundles(webhooks: usize, ca_pem: &str) -> Result<Value> {
    let bundle = serde_json::to_value(ByteString(ca_pem.as_bytes().to_vec()))?;
    let set =
        |number| json!({ "op": "add", "path": format!("/webhooks/{number}/clientConfig/caBundle"), "value": bundle });
    Ok((0..webhooks).map(set).collect())
}

async fn delete_all<K>(api: Api<K>) -> Result<()>
where
    K: Resource<DynamicType = ()> + Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    for object in api.list(&Default::default()).await? {
        api.delete(&object.name_any(), &DeleteParams::default()).await?;
    }
    Ok(())
}
