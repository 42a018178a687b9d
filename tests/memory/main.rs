//! What warden keeps takes about as much memory as it reckons. By the resident memory of this process, so it is one test alone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fs;

use koupleless_warden::cluster::{DeploymentFacts, DeploymentView};
use koupleless_warden::module::retained::RETAINED_LIMIT;
use serde_json::{Map, Value, json};

/// Copies of each Deployment that are measured at once: the kernel may hand out memory by 2 MiB, which is 10 KiB each.
const COPIES: usize = 200;

/// A template that is as large as the number says.
type Shape = (&'static str, fn(usize) -> Value);

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

const SHAPES: [Shape; 8] = [
    ("tolerations with one field", |count| json!({"spec": {"tolerations": many(count, |_| json!({"key": "a"}))}})),
    ("tolerations as they are", |count| {
        let toleration =
            |at| json!({"key": format!("k{at}"), "operator": "Equal", "value": "v", "effect": "NoSchedule"});
        json!({"spec": {"tolerations": many(count, toleration)}})
    }),
    ("terms in terms", |count| {
        let term =
            |at: usize| json!({"matchExpressions": [{"key": "k", "operator": "In", "values": [at.to_string()]}]});
        json!({"spec": {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": many(count, term)}}}}})
    }),
    ("host names", |count| {
        let values = many(count, |at| json!(format!("base-{at}")));
        let terms = json!([{"matchExpressions": [{"key": "k", "operator": "In", "values": values}]}]);
        json!({"spec": {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}}})
    }),
    ("labels", |count| {
        let labels: Map<_, _> = (0..count).map(|at| (format!("label-{at}"), json!("x"))).collect();
        json!({"metadata": {"labels": labels}})
    }),
    ("small maps of labels", |count| {
        let labels: Map<_, _> = (0..12).map(|at| (at.to_string(), json!(""))).collect();
        let term = |_| json!({"labelSelector": {"matchLabels": labels}});
        json!({"spec": {"affinity": {"podAntiAffinity": {REQUIRED: many(count, term)}}}})
    }),
    ("lists of nothing", |count| json!({"spec": {"tolerations": many(count, |_| json!([]))}})),
    ("lists of one", |count| json!({"spec": {"tolerations": many(count, |_| json!([0]))}})),
];

fn many(count: usize, of: impl Fn(usize) -> Value) -> Value {
    (0..count).map(of).collect()
}

#[test]
fn a_deployment_takes_about_as_much_memory_as_the_limit_says() {
    let mut all = Vec::new();
    for (what, shape) in SHAPES {
        // Given the largest Deployment of this shape that warden keeps
        let (mut kept, mut too_large) = (0, RETAINED_LIMIT / 16);
        while too_large - kept > 1 {
            let middle = kept.midpoint(too_large);
            let is_kept = facts(&text(&shape(middle))).module.is_object();
            if is_kept { kept = middle } else { too_large = middle }
        }
        let text = text(&shape(kept));
        let copies = || (0..COPIES).map(|_| facts(&text)).collect::<Vec<_>>();
        // What the search has left to the allocator is used up
        all.push(copies());
        // When warden keeps many such
        let before = resident();
        all.push(copies());
        let each = (resident() - before) / COPIES;
        // Then each takes what the limit says and a little for what is around the template; and not so little that the limit
        // is another
        println!("{what}: {kept} in {} KiB", each >> 10);
        let range = RETAINED_LIMIT / 2..RETAINED_LIMIT * 5 / 4;
        assert!(range.contains(&each), "{what}: {} KiB each", each >> 10);
    }
}

/// A Deployment with this template, as the API server sends it.
fn text(template: &Value) -> String {
    json!({"metadata": {"namespace": "shop", "name": "orders"}, "spec": {"template": template}}).to_string()
}

fn facts(text: &str) -> DeploymentFacts {
    serde_json::from_str::<DeploymentView>(text).unwrap().into()
}

/// The resident memory of this process, in bytes.
fn resident() -> usize {
    const PAGE: usize = 4096;
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap() * PAGE
}
