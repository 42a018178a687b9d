//! What is kept of a Pod.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Deserialize;

use super::version;
use crate::k8s::View;
use crate::vocabulary as keys;

/// A Pod as far as it is decoded.
pub type PodView = View<k8s_openapi::api::core::v1::Pod, PodSpec, PodStatus>;

/// The spec of a [`PodView`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodSpec {
    node_name: Option<String>,
}

/// The status of a [`PodView`].
#[derive(Debug, Clone, Default, Deserialize)]
pub struct PodStatus {
    phase: Option<String>,
    conditions: Option<Vec<Condition>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Condition {
    r#type: String,
    status: String,
}

/// What is kept of a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodFacts {
    /// The resourceVersion; none of one that is no number.
    pub version: Option<u64>,
    /// Its state as a Pod of its Deployment. None if it is being deleted, has finished, or has no Deployment.
    pub owned: Option<OwnedPod>,
}

/// A Pod of a Deployment that is neither being deleted nor finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedPod {
    /// The name of its Deployment, in its own namespace.
    pub deployment: String,
    /// The name of its ReplicaSet.
    pub replica_set: String,
    /// The uid.
    pub uid: String,
    /// The node that it is bound to.
    pub node: Option<String>,
    /// Whether its phase is Running.
    pub running: bool,
    /// Whether its condition Ready is True.
    pub ready: bool,
    /// Its pod-deletion-cost; 0 where it has none, or none that is a number, as for the ReplicaSet controller.
    pub deletion_cost: i32,
    /// Whether warden marked it as one of a departed base ([`keys::DEPARTED`]).
    pub marked: bool,
}

impl OwnedPod {
    /// Whether it is bound, Running and Ready, not marked, and without a deletion cost.
    pub fn is_healthy(&self) -> bool {
        self.node.is_some() && self.running && self.ready && !self.marked && self.deletion_cost == 0
    }
}

impl From<PodView> for PodFacts {
    fn from(view: PodView) -> Self {
        Self { version: version(view.metadata.resource_version.as_ref()), owned: owned(&view) }
    }
}

fn owned(view: &PodView) -> Option<OwnedPod> {
    let finished = matches!(view.status.phase.as_deref(), Some("Succeeded" | "Failed"));
    if finished || view.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let (deployment, replica_set) = owners(view)?;
    let conditions = view.status.conditions.iter().flatten();
    let cost = view.annotation(keys::POD_DELETION_COST).and_then(|cost| cost.parse().ok());
    Some(OwnedPod {
        deployment,
        replica_set,
        uid: view.metadata.uid.clone().unwrap_or_default(),
        node: view.spec.node_name.clone().filter(|node| !node.is_empty()),
        running: view.status.phase.as_deref() == Some("Running"),
        ready: conditions.into_iter().any(|condition| condition.r#type == "Ready" && condition.status == "True"),
        deletion_cost: cost.unwrap_or(0),
        marked: [keys::DEPARTED, keys::DEPARTED_OLDER].iter().any(|key| view.annotation(key).is_some()),
    })
}

/// The names of the Deployment and ReplicaSet that it belongs to. A Deployment names its ReplicaSets after itself and the
/// hash that their Pods carry, which spares a watch of ReplicaSets.
fn owners(view: &PodView) -> Option<(String, String)> {
    let owners = view.metadata.owner_references.iter().flatten();
    let is_it = |owner: &&OwnerReference| owner.controller == Some(true) && owner.kind == "ReplicaSet";
    let replica_set = &owners.into_iter().find(is_it)?.name;
    let hash = view.label(keys::POD_TEMPLATE_HASH).filter(|hash| !hash.is_empty())?;
    let deployment = replica_set.strip_suffix(hash)?.strip_suffix('-')?;
    Some((deployment.to_owned(), replica_set.clone()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn pod() -> Value {
        json!({
            "metadata": {
                "name": "orders-5d8-x", "namespace": "shop", "uid": "u", "resourceVersion": "7",
                "labels": {"pod-template-hash": "5d8"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "orders-5d8", "uid": "r", "controller": true}],
            },
            "spec": {"nodeName": "n", "containers": [{"name": "orders"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        })
    }

    fn facts(pod: Value) -> PodFacts {
        serde_json::from_value::<PodView>(pod).unwrap().into()
    }

    #[test]
    fn a_pod_is_read() {
        let owned = OwnedPod {
            deployment: "orders".to_owned(),
            replica_set: "orders-5d8".to_owned(),
            uid: "u".to_owned(),
            node: Some("n".to_owned()),
            running: true,
            ready: true,
            deletion_cost: 0,
            marked: false,
        };
        assert_eq!(facts(pod()), PodFacts { version: Some(7), owned: Some(owned) });
    }

    #[rstest]
    #[case::deleted("/metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z"))]
    #[case::failed("/status/phase", json!("Failed"))]
    #[case::succeeded("/status/phase", json!("Succeeded"))]
    #[case::of_a_stateful_set("/metadata/ownerReferences/0/kind", json!("StatefulSet"))]
    #[case::of_a_bare_replica_set("/metadata/ownerReferences/0/name", json!("orders"))]
    #[case::merely_owned("/metadata/ownerReferences/0/controller", json!(false))]
    #[case::without_hash("/metadata/labels", json!({}))]
    fn any_other_pod_has_no_deployment(#[case] at: &str, #[case] value: Value) {
        let mut pod = pod();
        let (parent, field) = at.rsplit_once('/').unwrap();
        pod.pointer_mut(parent).unwrap()[field] = value;
        assert_eq!(facts(pod).owned, None);
    }

    #[rstest]
    #[case("-2147483648", i32::MIN)]
    #[case("5", 5)]
    #[case("much", 0)]
    fn the_deletion_cost_is_read(#[case] cost: &str, #[case] reads: i32) {
        let mut pod = pod();
        pod["metadata"]["annotations"] = json!({keys::POD_DELETION_COST: cost});
        let owned = facts(pod).owned.unwrap();
        assert_eq!((owned.deletion_cost, owned.marked), (reads, false));
    }

    #[rstest]
    #[case(keys::DEPARTED)]
    #[case::older(keys::DEPARTED_OLDER)]
    fn a_mark_is_read(#[case] key: &str) {
        let mut pod = pod();
        pod["metadata"]["annotations"] = json!({key: "n"});
        assert!(facts(pod).owned.unwrap().marked);
    }
}
