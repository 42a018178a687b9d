//! What holds for every template and every node.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{REQUIRED, demand};
use crate::fit::{Demand, Fit, Node, NodeTaint};

const KEYS: [&str; 4] = ["a", "b", "c", "d"];
const VALUES: [&str; 5] = ["", "1", "2", "10", "x"];
const NAMES: [&str; 3] = ["n1", "n2", "n3"];
const TAINTS: [&str; 4] =
    ["a", "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable", "node.kubernetes.io/unschedulable"];

fn expression() -> impl Strategy<Value = Value> {
    let operator = select(vec!["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Like"]);
    (select(&KEYS), operator, vec(select(&VALUES), 0..3)).prop_map(|(key, operator, mut values)| {
        // Mostly as many values as the operator takes.
        match operator {
            "Exists" | "DoesNotExist" => values.clear(),
            "Gt" | "Lt" => values.truncate(1),
            _ => (),
        }
        json!({"key": key, "operator": operator, "values": values})
    })
}

fn field() -> impl Strategy<Value = Value> {
    (select(vec!["In", "NotIn"]), select(&NAMES))
        .prop_map(|(operator, name)| json!({"key": "metadata.name", "operator": operator, "values": [name]}))
}

fn term() -> impl Strategy<Value = Value> {
    (vec(expression(), 0..3), vec(field(), 0..2))
        .prop_map(|(expressions, fields)| json!({"matchExpressions": expressions, "matchFields": fields}))
}

fn toleration() -> impl Strategy<Value = Value> {
    let key = option::weighted(0.9, select(&TAINTS));
    let operator = option::of(select(vec!["Exists", "Equal", "Gt"]));
    let effect = option::of(select(vec!["NoExecute", "NoSchedule"]));
    let seconds = option::weighted(0.2, 0..600_i64);
    (key, operator, select(&VALUES), effect, seconds).prop_map(|(key, operator, value, effect, seconds)| {
        json!({"key": key, "operator": operator, "value": value, "effect": effect, "tolerationSeconds": seconds})
    })
}

fn spec() -> impl Strategy<Value = Value> {
    let name = option::weighted(0.1, select(&NAMES));
    let selector = btree_map(select(&KEYS), select(&VALUES), 0..2);
    let terms = option::weighted(0.8, vec(term(), 0..4));
    (name, selector, terms, vec(toleration(), 0..4)).prop_map(|(name, selector, terms, tolerations)| {
        let required = terms.map(|terms| json!({"nodeSelectorTerms": terms}));
        json!({
            "nodeName": name,
            "nodeSelector": selector,
            "affinity": {"nodeAffinity": {REQUIRED: required}},
            "tolerations": tolerations,
        })
    })
}

fn taint() -> impl Strategy<Value = NodeTaint> {
    let effect = select(vec!["NoExecute", "NoSchedule", "PreferNoSchedule"]);
    (select(&TAINTS), select(&VALUES), effect).prop_map(|(key, value, effect)| NodeTaint {
        key: key.to_owned(),
        value: value.to_owned(),
        effect: effect.to_owned(),
    })
}

fn node() -> impl Strategy<Value = Node> {
    let labels = btree_map(select(&KEYS).prop_map(str::to_owned), select(&VALUES).prop_map(str::to_owned), 0..4);
    (select(&NAMES), labels, vec(taint(), 0..3), any::<bool>()).prop_map(|(name, labels, taints, unschedulable)| Node {
        name: name.to_owned(),
        labels,
        taints,
        unschedulable,
        has_memory: false,
    })
}

/// As much of `node` as `demand` says that it reads.
fn projected(demand: &Demand, node: &Node) -> Node {
    let keys = demand.label_keys();
    let mut projected = node.clone();
    projected.labels.retain(|key, _| keys.contains(key.as_str()));
    if !demand.judges_by_name() {
        projected.name.clear();
    }
    projected
}

fn rank(fit: &Fit<'_>) -> u8 {
    match fit {
        Fit::No(_) => 0,
        Fit::NotNow(_) => 1,
        Fit::Now => 2,
    }
}

proptest! {
    #[test]
    fn it_reads_no_more_than_it_says(spec in spec(), node in node()) {
        let demand = demand(&spec);
        let projected = projected(&demand, &node);
        prop_assert_eq!(demand.judge(&projected), demand.judge(&node));
    }

    #[test]
    fn a_toleration_more_never_makes_it_worse(spec in spec(), toleration in toleration(), node in node()) {
        let mut more = spec.clone();
        if let Some(tolerations) = more["tolerations"].as_array_mut() {
            tolerations.push(toleration);
        }
        let (spec, more) = (demand(&spec), demand(&more));
        let (before, after) = (spec.judge(&node), more.judge(&node));
        prop_assert!(rank(&after) >= rank(&before), "{before:?} became {after:?}");
    }

    #[test]
    fn an_expression_more_in_every_term_never_makes_it_better(
        spec in spec(),
        expression in expression(),
        node in node(),
    ) {
        let mut more = spec.clone();
        let terms = more["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"].as_array_mut();
        for term in terms.into_iter().flatten() {
            // An empty term matches nothing, and would match something if it were added to.
            let is_empty = ["matchExpressions", "matchFields"].iter().all(|part| term[part] == json!([]));
            if let Some(expressions) = term["matchExpressions"].as_array_mut().filter(|_| !is_empty) {
                expressions.push(expression.clone());
            }
        }
        let (spec, more) = (demand(&spec), demand(&more));
        let (before, after) = (spec.judge(&node), more.judge(&node));
        prop_assert!(rank(&after) <= rank(&before), "{before:?} became {after:?}");
    }

    #[test]
    fn every_no_has_a_reason(spec in spec(), node in node()) {
        let demand = demand(&spec);
        match demand.judge(&node) {
            Fit::Now => (),
            Fit::NotNow(reasons) => {
                prop_assert!(!reasons.is_empty() && reasons.iter().all(|reason| !reason.to_string().is_empty()));
            }
            Fit::No(reason) => prop_assert!(!reason.to_string().is_empty()),
        }
    }
}
