//! What is admitted and yet odd.

use koupleless_warden::module::Kind;
use koupleless_warden::policy::Warning;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use similar_asserts::assert_eq;

use crate::sample::{
    BASE_NAME, BASE_VERSION, COMPONENT, COMPONENT_OLDER, Cluster, ENV, FOLLOW, INJECT, NAME, PEER_PAUSED, REQUIRED,
    Reviewed, STRATEGY, VERSION, create, deployment, edited, release, stored, template_of, update,
};

type Oddity = fn(&mut Value);

#[rstest]
#[case::older_label(
    |d: &mut Value| template_of(d)["metadata"]["labels"][COMPONENT_OLDER] = json!("module"),
    "label module-controller.koupleless.io/component was dropped in V2.0: use virtual-kubelet.koupleless.io/component",
)]
#[case::older_label_of_the_workload(
    |d: &mut Value| d["metadata"]["labels"]["module-controller.koupleless.io/strategy"] = json!("peer"),
    "label module-controller.koupleless.io/strategy was dropped in V2.0: use virtual-kubelet.koupleless.io/strategy",
)]
#[case::zone(
    |d: &mut Value| template_of(d)["spec"]["affinity"]["podAntiAffinity"][REQUIRED] = json!([{"topologyKey": "topology.kubernetes.io/zone", "labelSelector": {}}]),
    "no base has topology.kubernetes.io/zone: spread over kubernetes.io/hostname instead",
)]
#[case::preferred_zone(
    |d: &mut Value| template_of(d)["spec"]["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] =
        json!([{"weight": 1, "podAffinityTerm": {"topologyKey": "topology.kubernetes.io/zone"}}]),
    "no base has topology.kubernetes.io/zone: spread over kubernetes.io/hostname instead",
)]
#[case::spread_constraint(
    |d: &mut Value| template_of(d)["spec"]["topologySpreadConstraints"] = json!([{"topologyKey": "topology.kubernetes.io/zone"}]),
    "no base has topology.kubernetes.io/zone: spread over kubernetes.io/hostname instead",
)]
#[case::dead_selector(
    |d: &mut Value| template_of(d)["spec"]["nodeSelector"] = json!({"kubernetes.io/arch": "amd64"}),
    "no base has label kubernetes.io/arch: requiring it keeps the module off every base",
)]
#[case::dead_expression(
    |d: &mut Value| template_of(d)["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] =
        json!([{"matchExpressions": [{"key": "base.koupleless.io/stack", "operator": "In", "values": ["java"]}]}]),
    "no base has label base.koupleless.io/stack: requiring it keeps the module off every base",
)]
#[case::sidecar(
    |d: &mut Value| template_of(d)["spec"]["containers"].as_array_mut().unwrap().push(json!({"name": "proxy", "image": "envoy"})),
    "container proxy is not a jar, but bases are told to install it",
)]
#[case::opted_out(
    |d: &mut Value| {
        template_of(d)["metadata"]["annotations"][INJECT] = json!("false");
        template_of(d)["spec"]["nodeSelector"] = json!({BASE_NAME: "base", BASE_VERSION: "1.0.0"});
    },
    "not kept apart: with warden.koupleless.io/inject \"false\", two Pods of one version may share a base",
)]
#[case::every_toleration_ends(
    |d: &mut Value| template_of(d)["spec"]["tolerations"] = json!([{"operator": "Exists", "tolerationSeconds": 6}]),
    "toleration of schedule.koupleless.io/virtual-node ends after 6 s: the module is then uninstalled",
)]
#[case::cpu_request(
    |d: &mut Value| template_of(d)["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "100m"}}),
    "container biz1 requests cpu, which no base offers: it is never scheduled",
)]
#[case::extended_resource(
    |d: &mut Value| template_of(d)["spec"]["containers"][0]["resources"] = json!({"limits": {"nvidia.com/gpu": 1}}),
    "container biz1 requests nvidia.com/gpu, which no base offers: it is never scheduled",
)]
#[case::disk_limit(
    |d: &mut Value| template_of(d)["spec"]["containers"][0]["resources"] = json!({"limits": {"ephemeral-storage": "1Gi"}}),
    "container biz1 requests ephemeral-storage, which no base offers: it is never scheduled",
)]
#[case::overruled_environment(
    |d: &mut Value| {
        d["metadata"]["annotations"][ENV] = json!("dev");
        template_of(d)["spec"]["tolerations"] =
            json!([{"key": "schedule.koupleless.io/node-env", "value": "prod", "effect": "NoExecute"}]);
    },
    "virtual-kubelet.koupleless.io/env is declared as dev, but the pod spec requires prod, which wins",
)]
#[case::toleration_that_ends(
    |d: &mut Value| template_of(d)["spec"]["tolerations"] = json!([{"key": "schedule.koupleless.io/virtual-node", "operator": "Exists", "tolerationSeconds": 60}]),
    "toleration of schedule.koupleless.io/virtual-node ends after 60 s: the module is then uninstalled",
)]
#[case::dead_operating_system(
    |d: &mut Value| template_of(d)["spec"]["nodeSelector"] = json!({"beta.kubernetes.io/os": "linux"}),
    "no base has label beta.kubernetes.io/os: requiring it keeps the module off every base",
)]
#[case::dead_role(
    |d: &mut Value| template_of(d)["spec"]["nodeSelector"] = json!({"node-role.kubernetes.io/worker": ""}),
    "no base has label node-role.kubernetes.io/worker: requiring it keeps the module off every base",
)]
#[case::dead_node_pool(
    |d: &mut Value| template_of(d)["spec"]["nodeSelector"] = json!({"cloud.google.com/gke-nodepool": "a"}),
    "no base has label cloud.google.com/gke-nodepool: requiring it keeps the module off every base",
)]
#[case::together_in_a_zone(
    |d: &mut Value| template_of(d)["spec"]["affinity"]["podAffinity"][REQUIRED] =
        json!([{"topologyKey": "topology.kubernetes.io/zone", "labelSelector": {}}]),
    "no base has label topology.kubernetes.io/zone: requiring it keeps the module off every base",
)]
#[case::all_that_no_base_reads(
    |d: &mut Value| {
        let spec = &mut template_of(d)["spec"];
        spec["initContainers"] = json!([{"name": "a", "image": "b"}]);
        spec["volumes"] = json!([{"name": "a", "emptyDir": {}}]);
        for field in ["livenessProbe", "readinessProbe", "lifecycle"] {
            spec["containers"][0][field] = json!({"exec": {"command": ["a"]}});
        }
        spec["containers"][0]["envFrom"] = json!([{"configMapRef": {"name": "a"}}]);
    },
    "a base ignores initContainers, volumes, probes, envFrom, lifecycle: it installs the jar and nothing else",
)]
#[case::base_of_the_first_dialect(
    |d: &mut Value| template_of(d)["metadata"]["annotations"]["basement.koupleless.io/version"] = json!("1.0.0"),
    "no release reads basement.koupleless.io/version: remove it, and declare the base by base.koupleless.io/name and version",
)]
#[case::jar_of_another_unique_snapshot(
    |d: &mut Value| {
        template_of(d)["spec"]["containers"][0]["env"][0]["value"] = json!("2.0.0-SNAPSHOT");
        template_of(d)["spec"]["containers"][0]["image"] = json!("https://x/biz1-1.0.0-20261130.101500-3-ark-biz.jar");
    },
    "the jar's file name has version 1.0.0-SNAPSHOT, but BIZ_VERSION is 2.0.0-SNAPSHOT",
)]
#[case::jar_of_another_name(
    |d: &mut Value| template_of(d)["spec"]["containers"][0]["image"] = json!("https://repo.example.com/other-1.0.0-ark-biz.jar"),
    "the jar is named other, the container biz1: is that the jar's bizName?",
)]
#[case::jar_of_another_version(
    |d: &mut Value| template_of(d)["spec"]["containers"][0]["image"] = json!("https://repo.example.com/biz1-2.0.0-ark-biz.jar"),
    "the jar's file name has version 2.0.0, but BIZ_VERSION is 1.0.0",
)]
#[case::version_in_the_selector(
    |d: &mut Value| d["spec"]["selector"] = json!({"matchLabels": {VERSION: "1.0.0"}}),
    "the selector requires module.koupleless.io/version: each version needs its own Deployment",
)]
#[case::an_open_term(
    |d: &mut Value| {
        template_of(d)["metadata"]["annotations"] = Value::Null;
        template_of(d)["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] = json!([
            {"matchExpressions": [{"key": BASE_NAME, "operator": "In", "values": ["a"]}]},
            {"matchExpressions": [{"key": "virtual-kubelet.koupleless.io/env", "operator": "Exists"}]},
        ]);
    },
    "a nodeSelectorTerm selects no base; terms are ORed, so it allows any base",
)]
#[case::an_overruled_declaration(
    |d: &mut Value| template_of(d)["spec"]["nodeSelector"] = json!({BASE_VERSION: "2.0.0"}),
    "base.koupleless.io/version is declared as 1.0.0, but the pod spec requires 2.0.0, which wins",
)]
#[case::an_unknown_annotation(
    |d: &mut Value| d["metadata"]["annotations"]["warden.koupleless.io/injekt"] = json!("false"),
    "annotation warden.koupleless.io/injekt is unknown and has no effect",
)]
#[case::an_unknown_strategy(
    |d: &mut Value| d["metadata"]["labels"] = json!({STRATEGY: "Peer"}),
    "label virtual-kubelet.koupleless.io/strategy: \"Peer\" has no effect, the only value is \"peer\"",
)]
#[case::a_pause_of_what_is_no_peer(
    |d: &mut Value| d["metadata"]["annotations"][PEER_PAUSED] = json!("true"),
    "annotation warden.koupleless.io/peer-paused has no effect here: it is for Deployments with strategy peer",
)]
#[case::something_to_follow_for_what_is_no_peer(
    |d: &mut Value| d["metadata"]["annotations"][FOLLOW] = json!("StatefulSet/base"),
    "annotation warden.koupleless.io/follow has no effect here: it is for Deployments with strategy peer",
)]
#[case::something_to_follow_in_the_template_of_a_peer(
    |d: &mut Value| {
        d["metadata"]["labels"] = json!({STRATEGY: "peer"});
        template_of(d)["metadata"]["annotations"][FOLLOW] = json!("StatefulSet/base");
    },
    "annotation warden.koupleless.io/follow has no effect here: it is for Deployments with strategy peer",
)]
#[case::a_peer_that_is_too_large(
    |d: &mut Value| {
        d["metadata"]["labels"] = json!({STRATEGY: "peer"});
        let names = (0..1000).map(|at| format!("base-{at}")).collect::<Vec<_>>();
        template_of(d)["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] =
            json!([{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": names}]}]);
    },
    "warden leaves the replicas to you: what it reads takes more than 64 KiB of memory",
)]
fn an_oddity_is_admitted_and_named(#[case] oddity: Oddity, #[case] warning: &str) {
    let deployment = deployment(oddity);
    let reviewed = create(Kind::Deployment, &deployment);
    assert_eq!(reviewed.warned(), [warning], "{deployment}");
    assert_eq!(reviewed.refused(), [""; 0]);
}

#[rstest]
#[case::no_cpu(|d: &mut Value| template_of(d)["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "0", "memory": "1Mi"}}))]
#[case::host_spread(|d: &mut Value| template_of(d)["spec"]["topologySpreadConstraints"] = json!([{"topologyKey": "kubernetes.io/hostname"}]))]
#[case::forbidding_a_dead_key(
    |d: &mut Value| template_of(d)["spec"]["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] =
        json!([{"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "NotIn", "values": ["arm64"]}]}]),
)]
#[case::current_dialect(|d: &mut Value| d["metadata"]["labels"] = json!({COMPONENT: "module-deployment", STRATEGY: "peer"}))]
#[case::a_peer_with_all_that_is_for_peers(|d: &mut Value| {
    d["metadata"]["labels"] = json!({STRATEGY: "peer"});
    d["metadata"]["annotations"] = json!({PEER_PAUSED: "false", FOLLOW: "bases/Deployment/base"});
})]
#[case::what_warden_noted_itself(|d: &mut Value| {
    d["metadata"]["annotations"]["state.warden.koupleless.io/peer"] = json!(r#"{"v":1,"settled":3}"#);
    d["metadata"]["annotations"]["warden.koupleless.io/peer"] = json!("3/3 bases, 2026-11-21T10:00:00Z");
    template_of(d)["metadata"]["annotations"]["state.warden.koupleless.io/departed-base"] = json!("vnode.10.0.0.1.dev");
    template_of(d)["metadata"]["annotations"]["warden.koupleless.io/departed-base"] = json!("vnode.10.0.0.1.dev");
})]
#[case::name_in_the_selector(|d: &mut Value| d["spec"]["selector"] = json!({"matchLabels": {NAME: "biz1"}}))]
#[case::a_jar_without_version(|d: &mut Value| template_of(d)["spec"]["containers"][0]["image"] = json!("https://repo.example.com/latest.jar"))]
#[case::a_unique_snapshot(|d: &mut Value| {
    template_of(d)["spec"]["containers"][0]["env"][0]["value"] = json!("1.0.0-SNAPSHOT");
    template_of(d)["spec"]["containers"][0]["image"] = json!("https://x/biz1-1.0.0-20261130.101500-3-ark-biz.jar");
})]
#[case::a_classifier(|d: &mut Value| template_of(d)["spec"]["containers"][0]["image"] = json!("https://x/biz1-1.0.0-jar-with-dependencies.jar"))]
#[case::a_name_with_a_number(|d: &mut Value| {
    template_of(d)["spec"]["containers"][0]["name"] = json!("order-2-web");
    template_of(d)["spec"]["containers"][0]["image"] = json!("https://x/order-2-web-1.0.0-ark-biz.jar");
})]
#[case::a_file_name_of_which_nothing_is_certain(
    |d: &mut Value| template_of(d)["spec"]["containers"][0]["image"] = json!("https://x/log4j-1.2-api-2.17.0.jar"),
)]
#[case::spread_over_what_every_base_has(
    |d: &mut Value| template_of(d)["spec"]["topologySpreadConstraints"] = json!([
        {"topologyKey": "base.koupleless.io/cluster-name"}, {"topologyKey": ENV},
    ]),
)]
#[case::together_on_a_host(
    |d: &mut Value| template_of(d)["spec"]["affinity"]["podAffinity"][REQUIRED] =
        json!([{"topologyKey": "kubernetes.io/hostname", "labelSelector": {}}]),
)]
#[case::the_volume_of_the_service_account(|d: &mut Value| {
    template_of(d)["spec"]["volumes"] = json!([{"name": "kube-api-access-x2x4z", "projected": {}}]);
    template_of(d)["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "kube-api-access-x2x4z"}]);
})]
#[case::declared_and_demanded_alike(|d: &mut Value| template_of(d)["spec"]["nodeSelector"] = json!({BASE_VERSION: "1.0.0"}))]
fn nothing_is_said_where_nothing_is_odd(#[case] edit: Oddity) {
    let deployment = deployment(edit);
    assert_eq!(create(Kind::Deployment, &deployment).warned(), [""; 0], "{deployment}");
}

