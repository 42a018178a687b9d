//! The node affinity to the declared base.

use similar_asserts::assert_eq;

use super::*;

fn declared() -> [Value; 2] {
    [is_in(BASE_NAME, &["base"]), is_in(BASE_VERSION, &["1.0.0"])]
}

#[rstest]
#[case::two_terms_both_narrowed(
    json!([{"matchExpressions": [is_in("rack", &["a"])]}, {"matchExpressions": [is_in("rack", &["b"])]}]),
    json!([
        {"matchExpressions": [is_in("rack", &["a"]), declared()[0], declared()[1]]},
        {"matchExpressions": [is_in("rack", &["b"]), declared()[0], declared()[1]]},
    ]),
)]
#[case::only_what_a_term_lacks(
    json!([{"matchExpressions": [is_in(BASE_VERSION, &["2.0.0"])]}]),
    json!([{"matchExpressions": [is_in(BASE_VERSION, &["2.0.0"]), declared()[0]]}]),
)]
#[case::also_where_it_says_not(
    json!([{"matchExpressions": [{"key": BASE_VERSION, "operator": "NotIn", "values": ["2.0.0"]}]}]),
    json!([{"matchExpressions": [
        {"key": BASE_VERSION, "operator": "NotIn", "values": ["2.0.0"]}, declared()[0], declared()[1],
    ]}]),
)]
#[case::also_where_it_excludes_a_node(
    json!([{"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["n"]}]}]),
    json!([{
        "matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["n"]}],
        "matchExpressions": declared(),
    }]),
)]
#[case::an_empty_term_is_never_touched(
    json!([{}, {"matchExpressions": [is_in("rack", &["a"])]}, {"matchExpressions": [], "matchFields": null}]),
    json!([
        {},
        {"matchExpressions": [is_in("rack", &["a"]), declared()[0], declared()[1]]},
        {"matchExpressions": [], "matchFields": null},
    ]),
)]
#[case::no_terms_match_no_node_and_stay_so(json!([]), json!([]))]
#[case::a_daemon_sets_pod(
    json!([{"matchFields": [is_in("metadata.name", &["vnode.10.0.0.1.dev"])]}]),
    json!([{"matchFields": [is_in("metadata.name", &["vnode.10.0.0.1.dev"])]}]),
)]
fn narrows_every_term(#[case] given: Value, #[case] expected: Value) {
    assert_eq!(super::node_terms(&given), expected);
}

#[rstest]
#[case::null_affinity(json!({"affinity": null}))]
#[case::empty_affinity(json!({"affinity": {}}))]
#[case::only_preferred(json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}}))]
#[case::required_null(json!({"affinity": {"nodeAffinity": {REQUIRED: null}}}))]
fn is_made_where_there_is_none(#[case] spec: Value) {
    let deployment = deployment(|d| template_of(d)["spec"]["affinity"] = spec["affinity"].clone());
    let template = create(Kind::Deployment, &deployment).pod;
    assert_eq!(
        template["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"],
        json!([{"matchExpressions": declared()}]),
        "{template}"
    );
}

#[test]
fn asks_only_for_what_a_node_selector_leaves_open() {
    let deployment = deployment(|d| template_of(d)["spec"]["nodeSelector"] = json!({BASE_NAME: "other"}));
    let template = create(Kind::Deployment, &deployment).pod;
    assert_eq!(
        template["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"],
        json!([{"matchExpressions": [is_in(BASE_VERSION, &["1.0.0"])]}])
    );
    assert_eq!(template["spec"]["nodeSelector"], json!({BASE_NAME: "other"}));
}

#[test]
fn leaves_alone_what_is_bound_to_a_node() {
    let pod = pod(|p| p["spec"]["nodeName"] = json!("vnode.10.0.0.1.dev"));
    let reviewed = create(Kind::Pod, &pod);
    assert_eq!(reviewed.object["spec"]["affinity"]["nodeAffinity"], Value::Null);
    assert!(reviewed.verdict.admits(), "{:?}", reviewed.verdict);
}
