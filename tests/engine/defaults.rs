//! What is filled in, a table per default.

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

mod component_label {
    use similar_asserts::assert_eq;

    use super::*;

    #[rstest]
    #[case::current(json!({COMPONENT: "module"}), json!({COMPONENT: "module"}))]
    #[case::older(json!({COMPONENT_OLDER: "module"}), json!({COMPONENT_OLDER: "module", COMPONENT: "module"}))]
    #[case::both(json!({COMPONENT_OLDER: "module", COMPONENT: "module"}), json!({COMPONENT_OLDER: "module", COMPONENT: "module"}))]
    fn stands_beside_an_older_dialect(#[case] given: Value, #[case] expected: Value) {
        let deployment = deployment(|d| template_of(d)["metadata"]["labels"] = given);
        let mut labels = create(Kind::Deployment, &deployment).pod["metadata"]["labels"].clone();
        labels.as_object_mut().unwrap().retain(|key, _| [COMPONENT, COMPONENT_OLDER].contains(&key.as_str()));
        assert_eq!(labels, expected);
    }

    #[rstest]
    #[case::current(COMPONENT)]
    #[case::older(COMPONENT_OLDER)]
    fn is_missed_in_the_template_of_a_module_deployment(#[case] key: &str) {
        let deployment = deployment(|d| {
            d["metadata"]["labels"] = json!({key: "module-deployment"});
            template_of(d)["metadata"]["labels"] = Value::Null;
        });
        let reviewed = create(Kind::Deployment, &deployment);
        assert_eq!(reviewed.refused(), [format!("spec.template.metadata.labels[{COMPONENT}]: Required")]);
    }

    #[rstest]
    #[case::no_label(json!({"app": "web"}))]
    #[case::another_component(json!({COMPONENT: "vnode"}))]
    #[case::no_labels(Value::Null)]
    fn never_comes_to_what_is_no_module(#[case] labels: Value) {
        let plain = deployment(|d| template_of(d)["metadata"]["labels"] = labels);
        let reviewed = create(Kind::Deployment, &plain);
        assert_eq!(reviewed.object, plain);
        assert_eq!(reviewed.refused(), [""; 0]);
    }
}

mod module_labels {
    use similar_asserts::assert_eq;

    use super::*;

    /// The labels for people and selectors that a Pod has, made of a template with these labels.
    fn labels(mut given: Value) -> Value {
        given[COMPONENT] = json!("module");
        let deployment = deployment(|d| template_of(d)["metadata"]["labels"] = given);
        let mut labels = create(Kind::Deployment, &deployment).pod["metadata"]["labels"].clone();
        labels.as_object_mut().unwrap().retain(|key, _| [NAME, VERSION].contains(&key.as_str()));
        labels
    }

    #[rstest]
    #[case::absent(json!({}), "biz1", "1.0.0")]
    #[case::name_is_there(json!({NAME: "other"}), "other", "1.0.0")]
    #[case::version_is_there(json!({VERSION: "2"}), "biz1", "2")]
    #[case::null(json!({NAME: null}), "biz1", "1.0.0")]
    fn come_where_they_are_absent(#[case] given: Value, #[case] name: &str, #[case] version: &str) {
        assert_eq!(labels(given), json!({NAME: name, VERSION: version}));
    }

    #[test]
    fn the_jar_beside_a_sidecar_has_them() {
        let deployment = deployment(|d| {
            let sidecar = json!({"name": "proxy", "image": "envoy:1"});
            template_of(d)["spec"]["containers"].as_array_mut().unwrap().insert(0, sidecar);
        });
        assert_eq!(create(Kind::Deployment, &deployment).pod["metadata"]["labels"][NAME], "biz1");
    }
}

mod identity_labels {
    use similar_asserts::assert_eq;

    use super::*;

    /// The identity labels of a Pod, and those by which it is kept off bases.
    fn identity(reviewed: &crate::sample::Reviewed) -> [Vec<(String, String)>; 2] {
        let pairs = |map: &Value| {
            let pairs =
                map.as_object().unwrap().iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()));
            pairs.filter(|(key, _)| key.starts_with("module.warden.koupleless.io/")).collect::<Vec<_>>()
        };
        let terms =
            reviewed.pod["spec"]["affinity"]["podAntiAffinity"][REQUIRED].as_array().cloned().unwrap_or_default();
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
}

mod tolerations {
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
}

mod environments {
    use super::*;

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
}

mod a_pod_that_selects_no_base {
    use similar_asserts::assert_eq;

    use super::*;

    #[test]
    fn gets_no_toleration() {
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
}

mod outages {
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
}

mod base_affinity {
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
}

mod sources {
    use similar_asserts::assert_eq;

    use super::*;

    /// The base version that is injected where the places declare one: `(template, workload, namespace)`.
    #[rstest]
    #[case::template_first(Some("t"), Some("w"), Some("n"), Some("t"))]
    #[case::then_workload(None, Some("w"), Some("n"), Some("w"))]
    #[case::then_namespace(None, None, Some("n"), Some("n"))]
    #[case::else_none(None, None, None, None)]
    fn the_nearest_wins(
        #[case] template: Option<&str>,
        #[case] workload: Option<&str>,
        #[case] namespace: Option<&str>,
        #[case] expected: Option<&str>,
        #[values("labels", "annotations")] place: &str,
    ) {
        for key in [BASE_NAME, BASE_VERSION, BASE_CLUSTER] {
            // Given
            let object = deployment(|d| {
                template_of(d)["metadata"]["annotations"] = Value::Null;
                if let Some(value) = template {
                    template_of(d)["metadata"][place][key] = json!(value);
                }
                if let Some(value) = workload {
                    d["metadata"][place][key] = json!(value);
                }
            });
            let cluster = match (namespace, place) {
                (Some(value), "labels") => Cluster::plain().labelled(key, value),
                (Some(value), _) => Cluster::plain().annotated(key, value),
                (None, _) => Cluster::plain(),
            };
            // When
            let template = cluster.create(Kind::Deployment, &object).pod;
            // Then
            let terms = &template["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"];
            let expected = expected.map_or(Value::Null, |value| json!([{"matchExpressions": [is_in(key, &[value])]}]));
            assert_eq!(*terms, expected, "{template}");
        }
    }