#[rstest]
#[case::where_bases_have_none(Some(false), true)]
#[case::where_bases_have_some(Some(true), false)]
#[case::where_that_is_not_known(None, false)]
fn a_request_of_memory_is_told(#[case] has_memory: Option<bool>, #[case] is_told: bool) {
    let requests = deployment(|d| {
        template_of(d)["spec"]["containers"][0]["resources"] = json!({"requests": {"memory": "64Mi"}});
    });
    let cluster = has_memory.map_or_else(Cluster::plain, |it| Cluster::plain().with_memory(it));
    let warning = "container biz1 requests memory, which none of its bases offers: it is never scheduled";
    let expected: &[&str] = if is_told { &[warning] } else { &[] };
    assert_eq!(cluster.create(Kind::Deployment, &requests).warned(), expected);
    // And of one that requests none, nothing is said
    assert_eq!(cluster.create(Kind::Deployment, &deployment(|_| {})).warned(), [""; 0]);
}

mod of_a_namespace {
    use similar_asserts::assert_eq;

    use super::*;

    const WHITELIST: &str = "scheduler.alpha.kubernetes.io/tolerationsWhitelist";

    fn vnodes() -> Value {
        json!({"operator": "Exists", "key": "schedule.koupleless.io/virtual-node"})
    }

