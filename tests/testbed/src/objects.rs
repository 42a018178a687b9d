//! Objects as the API server stores them.

use anyhow::{Context, Result};
use kube::Client;
use serde_json::Value;

use crate::ControlPlane;

/// The kinds that tests read: singular, plural, path of the group's version, and whether objects live in a namespace.
const KINDS: [(&str, &str, &str, bool); 17] = [
    ("pod", "pods", "api/v1", true),
    ("replicationcontroller", "replicationcontrollers", "api/v1", true),
    ("configmap", "configmaps", "api/v1", true),
    ("secret", "secrets", "api/v1", true),
    ("event", "events", "api/v1", true),
    ("deployment", "deployments", "apis/apps/v1", true),
    ("replicaset", "replicasets", "apis/apps/v1", true),
    ("statefulset", "statefulsets", "apis/apps/v1", true),
    ("daemonset", "daemonsets", "apis/apps/v1", true),
    ("controllerrevision", "controllerrevisions", "apis/apps/v1", true),
    ("job", "jobs", "apis/batch/v1", true),
    ("cronjob", "cronjobs", "apis/batch/v1", true),
    ("horizontalpodautoscaler", "horizontalpodautoscalers", "apis/autoscaling/v2", true),
    ("lease", "leases", "apis/coordination.k8s.io/v1", true),
    ("node", "nodes", "api/v1", false),
    ("mutatingwebhookconfiguration", "mutatingwebhookconfigurations", "apis/admissionregistration.k8s.io/v1", false),
    (
        "validatingwebhookconfiguration",
        "validatingwebhookconfigurations",
        "apis/admissionregistration.k8s.io/v1",
        false,
    ),
];

/// Reads the objects of one namespace, and those outside of all namespaces, as JSON.
///
/// It gives what `kubectl get -o json` prints, and starts no process for it: kubectl takes a tenth of a second of CPU time
/// each time, which a test that polls cannot afford.
#[derive(Clone)]
pub struct Objects {
    client: Client,
    namespace: String,
}

impl ControlPlane {
    /// A reader of the objects in `namespace`. As [`Self::client`], it belongs to the runtime on which it is made.
    pub fn objects(&self, namespace: &str) -> Result<Objects> {
        Ok(Objects { client: self.client()?, namespace: namespace.to_owned() })
    }
}

impl Objects {
    /// The object that `what` names, as in `deployment/orders`. Without `managedFields`, as kubectl shows it.
    ///
    /// # Errors
    /// When there is no such object, and where [`Objects`] does not know its kind.
    pub async fn get(&self, what: &str) -> Result<Value> {
        let (kind, name) = what.split_once('/').with_context(|| format!("{what:?} is not of the form kind/name"))?;
        let mut object = self.read(&format!("{}/{name}", path(kind, &self.namespace)?)).await?;
        hide_managed_fields(&mut object);
        Ok(object)
    }

    /// All objects of a kind, as in `deployments`.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn list(&self, kind: &str) -> Result<Vec<Value>> {
        let mut list = self.read(&path(kind, &self.namespace)?).await?;
        let items = list.get_mut("items").and_then(Value::as_array_mut).context("no list")?;
        items.iter_mut().for_each(hide_managed_fields);
        Ok(std::mem::take(items))
    }

    async fn read(&self, path: &str) -> Result<Value> {
        Ok(self.client.request(http::Request::get(path).body(Vec::new())?).await?)
    }
}

/// Where the API server serves the objects of a kind.
fn path(kind: &str, namespace: &str) -> Result<String> {
    let known = KINDS.iter().find(|(singular, plural, ..)| [*singular, *plural].contains(&kind));
    let &(_, plural, group, is_namespaced) = known.with_context(|| format!("add the kind {kind:?} to KINDS"))?;
    let namespace = if is_namespaced { format!("namespaces/{namespace}/") } else { String::new() };
    Ok(format!("/{group}/{namespace}{plural}"))
}

fn hide_managed_fields(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_served_below_their_group_and_namespace() -> Result<()> {
        assert_eq!(path("deployment", "shop")?, "/apis/apps/v1/namespaces/shop/deployments");
        assert_eq!(path("pods", "shop")?, "/api/v1/namespaces/shop/pods");
        assert_eq!(path("node", "shop")?, "/api/v1/nodes");
        Ok(())
    }

    #[test]
    fn an_unknown_kind_is_named_in_the_error() {
        let error = path("hpa", "shop").map_err(|error| error.to_string());
        assert_eq!(error, Err("add the kind \"hpa\" to KINDS".to_owned()));
    }
}
