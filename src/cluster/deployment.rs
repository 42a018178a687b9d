//! What is kept of a Deployment.

use k8s_openapi::api::apps::v1::Deployment;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::version;
use crate::k8s::View;
use crate::module::retained::{RetainedTemplate, is_too_large, own_keys};
use crate::module::{Kind, MaxSurge, UnmanagedReason, Workload};
use crate::vocabulary as keys;

/// A Deployment as far as it is decoded.
pub type DeploymentView = View<Deployment, DeploymentSpec, DeploymentStatus>;

/// The spec of a [`DeploymentView`].
#[derive(Debug, Clone, Default, Deserialize)]
pub struct DeploymentSpec {
    replicas: Option<u32>,
    #[serde(default)]
    strategy: Value,
    #[serde(default)]
    template: RetainedTemplate,
}

/// The status of a [`DeploymentView`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentStatus {
    observed_generation: Option<i64>,
    replicas: Option<u32>,
    updated_replicas: Option<u32>,
}

/// The longest state annotation that is kept, so that a user cannot make the store grow by it.
pub const MAX_STATE_BYTES: usize = 16 * 1024;

/// What is kept of a Deployment.
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
    /// The state that warden's controller wrote on it, as text ([`keys::PEER_STATE`]). None if it is longer than
    /// [`MAX_STATE_BYTES`]: warden never writes such a one.
    pub state: Option<String>,
    /// The workload that it follows, as its annotation says ([`keys::FOLLOW`]).
    pub follow: Option<String>,
    /// The object as far as injection reads it: the template, and what our own keys say on the Deployment itself. What
    /// changes with every scaling and rollout is not in it.
    pub module: Value,
}

impl DeploymentFacts {
    /// The resourceVersion as a number; none if it is not a number.
    pub fn version(&self) -> Option<u64> {
        version(Some(&self.resource_version))
    }
}

impl From<DeploymentView> for DeploymentFacts {
    fn from(mut view: DeploymentView) -> Self {
        let strategy = json!({"strategy": view.spec.strategy.take()});
        let (module, is_complete) = module(&mut view);
        let workload = Workload::new(Kind::Deployment, &module);
        let pinned = workload.template().node_name().is_some();
        let unmanaged = workload.management().unmanaged_reason();
        let unmanaged = if is_complete { unmanaged } else { unmanaged_by_choice(unmanaged) };
        let follow = workload.metadata().annotation(keys::FOLLOW).map(str::to_owned);
        Self {
            uid: view.metadata.uid.clone().unwrap_or_default(),
            resource_version: view.metadata.resource_version.clone().unwrap_or_default(),
            replicas: view.spec.replicas.unwrap_or(1),
            max_surge: MaxSurge::of(&strategy),
            observed: view.status.observed_generation >= view.metadata.generation,
            rolled_out: view.status.updated_replicas.unwrap_or(0) >= view.status.replicas.unwrap_or(0),
            pinned,
            unmanaged,
            state: state(&view).map(str::to_owned),
            follow: follow.filter(|_| is_complete),
            module: if is_complete { module } else { Value::Null },
        }
    }
}

/// Why the number is the user's where the object is too large to be kept. A user's own choice is on the Deployment itself and
/// comes first, as in [`Workload::management`]. What is missing of the template decides nothing.
fn unmanaged_by_choice(reason: Option<UnmanagedReason>) -> Option<UnmanagedReason> {
    match reason {
        Some(UnmanagedReason::ReplicasControl | UnmanagedReason::Paused | UnmanagedReason::NotInjected) => reason,
        Some(UnmanagedReason::NoModule | UnmanagedReason::TooLarge) | None => Some(UnmanagedReason::TooLarge),
    }
}

fn state(view: &DeploymentView) -> Option<&str> {
    let state = view.annotation(keys::PEER_STATE).or_else(|| view.annotation(keys::PEER_STATE_OLDER));
    state.filter(|state| state.len() <= MAX_STATE_BYTES)
}