    fn env() -> Value {
        json!({"operator": "Exists", "key": "schedule.koupleless.io/node-env"})
    }

    fn for_seconds(taint: &str) -> Value {
        let key = format!("node.kubernetes.io/{taint}");
        json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
    }

    #[test]
    fn that_allows_only_300_seconds_its_pods_keep_them_and_it_is_told() {
        // Given a whitelist with the taints of vnodes, and outages for 300 s
        let list = json!([vnodes(), env(), for_seconds("not-ready"), for_seconds("unreachable")]).to_string();
        let cluster = Cluster::plain().annotated(WHITELIST, &list);
        // When a Pod comes with what the in-tree plugin adds
        let pod = crate::sample::pod(|p| {
            p["spec"]["tolerations"] = json!([for_seconds("not-ready"), for_seconds("unreachable")]);
        });
        let tolerations = cluster.create(Kind::Pod, &pod).object["spec"]["tolerations"].clone();
        // Then it keeps these, and is given the others
        assert_eq!(tolerations.as_array().unwrap().len(), 4, "{tolerations}");
        assert_eq!(tolerations[0], for_seconds("not-ready"));
        // And who applies a Deployment is told
        let reviewed = cluster.create(Kind::Deployment, &deployment(|_| {}));
        let told = reviewed.warned().into_iter().filter(|it| it.contains("an outage evicts modules")).count();
        assert_eq!((told, reviewed.warned().len(), reviewed.refused()), (2, 2, vec![]));
    }

