//! Tolerations of the taints of vnodes.

use similar_asserts::assert_eq;

use super::*;

#[rstest]
#[case::everything(json!([{"operator": "Exists"}]), &[])]
#[case::every_key_of_the_effect(json!([{"operator": "Exists", "effect": "NoExecute"}]), &[])]
#[case::another_effect(json!([{"operator": "Exists", "effect": "NoSchedule"}]), &["virtual-node", "node-env", "not-ready", "unreachable"])]
#[case::by_key(json!([{"key": "schedule.koupleless.io/virtual-node", "operator": "Exists"}]), &["node-env", "not-ready", "unreachable"])]
#[case::empty_effect(json!([{"key": "schedule.koupleless.io/virtual-node", "value": "True"}]), &["node-env", "not-ready", "unreachable"])]
#[case::small_letter(json!([{"key": "schedule.koupleless.io/virtual-node", "value": "true"}]), &["virtual-node", "node-env", "not-ready", "unreachable"])]
#[case::the_tutorials(json!([virtual_node()]), &["node-env", "not-ready", "unreachable"])]
#[case::an_environment(json!([node_env("prod")]), &["virtual-node", "not-ready", "unreachable"])]
#[case::every_environment(json!([{"key": "schedule.koupleless.io/node-env", "operator": "Exists"}]), &["virtual-node", "not-ready", "unreachable"])]
#[case::outages_that_end(json!([{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}]), &["virtual-node", "node-env", "unreachable"])]
#[case::another_key(json!([{"key": "dedicated", "value": "a"}]), &["virtual-node", "node-env", "not-ready", "unreachable"])]
#[case::none(json!([]), &["virtual-node", "node-env", "not-ready", "unreachable"])]
fn none_is_lost_and_none_doubled(#[case] given: Value, #[case] added: &[&str]) {
    let after = super::tolerations(&given);
    let (kept, new) = after.split_at(given.as_array().unwrap().len());
    assert_eq!(json!(kept), given);
    let new: Vec<_> = new.iter().map(|t| t["key"].as_str().unwrap().split_once('/').unwrap().1).collect();
    assert_eq!(new, added);
}

#[rstest]
#[case::by_toleration(json!({"tolerations": [node_env("prod")]}), "prod")]
#[case::by_node_selector(json!({"nodeSelector": {ENV: "prod"}}), "prod")]
#[case::by_affinity(json!({"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [is_in(ENV, &["prod"])]}]}}}}), "prod")]
#[case::by_two_terms_alike(json!({"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [
    {"matchExpressions": [is_in(ENV, &["prod"])]}, {"matchExpressions": [is_in(ENV, &["prod"])]}]}}}}), "prod")]
#[case::no_value(json!({"tolerations": [{"key": "schedule.koupleless.io/node-env", "effect": "NoSchedule"}]}), "dev")]
#[case::another_operator(json!({"tolerations": [{"key": "schedule.koupleless.io/node-env", "operator": "Gt", "value": "5"}]}), "dev")]
#[case::nothing(json!({}), "dev")]
fn the_environment_is_the_one_that_the_pod_spec_chooses(#[case] spec: Value, #[case] env: &str) {
    let deployment = deployment(|d| {
        for (field, value) in spec.as_object().unwrap() {
            template_of(d)["spec"][field] = value.clone();
        }
    });
    let reviewed = create(Kind::Deployment, &deployment);
    let tolerations = reviewed.pod["spec"]["tolerations"].clone();
    assert!(tolerations.as_array().unwrap().contains(&node_env(env)), "{tolerations}");
}

#[rstest]
#[case::in_two_terms(json!([{"matchExpressions": [is_in(ENV, &["prod"])]}, {"matchExpressions": [is_in(ENV, &["test"])]}]))]
#[case::in_one(json!([{"matchExpressions": [is_in(ENV, &["prod", "test"])]}]))]
fn all_that_the_affinity_allows_are_tolerated(#[case] terms: Value) {
    let reviewed = create(
        Kind::Deployment,
        &deployment(|d| {
            template_of(d)["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] = terms;
        }),
    );
    let tolerations = reviewed.pod["spec"]["tolerations"].clone();
    for env in ["prod", "test"] {
        assert!(tolerations.as_array().unwrap().contains(&node_env(env)), "{tolerations}");
    }
    assert!(!tolerations.as_array().unwrap().contains(&node_env("dev")), "{tolerations}");
}

#[test]
fn a_pod_that_selects_no_base_gets_none() {
    // Given the Pod of a ReplicaSet from before warden, which the taints keep off every base
    let pod = pod(|p| {
        p["metadata"]["annotations"] = Value::Null;
        p["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet", "name": "orders-1", "controller": true}]);
    });
    // Then they still do
    let reviewed = create(Kind::Pod, &pod);
    let keys = reviewed.object["spec"]["tolerations"].as_array().unwrap().iter().map(|t| t["key"].clone());
    assert_eq!(keys.collect::<Vec<_>>(), ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]);
    assert_eq!(reviewed.refused(), [""; 0]);
}
