//! What is kept of a peer Deployment.

use k8s_openapi::api::apps::v1::Deployment;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{View, version};
use crate::module::{Kind, MaxSurge, UnmanagedReason, Workload};
use crate::vocabulary as keys;

/// A Deployment as far as it is decoded; its spec stays raw, as `policy` reads it.
pub(crate) type DeploymentView = View<Deployment, Value, DeploymentStatus>;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeploymentStatus {
    observed_generation: Option<i64>,
    replicas: Option<u32>,
    updated_replicas: Option<u32>,
}

/// What is kept of a peer Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentFacts {
    /// The uid.
    pub uid: String,
    /// The resourceVersion.
    pub resource_version: String,
    /// `spec.replicas`.
    pub replicas: u32,
    /// How many Pods more a rollout may make.
    pub max_surge: MaxSurge,
    /// Whether the controller-manager has seen its last change.
    pub observed: bool,
    /// Whether all of its Pods are of its current template, as the controller-manager has counted them.
    pub rolled_out: bool,
    /// Whether its template names the node of its Pods (`spec.nodeName`), past the scheduler.
    pub pinned: bool,
    /// Why the number is the user's, if it is.
    pub unmanaged: Option<UnmanagedReason>,
    /// The last line that warden wrote on it ([`keys::PEER_STATUS`]).
    pub status_line: Option<String>,
    /// The workload that it follows, as its annotation says ([`keys::FOLLOW`]).
    pub follow: Option<String>,
    /// The object as far as injection reads it: the template, and what our own keys say on the Deployment itself. What
    /// changes with every scaling and rollout is not in it.
    pub module: Value,
}

impl DeploymentFacts {
    pub(crate) fn version(&self) -> Option<u64> {
        version(Some(&self.resource_version))
    }
}

impl From<DeploymentView> for DeploymentFacts {
    fn from(mut view: DeploymentView) -> Self {
        let module = module(&mut view);
        let workload = Workload::new(Kind::Deployment, &module);
        let (unmanaged, pinned) = (workload.management().unmanaged_reason(), workload.template().node_name().is_some());
        let follow = workload.metadata().annotation(keys::FOLLOW).map(str::to_owned);
        let replicas = view.spec.get("replicas").and_then(Value::as_u64).unwrap_or(1);
        Self {
            uid: view.metadata.uid.clone().unwrap_or_default(),
            resource_version: view.metadata.resource_version.clone().unwrap_or_default(),
            replicas: u32::try_from(replicas).unwrap_or(u32::MAX),
            max_surge: MaxSurge::of(&view.spec),
            observed: view.status.observed_generation >= view.metadata.generation,
            rolled_out: view.status.updated_replicas.unwrap_or(0) >= view.status.replicas.unwrap_or(0),
            pinned,
            unmanaged,
            status_line: view.annotation(keys::PEER_STATUS).map(str::to_owned),
            follow,
            module,
        }
    }
}

fn module(view: &mut DeploymentView) -> Value {
    let key = view.key();
    let ours = |map: Option<&std::collections::BTreeMap<String, String>>| -> Map<String, Value> {
        let pairs = map.into_iter().flatten();
        let ours = pairs.filter(|(key, _)| key.contains("koupleless.io/") && *key != keys::PEER_STATUS);
        ours.map(|(key, value)| (key.clone(), json!(value))).collect()
    };
    let owners = view.metadata.owner_references.iter().flatten();
    let controllers: Vec<_> = owners.map(|owner| json!({"controller": owner.controller == Some(true)})).collect();
    let template = view.spec.get_mut("template").map(Value::take).unwrap_or_default();
    json!({
        "metadata": {
            "name": key.name,
            "namespace": key.namespace,
            "labels": ours(view.metadata.labels.as_ref()),
            "annotations": ours(view.metadata.annotations.as_ref()),
            "ownerReferences": controllers,
        },
        "spec": {"template": template},
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn facts(status: &Value, pod: &Value) -> DeploymentFacts {
        let view: DeploymentView = serde_json::from_value(json!({
            "metadata": {"namespace": "shop", "name": "orders", "generation": 2},
            "spec": {"replicas": 3, "template": {"spec": pod}},
            "status": status,
        }))
        .unwrap();
        view.into()
    }

    #[rstest]
    #[case::new(json!({}), false, true)]
    #[case::behind(json!({"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3}), false, true)]
    #[case::at_rest(json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3}), true, true)]
    #[case::another_template(json!({"observedGeneration": 2, "replicas": 3}), true, false)]
    #[case::in_a_rollout(json!({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 2}), true, false)]
    #[case::no_pods(json!({"observedGeneration": 2}), true, true)]
    fn a_rollout_shows_in_the_status(#[case] status: Value, #[case] observed: bool, #[case] rolled_out: bool) {
        let facts = facts(&status, &json!({}));

        assert_eq!((facts.observed, facts.rolled_out), (observed, rolled_out));
    }

    #[rstest]
    #[case::by_its_name(json!({"nodeName": "a"}), true)]
    #[case::by_no_name(json!({"nodeName": ""}), false)]
    #[case::by_a_label(json!({"nodeSelector": {"kubernetes.io/hostname": "a"}}), false)]
    fn a_template_may_name_its_node(#[case] pod: Value, #[case] pinned: bool) {
        assert_eq!(facts(&json!({}), &pod).pinned, pinned);
    }
}
