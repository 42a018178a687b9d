//! What is filled in: a file per default, as in `src/policy/defaults/`.

mod base_affinity;
mod base_tolerations;
mod component_label;
mod identity_labels;
mod left_alone;
mod module_labels;
mod outage_tolerations;
mod sources;
mod unavailable_resources;
mod workload_labels;

use koupleless_warden::module::Kind;
use rstest::rstest;
use serde_json::{Value, json};
use similar_asserts::assert_eq;

use crate::sample::{
    BASE_CLUSTER, BASE_NAME, BASE_VERSION, COMPONENT, COMPONENT_OLDER, Cluster, ENV, IDENTITY, INJECT, NAME,
    OWN_TOLERATIONS, PLACEMENT, REQUIRED, STRATEGY, VERSION, create, deployment, edited, module, pod, template_in,
    template_of,
};

fn virtual_node() -> Value {
    json!({"key": "schedule.koupleless.io/virtual-node", "operator": "Equal", "value": "True", "effect": "NoExecute"})
}

fn node_env(env: &str) -> Value {
    json!({"key": "schedule.koupleless.io/node-env", "operator": "Equal", "value": env, "effect": "NoExecute"})
}

fn outage(taint: &str) -> Value {
    json!({"key": format!("node.kubernetes.io/{taint}"), "operator": "Exists", "effect": "NoExecute"})
}

fn in_tree(taint: &str) -> Value {
    edited(outage(taint), |toleration| toleration["tolerationSeconds"] = json!(300))
}

/// `key In [values]`, a requirement of node affinity.
fn is_in(key: &str, values: &[&str]) -> Value {
    json!({"key": key, "operator": "In", "values": values})
}

/// The tolerations of a Deployment after review, given those before.
fn tolerations(given: &Value) -> Vec<Value> {
    let deployment = deployment(|d| template_of(d)["spec"]["tolerations"] = given.clone());
    let reviewed = create(Kind::Deployment, &deployment);
    reviewed.pod["spec"]["tolerations"].as_array().unwrap().clone()
}

/// The terms of the required node affinity of a Deployment after review, given those before.
fn node_terms(given: &Value) -> Value {
    let deployment = deployment(|d| {
        template_of(d)["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] = given.clone();
    });
    create(Kind::Deployment, &deployment).pod["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"].clone()
}

#[test]
fn a_module_with_nothing_but_itself_and_its_base_is_complete_as_a_pod() {
    let manifest = module(Kind::Deployment);
    let reviewed = create(Kind::Deployment, &manifest);
    // Given what its author wrote, its template has only an annotation more
    let written =
        edited(manifest, |d| template_of(d)["metadata"]["annotations"][PLACEMENT] = json!(r#"{"env":"dev"}"#));
    assert_eq!(reviewed.object, written);
    // Then the Pod is complete
    let annotations = written["spec"]["template"]["metadata"]["annotations"].clone();
    let expected = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": "shop",
            "generateName": "orders-",
            "labels": {COMPONENT: "module", NAME: "biz1", VERSION: "1.0.0", IDENTITY: "1.0.0"},
            "annotations": annotations,
        },
        "spec": {
            "containers": [{
                "name": "biz1",
                "image": "https://repo.example.com/biz1-1.0.0-ark-biz.jar",
                "env": [{"name": "BIZ_VERSION", "value": "1.0.0"}],
            }],
            "tolerations": [virtual_node(), node_env("dev"), outage("not-ready"), outage("unreachable")],
            "affinity": {
                "nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [
                    {"matchExpressions": [is_in(BASE_NAME, &["base"]), is_in(BASE_VERSION, &["1.0.0"])]},
                ]}},
                "podAntiAffinity": {REQUIRED: [{
                    "labelSelector": {"matchLabels": {IDENTITY: "1.0.0"}},
                    "namespaceSelector": {},
                    "topologyKey": "kubernetes.io/hostname",
                }]},
            },
        },
    });
    assert_eq!(reviewed.pod, expected);
    assert_eq!(reviewed.refused(), [""; 0]);
    assert_eq!(reviewed.warned(), [""; 0]);
}

#[rstest]
fn every_kind_makes_the_same_pod(#[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)] kind: usize) {
    let kind = Kind::ALL[kind];
    let of_deployment = create(Kind::Deployment, &module(Kind::Deployment)).pod;
    let reviewed = create(kind, &module(kind));
    let (mut spec, mut labels) = (of_deployment["spec"].clone(), of_deployment["metadata"]["labels"].clone());
    if kind.places_by_template() {
        // Its controller keeps its Pods apart.
        spec["affinity"].as_object_mut().unwrap().remove("podAntiAffinity");
    }
    let mut of_kind = reviewed.pod["metadata"]["labels"].clone();
    for labels in [&mut labels, &mut of_kind] {
        labels.as_object_mut().unwrap().retain(|key, _| key != "app");
    }
    assert_eq!(reviewed.pod["spec"], spec, "{}", reviewed.object);
    assert_eq!(of_kind, labels, "{}", reviewed.object);
    assert!(reviewed.verdict.admits(), "{:?}", reviewed.verdict);
}