    #[test]
    fn that_does_not_allow_vnodes_is_told() {
        let list = json!([{"key": "dedicated", "operator": "Exists"}]).to_string();
        let reviewed = Cluster::plain().annotated(WHITELIST, &list).create(Kind::Deployment, &deployment(|_| {}));
        let says =
            "the Namespace allows no toleration of schedule.koupleless.io/virtual-node, so no base takes its Pods";
        assert!(reviewed.warned().contains(&says), "{:?}", reviewed.warned());
    }

    #[test]
    fn that_adds_a_node_selector_is_told() {
        let cluster = Cluster::plain().annotated("scheduler.alpha.kubernetes.io/node-selector", "disk=ssd");
        let reviewed = cluster.create(Kind::Deployment, &deployment(|_| {}));
        assert_eq!(reviewed.warned(), ["the Namespace adds node selector disk=ssd: bases without it take no Pod"]);
    }
}

#[test]
fn an_opt_out_of_the_workload_alone_is_pointed_out() {
    let complete = stored(&deployment(|_: &mut Value| {}));
    let opted_out = edited(complete, |d| d["metadata"]["annotations"][INJECT] = json!("false"));
    assert!(create(Kind::Deployment, &opted_out).warns_of("does not reach the Pods"), "{opted_out}");
    let both = edited(opted_out, |d| template_of(d)["metadata"]["annotations"][INJECT] = json!("false"));
    assert!(!create(Kind::Deployment, &both).warns_of("does not reach the Pods"), "{both}");
}