    #[test]
    fn each_key_is_looked_up_for_itself() {
        let object = deployment(|d| {
            template_of(d)["metadata"]["annotations"] = json!({BASE_NAME: "base"});
            d["metadata"]["annotations"] = json!({BASE_NAME: "ignored", BASE_VERSION: "2.0.0"});
        });
        let cluster = Cluster::plain().labelled(BASE_VERSION, "ignored").annotated(BASE_CLUSTER, "blue");
        let reviewed = cluster.create(Kind::Deployment, &object);
        assert_eq!(
            reviewed.pod["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"],
            json!([{"matchExpressions": [
                is_in(BASE_NAME, &["base"]), is_in(BASE_VERSION, &["2.0.0"]), is_in(BASE_CLUSTER, &["blue"]),
            ]}])
        );
        assert_eq!(reviewed.placement(Kind::Deployment), json!({"env": "dev", "version": "2.0.0", "cluster": "blue"}));
    }

    #[rstest]
    #[case::default(Cluster::plain(), None, "dev")]
    #[case::configured(Cluster::plain().default_env("test"), None, "test")]
    #[case::namespace_label(Cluster::plain().default_env("test").labelled(ENV, "prod"), None, "prod")]
    #[case::namespace_annotation(Cluster::plain().annotated(ENV, "prod"), None, "prod")]
    #[case::no_label_value(Cluster::plain().annotated(ENV, "dev or prod"), None, "dev")]
    #[case::template(Cluster::plain().annotated(ENV, "prod"), Some("gray"), "gray")]
    fn the_environment_comes_the_same_way(#[case] cluster: Cluster, #[case] template: Option<&str>, #[case] env: &str) {
        let object = deployment(|d| {
            if let Some(env) = template {
                template_of(d)["metadata"]["annotations"][ENV] = json!(env);
            }
        });
        let reviewed = cluster.create(Kind::Deployment, &object);
        assert_eq!(reviewed.pod["spec"]["tolerations"][1], node_env(env));
    }
}

mod workload_labels {
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
}

mod left_alone {
    use similar_asserts::assert_eq;

    use super::*;

    #[rstest]
    #[case::replica_set(Kind::ReplicaSet)]
    #[case::replication_controller(Kind::ReplicationController)]
    #[case::job(Kind::Job)]
    #[case::deployment_of_an_operator(Kind::Deployment)]
    fn what_a_controller_owns(#[case] kind: Kind) {
        let owned = edited(module(kind), |object| {
            object["metadata"]["ownerReferences"] = json!([{"kind": "Owner", "name": "o", "controller": true}]);
        });
        let reviewed = create(kind, &owned);
        assert_eq!(reviewed.object, owned);
        assert_eq!(reviewed.patched(), [""; 0]);
        assert_eq!(reviewed.refused(), [""; 0]);
    }

    #[rstest]
    #[case::no_controller(json!([{"kind": "Owner", "name": "o"}]))]
    #[case::controller_false(json!([{"kind": "Owner", "name": "o", "controller": false}]))]
    fn what_is_owned_without_a_controller_is_not(#[case] owners: Value) {
        let owned = edited(module(Kind::ReplicaSet), |object| object["metadata"]["ownerReferences"] = owners);
        assert!(!create(Kind::ReplicaSet, &owned).patched().is_empty(), "{owned}");
    }

    #[rstest]
    fn what_opted_out(
        #[values("object", "template")] place: &str,
        #[values(Kind::Deployment, Kind::CronJob)] kind: Kind,
    ) {
        let object = edited(module(kind), |object| {
            let at = if place == "object" { object } else { template_in(kind, object) };
            at["metadata"]["annotations"][INJECT] = json!("false");
        });
        let reviewed = create(kind, &object);
        assert_eq!(reviewed.object, object);
        assert_eq!(reviewed.patched(), [""; 0]);
        // and is checked by the Pods that come of it: those of a workload that opted out alone are completed, and the others have
        // no base without the affinity that would have come of the declaration
        let terms =
            format!("{}.spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms: Required", kind.template_path());
        assert_eq!(reviewed.refused(), if place == "object" { vec![] } else { vec![terms] });
    }

    #[test]
    fn what_is_misshapen_which_is_refused() {
        let object = deployment(|d| template_of(d)["spec"]["tolerations"] = json!({"operator": "Exists"}));
        let reviewed = create(Kind::Deployment, &object);
        assert_eq!(reviewed.object, object);
        assert_eq!(reviewed.refused(), ["spec.template.spec.tolerations: TypeInvalid"]);
    }

    #[test]
    fn fields_that_warden_does_not_know() {
        let object = deployment(|d| {
            d["spec"]["fromTheFuture"] = json!({"a": [1.5, null]});
            template_of(d)["spec"]["alsoFromThere"] = json!([{"deep": true}]);
        });
        let after = create(Kind::Deployment, &object).object;
        assert_eq!(after["spec"]["fromTheFuture"], object["spec"]["fromTheFuture"]);
        assert_eq!(after["spec"]["template"]["spec"]["alsoFromThere"], json!([{"deep": true}]));
    }
}
