//! The base that is configured for modules of which nothing else says one.

use koupleless_warden::module::Kind;
use rstest::rstest;
use serde_json::{Value, json};
use similar_asserts::assert_eq;

use crate::sample::{
    BASE_CLUSTER, BASE_NAME, BASE_VERSION, Cluster, REQUIRED, Reviewed, deployment, edited, release, template_of,
};

/// A cluster whose modules are for base `common` 1 unless they say otherwise.
fn cluster() -> Cluster {
    Cluster::plain().default_base("common", Some("1"))
}

/// A Deployment that says nothing of a base.
fn homeless() -> Value {
    deployment(|d| template_of(d)["metadata"]["annotations"] = Value::Null)
}

fn demands(key: &str, value: &str) -> Value {
    json!({"key": key, "operator": "In", "values": [value]})
}

/// The requirements in the first term of the required node affinity of the Pods.
fn demanded(reviewed: &Reviewed) -> Value {
    let affinity = &reviewed.pod["spec"]["affinity"]["nodeAffinity"];
    affinity[REQUIRED]["nodeSelectorTerms"][0]["matchExpressions"].clone()
}

#[test]
fn it_is_filled_in_as_a_declared_one_would_be() {
    let by_default = cluster().create(Kind::Deployment, &homeless());
    let declared = Cluster::plain().annotated(BASE_NAME, "common").annotated(BASE_VERSION, "1");
    assert_eq!(by_default.pod, declared.create(Kind::Deployment, &homeless()).pod);
    assert_eq!(by_default.refused(), [""; 0]);
    assert_eq!(demanded(&by_default), json!([demands(BASE_NAME, "common"), demands(BASE_VERSION, "1")]));
}

#[rstest]
#[case::a_declaration(|d: &mut Value| d["metadata"]["annotations"][BASE_NAME] = json!("own"), json!([demands(BASE_NAME, "own")]))]
#[case::of_the_cluster_alone(|d: &mut Value| d["metadata"]["annotations"][BASE_CLUSTER] = json!("east"), json!([demands(BASE_CLUSTER, "east")]))]
#[case::a_selector(|d: &mut Value| template_of(d)["spec"]["nodeSelector"] = json!({BASE_NAME: "own"}), Value::Null)]
#[case::a_selector_of_ones_own(|d: &mut Value| template_of(d)["spec"]["nodeSelector"] = json!({"rack": "a"}), Value::Null)]
#[case::no_injection(|d: &mut Value| template_of(d)["metadata"]["annotations"]["warden.koupleless.io/inject"] = json!("false"), Value::Null)]
fn it_stands_back_as_a_whole_where_anything_is_said(#[case] edit: fn(&mut Value), #[case] comes_to: Value) {
    let reviewed = cluster().create(Kind::Deployment, &edited(homeless(), edit));
    assert_eq!(demanded(&reviewed), comes_to);
}

#[test]
fn what_a_namespace_declares_goes_before_it() {
    let reviewed = cluster().annotated(BASE_NAME, "of-namespace").create(Kind::Deployment, &homeless());
    assert_eq!(demanded(&reviewed), json!([demands(BASE_NAME, "of-namespace")]));
}

#[test]
fn it_narrows_an_affinity_that_selects_no_base() {
    let reviewed = cluster().create(
        Kind::Deployment,
        &edited(homeless(), |d| {
            template_of(d)["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] =
                json!([{"matchExpressions": [{"key": "virtual-kubelet.koupleless.io/env", "operator": "Exists"}]}]);
        }),
    );
    assert_eq!(demanded(&reviewed)[1], demands(BASE_NAME, "common"));
    assert_eq!(reviewed.refused(), [""; 0]);
}

#[test]
fn a_declaration_that_comes_later_is_followed() {
    // given a Deployment that came by its base by default
    let stored = cluster().create(Kind::Deployment, &homeless()).object;
    // when it declares another
    let declares = edited(stored.clone(), |d| {
        d["metadata"]["annotations"] = json!({BASE_NAME: "own", BASE_VERSION: "2"});
    });
    let reviewed = cluster().update(Kind::Deployment, &stored, &declares);
    // then that one counts
    assert_eq!(demanded(&reviewed), json!([demands(BASE_NAME, "own"), demands(BASE_VERSION, "2")]));
    // and a second review finds nothing to do
    assert_eq!(cluster().update(Kind::Deployment, &stored, &reviewed.object).patched(), [""; 0]);
}

#[rstest]
#[case::another_default(Cluster::plain().default_base("other", Some("9")))]
#[case::no_default(Cluster::plain())]
fn a_later_change_of_it_changes_no_template(#[case] later: Cluster) {
    let stored = cluster().create(Kind::Deployment, &homeless());
    let released = edited(stored.object.clone(), |d| release(d, "2.0.0"));
    let reviewed = later.update(Kind::Deployment, &stored.object, &released);
    assert_eq!(demanded(&reviewed), demanded(&stored));
    assert_eq!(reviewed.refused(), [""; 0]);
}

#[test]
fn a_declaration_that_is_taken_away_gives_way_to_it() {
    let declares = edited(homeless(), |d| d["metadata"]["annotations"] = json!({BASE_NAME: "own", BASE_VERSION: "2"}));
    let stored = cluster().create(Kind::Deployment, &declares).object;
    let without = edited(stored.clone(), |d| d["metadata"]["annotations"] = json!({}));
    let reviewed = cluster().update(Kind::Deployment, &stored, &without);
    assert_eq!(demanded(&reviewed), json!([demands(BASE_NAME, "common"), demands(BASE_VERSION, "1")]));
}

#[test]
fn a_deployment_from_before_is_completed_with_its_pods_only() {
    let stored = homeless();
    let scaled = edited(stored.clone(), |d| d["spec"]["replicas"] = json!(5));
    let reviewed = cluster().update(Kind::Deployment, &stored, &scaled);
    assert_eq!(reviewed.patched(), [""; 0]);
    let pod = stored["spec"]["template"].clone();
    assert!(cluster().create(Kind::Pod, &pod).patched().iter().any(|path| path.starts_with("/spec/affinity")));
}
