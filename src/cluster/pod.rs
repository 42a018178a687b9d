//! What is kept of a Pod.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Deserialize;
use serde_json::json;

use super::version;
use crate::k8s::View;
use crate::module::retained::RetainedContainers;
use crate::module::{Kind, Workload, identity_labels};
use crate::vocabulary as keys;

/// A Pod as far as it is decoded.
pub type PodView = View<k8s_openapi::api::core::v1::Pod, PodSpec, PodStatus>;

/// The spec of a [`PodView`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodSpec {
    node_name: Option<String>,
    #[serde(default)]
    containers: RetainedContainers,
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
    /// What is wrong with its identity labels. None of a Pod whose labels are right, so that an ordinary Pod takes no room, and of one
    /// that has no part in keeping modules apart: it has finished, or is being deleted and was never bound.
    pub unlabelled: Option<Box<UnlabelledPod>>,
}

/// A Pod whose identity labels ([`keys::IDENTITY_PREFIX`]) are not those of its containers. New Pods do not keep off its base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnlabelledPod {
    /// The uid.
    pub uid: String,
    /// The identity labels that it lacks, or has with another value.
    pub missing: BTreeMap<String, String>,
    /// The keys of identity labels that it has and that name none of its modules.
    pub foreign: Vec<String>,
    /// The Deployment that it belongs to, in its own namespace; also while it is being deleted.
    pub deployment: Option<String>,
    /// Whether it opted out of injection ([`keys::INJECT`]).
    pub opted_out: bool,
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
        let version = version(view.metadata.resource_version.as_ref());
        let (owned, unlabelled) = (owned(&view), unlabelled(view));
        Self { version, owned, unlabelled }
    }
}

