//! Random templates that an API server accepts, about the nodes of this test.

use anyhow::{Result, anyhow};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

/// Labels of the nodes, with values that some of them have and values that none has.
const LABELS: [(&str, &[&str]); 6] = [
    ("base.koupleless.io/version", &["1.0.0", "1.1.0", "2.0.0", "3.0.0"]),
    ("base.koupleless.io/cluster-name", &["a", "b", "c", "d"]),
    ("virtual-kubelet.koupleless.io/env", &["dev", "test", "prod"]),
    ("virtual-kubelet.koupleless.io/component", &["vnode", ""]),
    ("level", &["3", "5", "7", "10", "high"]),
    ("spare", &["", "1"]),
];

/// Limits for `Gt` and `Lt`. The API server takes the last one too, and nothing then matches.
const LIMITS: [&str; 7] = ["0", "3", "4", "5", "8", "10", "high"];

/// Taints of the nodes, with values that some of them have and values that none has.
const TAINTS: [(&str, &[&str]); 5] = [
    ("dedicated", &["team-a", "team-b", "team-c"]),
    ("maintenance", &["", "now"]),
    ("node.kubernetes.io/unreachable", &[""]),
    ("node.kubernetes.io/not-ready", &[""]),
    ("node.kubernetes.io/network-unavailable", &[""]),
];

/// Draws specs of templates from a seed.
pub(super) struct Templates {
    runner: TestRunner,
    nodes: Vec<String>,
}

impl Templates {
    /// Of pods for these nodes.
    pub(super) fn seeded(seed: u64, nodes: &[String]) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        Self { runner: TestRunner::new_with_rng(Config::default(), random), nodes: nodes.to_vec() }
    }

    /// The spec of the next template.
    pub(super) fn draw(&mut self) -> Result<Value> {
        let tree = spec(&self.nodes).new_tree(&mut self.runner).map_err(|reason| anyhow!("{reason}"))?;
        Ok(tree.current())
    }
}

fn spec(nodes: &[String]) -> impl Strategy<Value = Value> {
    let selector = prop_oneof![7 => Just(json!({})), 3 => selector()];
    let node_name = prop_oneof![24 => Just(Value::Null), 1 => select(nodes.to_vec()).prop_map(Value::from)];
    let affinity = prop_oneof![
        4 => Just(Value::Null),
        3 => vec(term(nodes), 1).prop_map(required),
        3 => vec(term(nodes), 2..4).prop_map(required),
    ];
    (selector, node_name, affinity, tolerations(), prop::bool::weighted(0.2)).prop_map(
        |(selector, node_name, affinity, tolerations, host_network)| {
            json!({
                "containers": [{"name": "module", "image": "module"}],
                "nodeSelector": selector,
                "nodeName": node_name,
                "affinity": affinity,
                "tolerations": tolerations,
                "hostNetwork": host_network,
            })
        },
    )
}

fn required(terms: Vec<Value>) -> Value {
    json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}})
}

fn selector() -> impl Strategy<Value = Value> {
    select(&LABELS).prop_flat_map(|(key, values)| select(values).prop_map(move |value| json!({key: value})))
}

fn term(nodes: &[String]) -> impl Strategy<Value = Value> {
    let fields = prop_oneof![5 => vec(field(nodes), 0), 1 => vec(field(nodes), 1)];
    (vec(expression(), 0..3), fields)
        .prop_map(|(expressions, fields)| json!({"matchExpressions": expressions, "matchFields": fields}))
}

fn field(nodes: &[String]) -> impl Strategy<Value = Value> {
    (select(vec!["In", "NotIn"]), select(nodes.to_vec()))
        .prop_map(|(operator, node)| json!({"key": "metadata.name", "operator": operator, "values": [node]}))
}

fn expression() -> impl Strategy<Value = Value> {
    let operator = select(vec!["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]);
    (operator, select(&LABELS)).prop_flat_map(|(operator, (key, values))| {
        let (key, values) = match operator {
            "In" | "NotIn" => (key, subsequence(values.to_vec(), 1..=values.len().min(3)).boxed()),
            "Exists" | "DoesNotExist" => (key, Just(Vec::new()).boxed()),
            _ => ("level", vec(select(&LIMITS), 1).boxed()),
        };
        values.prop_map(move |values| json!({"key": key, "operator": operator, "values": values}))
    })
}

/// Mostly those that a module needs, and some others.
fn tolerations() -> impl Strategy<Value = Value> {
    let exists = |key: &str| json!({"key": key, "operator": "Exists"});
    let virtual_node = prop_oneof![
        1 => Just(vec![]),
        9 => Just(vec![exists("schedule.koupleless.io/virtual-node")]),
    ];
    let env = "schedule.koupleless.io/node-env";
    let node_env = prop_oneof![
        1 => Just(vec![]),
        5 => Just(vec![exists(env)]),
        4 => select(vec!["dev", "test", "prod"]).prop_map(move |value| vec![json!({"key": env, "value": value})]),
    ];
    (virtual_node, node_env, vec(toleration(), 0..4))
        .prop_map(|parts| Value::from([parts.0, parts.1, parts.2].concat()))
}

fn toleration() -> impl Strategy<Value = Value> {
    let everything = Just(json!({"operator": "Exists"}));
    let effect = select(vec![Value::Null, json!("NoSchedule"), json!("NoExecute")]);
    let some = (select(&TAINTS), effect, any::<bool>(), prop::bool::weighted(0.3)).prop_flat_map(
        |((key, values), effect, exists, ends)| {
            select(values).prop_map(move |value| {
                let mut toleration = json!({"key": key, "effect": effect});
                if exists {
                    toleration["operator"] = json!("Exists");
                } else {
                    toleration["value"] = json!(value);
                }
                if ends && effect == "NoExecute" {
                    toleration["tolerationSeconds"] = json!(60);
                }
                toleration
            })
        },
    );
    prop_oneof![1 => everything, 24 => some]
}
