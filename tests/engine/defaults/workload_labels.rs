//! The labels by which ModuleController finds a peer.

use similar_asserts::assert_eq;

use super::*;

fn peer(edit: impl FnOnce(&mut Value)) -> Value {
    deployment(|d| {
        d["metadata"]["labels"] = json!({STRATEGY: "peer"});
        template_of(d)["metadata"]["annotations"] = Value::Null;
        edit(d);
    })
}

fn labels(object: &Value) -> Value {
    let mut labels = object["metadata"]["labels"].clone();
    labels.as_object_mut().unwrap().remove(STRATEGY);
    labels
}

/// ModuleController installs all modules of a Deployment with the two labels on every base of the cluster.
#[rstest]
#[case::by_declaration(|d: &mut Value| d["metadata"]["annotations"][BASE_CLUSTER] = json!("blue"), true)]
#[case::by_selector(|d: &mut Value| template_of(d)["spec"]["nodeSelector"] = json!({BASE_CLUSTER: "blue"}), true)]
#[case::by_affinity(
    |d: &mut Value| template_of(d)["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] =
        json!([{"matchExpressions": [is_in(BASE_CLUSTER, &["blue"]), is_in(ENV, &["dev"])]}]),
    true
)]
#[case::no_peer(|d: &mut Value| { d["metadata"]["labels"] = json!({}); d["metadata"]["annotations"][BASE_CLUSTER] = json!("blue"); }, false)]
#[case::of_one_version(|d: &mut Value| d["metadata"]["annotations"] = json!({BASE_CLUSTER: "blue", BASE_VERSION: "1"}), false)]
#[case::of_one_name(|d: &mut Value| d["metadata"]["annotations"] = json!({BASE_NAME: "a"}), false)]
#[case::of_some_racks(
    |d: &mut Value| {
        d["metadata"]["annotations"][BASE_CLUSTER] = json!("blue");
        template_of(d)["spec"]["nodeSelector"] = json!({"rack": "a"});
    },
    false
)]
#[case::of_two_clusters(
    |d: &mut Value| template_of(d)["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] =
        json!([{"matchExpressions": [is_in(BASE_CLUSTER, &["blue", "green"])]}]),
    false
)]
fn only_a_peer_of_a_whole_cluster_has_them(#[case] edit: fn(&mut Value), #[case] has_them: bool) {
    let reviewed = create(Kind::Deployment, &peer(edit));
    let expected = if has_them { json!({ENV: "dev", BASE_CLUSTER: "blue"}) } else { json!({}) };
    assert_eq!(labels(&reviewed.object), expected, "{}", reviewed.object);
    assert_eq!(reviewed.warned(), [""; 0]);
}

#[test]
fn they_follow_what_they_stood_for() {
    let declares = |cluster: &str| peer(|d| d["metadata"]["annotations"][BASE_CLUSTER] = json!(cluster));
    let old = create(Kind::Deployment, &declares("blue")).object;
    let moved = edited(old.clone(), |d| d["metadata"]["annotations"][BASE_CLUSTER] = json!("green"));
    let reviewed = Cluster::plain().update(Kind::Deployment, &old, &moved);
    assert_eq!(labels(&reviewed.object), json!({ENV: "dev", BASE_CLUSTER: "green"}));
    assert_eq!(Cluster::plain().update(Kind::Deployment, &old, &reviewed.object).patched(), [""; 0]);
    let narrowed = edited(reviewed.object.clone(), |d| d["metadata"]["annotations"][BASE_VERSION] = json!("1"));
    let reviewed = Cluster::plain().update(Kind::Deployment, &reviewed.object, &narrowed);
    assert_eq!(labels(&reviewed.object), json!({}));
}

#[test]
fn a_users_own_that_say_otherwise_are_left_and_told() {
    let deployment = deployment(|d| d["metadata"]["labels"] = json!({ENV: "dev", BASE_CLUSTER: "blue"}));
    let reviewed = create(Kind::Deployment, &deployment);
    assert_eq!(reviewed.object["metadata"]["labels"], json!({ENV: "dev", BASE_CLUSTER: "blue"}));
    assert!(reviewed.warns_of("every base of blue that starts installs this"), "{:?}", reviewed.warned());
}