fn owned(view: &PodView) -> Option<OwnedPod> {
    if has_finished(view) || view.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let (deployment, replica_set) = owners(view)?;
    let conditions = view.status.conditions.iter().flatten();
    let cost = view.annotation(keys::POD_DELETION_COST).and_then(|cost| cost.parse().ok());
    Some(OwnedPod {
        deployment,
        replica_set,
        uid: view.metadata.uid.clone().unwrap_or_default(),
        node: node(view).map(str::to_owned),
        running: view.status.phase.as_deref() == Some("Running"),
        ready: conditions.into_iter().any(|condition| condition.r#type == "Ready" && condition.status == "True"),
        deletion_cost: cost.unwrap_or(0),
        marked: [keys::DEPARTED, keys::DEPARTED_OLDER].iter().any(|key| view.annotation(key).is_some()),
    })
}

fn has_finished(view: &PodView) -> bool {
    matches!(view.status.phase.as_deref(), Some("Succeeded" | "Failed"))
}

fn node(view: &PodView) -> Option<&str> {
    view.spec.node_name.as_deref().filter(|node| !node.is_empty())
}

/// What is wrong with the identity labels. Of containers that are too large to be read whole, those count that were read: what else
/// such a Pod bears is not known to be wrong.
fn unlabelled(mut view: PodView) -> Option<Box<UnlabelledPod>> {
    let never_bound = view.metadata.deletion_timestamp.is_some() && node(&view).is_none();
    if has_finished(&view) || never_bound {
        return None;
    }
    let containers = std::mem::take(&mut view.spec.containers);
    let pod = json!({"spec": {"containers": containers.value}});
    let identity = identity_labels(&Workload::new(Kind::Pod, &pod).template());
    let borne = view.metadata.labels.iter().flatten().filter(|(key, _)| key.starts_with(keys::IDENTITY_PREFIX));
    let is_foreign = |key: &&String| containers.is_complete && !identity.contains_key(*key);
    let foreign: Vec<String> = borne.map(|(key, _)| key).filter(is_foreign).cloned().collect();
    let is_borne = |key: &str, value: &str| view.label(key) == Some(value);
    let missing: BTreeMap<String, String> = identity.into_iter().filter(|(key, value)| !is_borne(key, value)).collect();
    if missing.is_empty() && foreign.is_empty() {
        return None;
    }
    Some(Box::new(UnlabelledPod {
        uid: view.metadata.uid.clone().unwrap_or_default(),
        missing,
        foreign,
        deployment: owners(&view).map(|(deployment, _)| deployment),
        opted_out: view.annotation(keys::INJECT) == Some("false"),
    }))
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
        assert_eq!(facts(pod()), PodFacts { version: Some(7), owned: Some(owned), unlabelled: None });
    }

    /// The key of the identity label of the module `orders`.
    const ORDERS: &str = "module.warden.koupleless.io/orders";

    /// A Pod with these modules, by name and version, and with these identity labels.
    fn labelled(modules: &[(&str, &str)], labels: &[(&str, &str)]) -> Value {
        let container = |(name, version): &(&str, &str)| json!({"name": name, "image": format!("https://x/{name}.jar"), "env": [{"name": "BIZ_VERSION", "value": version}]});
        let mut pod = pod();
        pod["spec"]["containers"] = modules.iter().map(container).collect();
        for (key, value) in labels {
            pod["metadata"]["labels"][*key] = json!(value);
        }
        pod
    }

    #[test]
    fn nothing_is_kept_of_a_pod_with_the_right_labels() {
        let stock = "module.warden.koupleless.io/stock";
        for pod in [
            labelled(&[("orders", "1")], &[(ORDERS, "1")]),
            labelled(&[("orders", "1"), ("stock", "2")], &[(ORDERS, "1"), (stock, "2")]),
            labelled(&[], &[]),
        ] {
            assert_eq!(facts(pod.clone()).unlabelled, None, "{pod}");
        }
    }

    #[rstest]
    #[case::missing(&[], &[(ORDERS, "1")], &[])]
    #[case::of_another_version(&[(ORDERS, "2")], &[(ORDERS, "1")], &[])]
    #[case::foreign(&[(ORDERS, "1"), ("module.warden.koupleless.io/stock", "1")], &[], &["module.warden.koupleless.io/stock"])]
    fn wrong_labels_are_found(
        #[case] labels: &[(&str, &str)],
        #[case] missing: &[(&str, &str)],
        #[case] foreign: &[&str],
    ) {
        let unlabelled = *facts(labelled(&[("orders", "1")], labels)).unlabelled.unwrap();
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let expected = UnlabelledPod {
            uid: "u".to_owned(),
            missing: missing.iter().map(owned).collect(),
            foreign: foreign.iter().map(|key| (*key).to_owned()).collect(),
            deployment: Some("orders".to_owned()),
            opted_out: false,
        };
        assert_eq!(unlabelled, expected);
    }

    #[test]
    fn a_version_that_is_no_label_value_is_known_by_its_hash() {
        let hashed = crate::module::identity_label("orders", "1:0").unwrap().1;
        assert_eq!(facts(labelled(&[("orders", "1:0")], &[(ORDERS, &hashed)])).unlabelled, None);
        assert_eq!(facts(labelled(&[("orders", "1:0")], &[])).unlabelled.unwrap().missing[ORDERS], hashed);
    }

    #[rstest]
    #[case::deleted("/metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z"), true)]
    #[case::opted_out("/metadata/annotations", json!({keys::INJECT: "false"}), true)]
    #[case::unbound("/spec/nodeName", json!(""), true)]
    #[case::without_owner("/metadata/ownerReferences", json!([]), true)]
    #[case::finished("/status/phase", json!("Succeeded"), false)]
    fn every_pod_that_may_be_on_a_base_must_be_kept_apart(
        #[case] at: &str,
        #[case] value: Value,
        #[case] counts: bool,
    ) {
        let mut pod = labelled(&[("orders", "1")], &[]);
        let (parent, field) = at.rsplit_once('/').unwrap();
        pod.pointer_mut(parent).unwrap()[field] = value;
        let unlabelled = facts(pod).unlabelled;
        assert_eq!(unlabelled.is_some(), counts);
        assert!(unlabelled.is_none_or(|pod| pod.opted_out == (at == "/metadata/annotations")));
    }

    #[test]
    fn a_pod_that_goes_before_it_was_bound_needs_no_label() {
        let mut pod = labelled(&[("orders", "1")], &[]);
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        pod["spec"]["nodeName"] = Value::Null;
        assert_eq!(facts(pod).unlabelled, None);
    }

    #[test]
    fn what_was_read_of_a_pod_that_is_too_large_is_judged() {
        let mut pod = labelled(&[("orders", "1")], &[("module.warden.koupleless.io/last", "1")]);
        let rest = (0..2000).map(|at| json!({"name": format!("c{at}"), "image": "https://x/y.jar"}));
        pod["spec"]["containers"].as_array_mut().unwrap().extend(rest);
        let unlabelled = facts(pod).unlabelled.unwrap();
        assert_eq!((unlabelled.missing.len(), unlabelled.foreign), (1, Vec::new()));
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
