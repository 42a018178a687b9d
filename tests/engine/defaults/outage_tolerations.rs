//! Tolerations of not-ready and unreachable.

use similar_asserts::assert_eq;

use super::*;

#[test]
fn the_in_tree_seconds_come_off_a_pod() {
    let pod = pod(|p| p["spec"]["tolerations"] = json!([in_tree("not-ready"), in_tree("unreachable")]));
    let reviewed = create(Kind::Pod, &pod);
    assert_eq!(
        reviewed.object["spec"]["tolerations"],
        json!([outage("not-ready"), outage("unreachable"), virtual_node(), node_env("dev")])
    );
}

#[test]
fn they_are_what_the_api_server_is_set_to() {
    let cluster = Cluster::plain().default_toleration_seconds(60);
    let sixty = |key| edited(in_tree(key), |t| t["tolerationSeconds"] = json!(60));
    let pod = pod(|p| p["spec"]["tolerations"] = json!([sixty("not-ready"), in_tree("unreachable")]));
    let tolerations = cluster.create(Kind::Pod, &pod).object["spec"]["tolerations"].clone();
    assert_eq!(tolerations[0], outage("not-ready"));
    assert_eq!(tolerations[1], in_tree("unreachable"));
}

#[test]
fn they_come_off_every_one_of_them() {
    let pod = pod(|p| p["spec"]["tolerations"] = json!([in_tree("not-ready"), in_tree("not-ready")]));
    let tolerations = create(Kind::Pod, &pod).object["spec"]["tolerations"].clone();
    let ends = tolerations.as_array().unwrap().iter().filter(|t| t.get("tolerationSeconds").is_some()).count();
    assert_eq!(ends, 0, "{tolerations}");
}

#[rstest]
#[case::other_seconds(edited(in_tree("not-ready"), |t| t["tolerationSeconds"] = json!(60)))]
#[case::zero_seconds(edited(in_tree("not-ready"), |t| t["tolerationSeconds"] = json!(0)))]
#[case::every_effect(edited(in_tree("not-ready"), |t| t["effect"] = json!("")))]
#[case::every_key(json!({"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}))]
fn what_only_a_user_can_have_written_stays(#[case] own: Value) {
    let pod = pod(|p| p["spec"]["tolerations"] = json!([own]));
    assert_eq!(create(Kind::Pod, &pod).object["spec"]["tolerations"][0], own);
}

#[test]
fn a_template_says_which_are_its_own() {
    // Given a template with seconds of its own, which no plugin ever adds to templates
    let manifest = |own: Value| {
        deployment(|d| {
            template_of(d)["metadata"]["annotations"][OWN_TOLERATIONS] = own;
            template_of(d)["spec"]["tolerations"] = json!([in_tree("not-ready"), in_tree("unreachable")]);
        })
    };
    // Then its Pods keep them where it says so
    let says_so = create(Kind::Deployment, &manifest(json!("true")));
    assert_eq!(says_so.pod["spec"]["tolerations"][0], in_tree("not-ready"));
    assert_eq!(says_so.warned(), [""; 0]);
    // And else not, and the user is told
    let silent = create(Kind::Deployment, &manifest(Value::Null));
    assert_eq!(silent.pod["spec"]["tolerations"][0], outage("not-ready"));
    assert!(silent.warns_of("the 300 s of node.kubernetes.io/not-ready are removed"), "{:?}", silent.warned());
}

#[test]
fn a_mark_that_the_user_denied_stays_denied() {
    let pod = pod(|p| {
        p["metadata"]["annotations"][OWN_TOLERATIONS] = json!("false");
        p["spec"]["tolerations"] = json!([in_tree("not-ready")]);
    });
    let reviewed = create(Kind::Pod, &pod);
    assert_eq!(reviewed.object["spec"]["tolerations"][0], outage("not-ready"));
    assert_eq!(reviewed.object["metadata"]["annotations"][OWN_TOLERATIONS], "false");
}