#[rstest]
#[case::frees_bases(json!({"rollingUpdate": {"maxUnavailable": "25%"}}), "peer", true)]
#[case::recreates(json!({"type": "Recreate"}), "peer", true)]
#[case::frees_none(json!({"rollingUpdate": {"maxUnavailable": 0}}), "peer", false)]
#[case::no_peer(json!({"rollingUpdate": {"maxUnavailable": "25%"}}), "", false)]
fn a_new_version_of_a_peer_that_frees_bases_is_pointed_out(
    #[case] strategy: Value,
    #[case] label: &str,
    #[case] warns: bool,
) {
    let old = stored(&deployment(|d| {
        d["metadata"]["labels"][STRATEGY] = json!(label);
        d["spec"]["replicas"] = json!(4);
        d["spec"]["strategy"] = strategy;
    }));
    let reviewed = update(&old, &edited(old.clone(), |d| release(d, "2.0.0")));
    assert_eq!(reviewed.warns_of("some bases go without"), warns, "{:?}", reviewed.warned());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_warning_has_at_most_120_characters_whatever_the_names(name in "\\PC{0,200}", key in "[a-z./-]{1,150}") {
        let odd = deployment(|d| {
            d["metadata"]["labels"]["module-controller.koupleless.io/strategy"] = json!(name);
            d["metadata"]["annotations"][format!("warden.koupleless.io/{key}")] = json!(name);
            d["spec"]["selector"] = json!({"matchLabels": {VERSION: name}});
            let template = template_of(d);
            template["metadata"]["labels"][COMPONENT_OLDER] = json!("module");
            template["spec"]["nodeSelector"] = json!({format!("base.koupleless.io/{key}"): name, BASE_VERSION: name});
            template["spec"]["topologySpreadConstraints"] = json!([{"topologyKey": key}]);
            template["spec"]["tolerations"] = json!([{"key": "schedule.koupleless.io/node-env", "value": name, "tolerationSeconds": 1}]);
            template["spec"]["containers"][0]["name"] = json!(name);
            template["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": 1, "ephemeral-storage": 1}});
            template["spec"]["containers"].as_array_mut().unwrap().push(json!({"name": name, "image": name}));
        });
        let reviewed: Reviewed = create(Kind::Deployment, &odd);
        prop_assert!(reviewed.warned().len() >= 8, "{:?}", reviewed.warned());
        for warning in reviewed.warned() {
            prop_assert!(warning.chars().count() <= Warning::LIMIT, "{warning}");
        }
    }
}

#[test]
fn an_object_with_any_number_of_mistakes_gets_a_bounded_number_of_warnings() {
    let object = deployment(|d| {
        let containers = template_of(d)["spec"]["containers"].as_array_mut().unwrap();
        containers.extend((0..1000).map(|at| json!({"name": format!("sidecar-{at}"), "image": "sidecar:1"})));
    });
    assert_eq!(create(Kind::Deployment, &object).warned().len(), 100);
}
