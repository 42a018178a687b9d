//! The identity labels, and the anti-affinity on them.

use similar_asserts::assert_eq;

use super::*;

/// The identity labels of a Pod, and those by which it is kept off bases.
fn identity(reviewed: &crate::sample::Reviewed) -> [Vec<(String, String)>; 2] {
    let pairs = |map: &Value| {
        let pairs =
            map.as_object().unwrap().iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()));
        pairs.filter(|(key, _)| key.starts_with("module.warden.koupleless.io/")).collect::<Vec<_>>()
    };
    let terms = reviewed.pod["spec"]["affinity"]["podAntiAffinity"][REQUIRED].as_array().cloned().unwrap_or_default();
    let kept_apart = terms.iter().flat_map(|term| pairs(&term["labelSelector"]["matchLabels"])).collect();
    [pairs(&reviewed.pod["metadata"]["labels"]), kept_apart]
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[test]
fn of_two_modules_in_one_pod_each_has_one() {
    let deployment = deployment(|d| {
        let containers = &mut template_of(d)["spec"]["containers"];
        let second = edited(containers[0].clone(), |container| container["name"] = json!("biz2"));
        containers.as_array_mut().unwrap().push(second);
    });
    let both = vec![pair(IDENTITY, "1.0.0"), pair("module.warden.koupleless.io/biz2", "1.0.0")];
    assert_eq!(identity(&create(Kind::Deployment, &deployment)), [both.clone(), both]);
}

#[test]
fn a_version_that_is_no_label_value_is_kept_apart_by_a_hash() {
    let long = "1".repeat(70);
    let pod = pod(|p| {
        p["spec"]["containers"][0]["env"][0]["value"] = json!(long);
        p["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet", "name": "orders-1", "controller": true}]);
    });
    let [labels, kept_apart] = identity(&create(Kind::Pod, &pod));
    assert!(labels[0].1.starts_with("sha256-"), "{labels:?}");
    assert_eq!(kept_apart, labels);
}

#[rstest]
#[case::a_forged_value(json!({IDENTITY: "9"}))]
#[case::of_another_module(json!({"module.warden.koupleless.io/other": "1"}))]
fn only_warden_says_what_they_are(#[case] forged: Value) {
    let pod = pod(|p| {
        for (key, value) in forged.as_object().unwrap() {
            p["metadata"]["labels"][key] = value.clone();
        }
    });
    assert_eq!(identity(&create(Kind::Pod, &pod))[0], [pair(IDENTITY, "1.0.0")]);
    // also where the Pod is there already
    let old = create(Kind::Pod, &crate::sample::pod(|_| {})).object;
    let relabelled = edited(old.clone(), |p| {
        for (key, value) in forged.as_object().unwrap() {
            p["metadata"]["labels"][key] = value.clone();
        }
    });
    assert_eq!(identity(&Cluster::plain().update(Kind::Pod, &old, &relabelled))[0], [pair(IDENTITY, "1.0.0")]);
}

#[test]
fn a_pod_that_is_no_module_has_none() {
    let pod = pod(|p| p["metadata"]["labels"] = json!({"app": "web", IDENTITY: "1.0.0"}));
    let reviewed = create(Kind::Pod, &pod);
    assert_eq!(reviewed.patched(), ["/metadata/labels/module.warden.koupleless.io~1biz1"]);
    assert_eq!(reviewed.object["metadata"]["labels"], json!({"app": "web"}));
}

#[test]
fn a_pod_that_opted_out_has_them_and_nothing_else() {
    let pod = pod(|p| {
        p["metadata"]["annotations"][INJECT] = json!("false");
        p["spec"]["nodeSelector"] = json!({BASE_NAME: "base"});
    });
    let reviewed = create(Kind::Pod, &pod);
    assert_eq!(identity(&reviewed), [vec![pair(IDENTITY, "1.0.0")], vec![]]);
    assert_eq!(reviewed.patched(), ["/metadata/labels/module.warden.koupleless.io~1biz1"]);
    assert!(reviewed.warns_of("not kept apart"), "{:?}", reviewed.warned());
}

#[test]
fn the_pods_of_a_daemon_set_are_not_kept_apart_by_them() {
    let pod = pod(|p| {
        p["metadata"]["ownerReferences"] = json!([{"kind": "DaemonSet", "name": "orders", "controller": true}]);
    });
    assert_eq!(identity(&create(Kind::Pod, &pod)), [vec![pair(IDENTITY, "1.0.0")], vec![]]);
}

#[test]
fn a_pod_whose_affinity_names_its_node_is_kept_apart_all_the_same() {
    let names = json!([{"matchFields": [is_in("metadata.name", &["vnode.10.0.0.1.dev"])]}]);
    let pod = pod(|p| p["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] = names);
    let expected = vec![pair(IDENTITY, "1.0.0")];
    assert_eq!(identity(&create(Kind::Pod, &pod)), [expected.clone(), expected]);
}

#[test]
fn a_running_pod_gets_them_whatever_is_wrong_with_it() {
    // Given a Pod from before warden, which no rule would admit
    let old = pod(|p| p["metadata"]["annotations"] = json!({}));
    assert_ne!(create(Kind::Pod, &old).refused(), [""; 0]);
    // When it is labelled, then it is admitted
    let labelled = edited(old.clone(), |p| p["metadata"]["labels"][IDENTITY] = json!("1.0.0"));
    let reviewed = Cluster::plain().update(Kind::Pod, &old, &labelled);
    assert_eq!((reviewed.refused(), reviewed.patched()), (vec![], vec![]));
}

#[test]
fn a_term_of_the_users_own_stays_beside_theirs() {
    let own = json!({"labelSelector": {"matchLabels": {NAME: "biz1"}}, "topologyKey": "kubernetes.io/hostname"});
    let deployment = deployment(|d| template_of(d)["spec"]["affinity"]["podAntiAffinity"][REQUIRED] = json!([own]));
    let reviewed = create(Kind::Deployment, &deployment);
    let terms = &reviewed.pod["spec"]["affinity"]["podAntiAffinity"][REQUIRED];
    assert_eq!((&terms[0], terms.as_array().unwrap().len()), (&own, 2));
}
