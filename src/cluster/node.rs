//! What is kept of a Node.

use serde::Deserialize;
use serde_json::Value;

use crate::fit::{Node, NodeTaint};
use crate::k8s::View;
use crate::module::is_above_zero;

/// A Node as far as it is decoded: a heartbeat changes nothing of it but the resourceVersion.
pub type NodeView = View<k8s_openapi::api::core::v1::Node, NodeSpec, NodeStatus>;

/// The spec of a [`NodeView`].
#[derive(Debug, Clone, Default, Deserialize)]
pub struct NodeSpec {
    unschedulable: Option<bool>,
    taints: Option<Vec<TaintView>>,
}

/// The status of a [`NodeView`].
#[derive(Debug, Clone, Default, Deserialize)]
pub struct NodeStatus {
    capacity: Option<Capacity>,
}

#[derive(Debug, Clone, Deserialize)]
struct Capacity {
    memory: Option<Value>,
}

/// A taint without the time at which it was added, by which nothing is decided.
#[derive(Debug, Clone, Deserialize)]
struct TaintView {
    key: String,
    value: Option<String>,
    effect: String,
}

/// The facts, with the taints in order: theirs means nothing.
pub fn node_facts(view: NodeView) -> Node {
    let taint =
        |taint: TaintView| NodeTaint { key: taint.key, value: taint.value.unwrap_or_default(), effect: taint.effect };
    let mut taints: Vec<_> = view.spec.taints.unwrap_or_default().into_iter().map(taint).collect();
    taints.sort_unstable();
    Node {
        name: view.metadata.name.unwrap_or_default(),
        labels: view.metadata.labels.unwrap_or_default(),
        taints,
        unschedulable: view.spec.unschedulable.unwrap_or(false),
        has_memory: view.status.capacity.and_then(|capacity| capacity.memory).as_ref().is_some_and(is_above_zero),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_heartbeat_changes_no_fact() {
        // given
        let node_at = |time: &str, version: &str| {
            let view = serde_json::from_value(json!({
                "metadata": {"name": "a", "resourceVersion": version, "labels": {"k": "v"}, "managedFields": [{"time": time}]},
                "spec": {"podCIDR": "10.0.0.0/8", "taints": [
                    {"key": "b", "effect": "NoSchedule", "timeAdded": time}, {"key": "a", "value": "x", "effect": "NoExecute"},
                ]},
                "status": {
                    "conditions": [{"type": "Ready", "lastHeartbeatTime": time}], "images": [{"names": ["i"]}],
                    "capacity": {"pods": "65535", "memory": "0"},
                },
            }));
            node_facts(view.unwrap())
        };
        // when, then
        let before = node_at("2026-01-01T00:00:00Z", "1");
        assert_eq!(before, node_at("2026-01-01T00:00:10Z", "2"));
        let keys: Vec<_> = before.taints.iter().map(|taint| taint.key.as_str()).collect();
        assert_eq!((before.name.as_str(), keys, before.unschedulable), ("a", vec!["a", "b"], false));
    }
    #[rstest]
    #[case::limited(json!({"memory": "256Mi"}), true)]
    #[case::unlimited(json!({"memory": "0"}), false)]
    #[case::of_zero_with_a_suffix(json!({"memory": "0Ki"}), false)]
    #[case::unknown(json!({}), false)]
    fn the_memory_is_that_of_the_capacity(#[case] capacity: Value, #[case] has_memory: bool) {
        let view = serde_json::from_value(json!({"metadata": {}, "status": {"capacity": capacity}}));
        assert_eq!(node_facts(view.unwrap()).has_memory, has_memory);
    }
}