/// The object as far as injection reads it, and whether it is complete. The caller keeps nothing of a Deployment that is too
/// large.
fn module(view: &mut DeploymentView) -> (Value, bool) {
    let key = view.key();
    let own = |map: Option<&std::collections::BTreeMap<String, String>>| -> Map<String, Value> {
        own_keys(map.into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_str())))
    };
    // An object can have tens of thousands of owners. Injection reads only whether one of them is its controller.
    let has_controller = view.metadata.owner_references.iter().flatten().any(|owner| owner.controller == Some(true));
    let owners = if has_controller { json!([{"controller": true}]) } else { json!([]) };
    let template = std::mem::take(&mut view.spec.template);
    let module = json!({
        "metadata": {
            "name": key.name,
            "namespace": key.namespace,
            "labels": own(view.metadata.labels.as_ref()),
            "annotations": own(view.metadata.annotations.as_ref()),
            "ownerReferences": owners,
        },
        "spec": {"template": template.value},
    });
    let is_complete = template.is_complete && !is_too_large(&module);
    (module, is_complete)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::module::json_memory::weight;
    use crate::module::retained::RETAINED_LIMIT;

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
    #[case::as_warden_writes_it(json!({keys::PEER_STATE: "{}"}), Some("{}"))]
    #[case::older(json!({keys::PEER_STATE_OLDER: "3/3 bases"}), Some("3/3 bases"))]
    #[case::both(json!({keys::PEER_STATE: "{}", keys::PEER_STATE_OLDER: "3/3 bases"}), Some("{}"))]
    #[case::too_long(json!({keys::PEER_STATE: "x".repeat(MAX_STATE_BYTES + 1)}), None)]
    #[case::none(json!({}), None)]
    fn state_is_kept_beside_what_injection_reads(#[case] annotations: Value, #[case] state: Option<&str>) {
        let view = json!({"metadata": {"namespace": "shop", "name": "orders", "annotations": annotations}});

        let facts = DeploymentFacts::from(serde_json::from_value::<DeploymentView>(view).unwrap());

        assert_eq!(facts.state.as_deref(), state);
        assert_eq!(facts.module["metadata"]["annotations"], json!({}));
    }

    #[rstest]
    #[case::none_is_its_controller(false)]
    #[case::one_is_its_controller(true)]
    fn of_many_owners_only_the_controller_is_kept(#[case] controlled: bool) {
        let owner =
            |controller| json!({"apiVersion": "v1", "kind": "K", "name": "n", "uid": "u", "controller": controller});
        let mut owners = vec![owner(false); 20_000];
        owners.push(owner(controlled));
        let view = json!({"metadata": {"namespace": "shop", "name": "orders", "ownerReferences": owners}});

        let facts = DeploymentFacts::from(serde_json::from_value::<DeploymentView>(view).unwrap());

        assert_eq!(Workload::new(Kind::Deployment, &facts.module).has_controller(), controlled);
        assert!(weight(&facts.module) < RETAINED_LIMIT / 10, "{} bytes", weight(&facts.module));
    }

    #[rstest]
    #[case::the_users_choice(json!({keys::PEER_PAUSED: "true"}), UnmanagedReason::Paused)]
    #[case::no_injection(json!({keys::INJECT: "false"}), UnmanagedReason::NotInjected)]
    #[case::no_choice(json!({}), UnmanagedReason::TooLarge)]
    fn the_users_choice_comes_before_the_size(#[case] annotations: Value, #[case] reason: UnmanagedReason) {
        let tolerations = vec![json!({"key": "k".repeat(200)}); 1000];
        let view = json!({
            "metadata": {
                "namespace": "shop", "name": "orders", "annotations": annotations,
                "labels": {keys::STRATEGY.current: keys::STRATEGY_PEER},
            },
            "spec": {"template": {"spec": {"tolerations": tolerations}}},
        });

        let facts = DeploymentFacts::from(serde_json::from_value::<DeploymentView>(view).unwrap());

        assert_eq!((facts.unmanaged, facts.module), (Some(reason), Value::Null));
    }

    #[rstest]
    #[case::by_its_name(json!({"nodeName": "a"}), true)]
    #[case::by_no_name(json!({"nodeName": ""}), false)]
    #[case::by_a_label(json!({"nodeSelector": {"kubernetes.io/hostname": "a"}}), false)]
    fn a_template_may_name_its_node(#[case] pod: Value, #[case] pinned: bool) {
        assert_eq!(facts(&json!({}), &pod).pinned, pinned);
    }
}
