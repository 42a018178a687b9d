//! What holds for every sequence of changes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{World, key};
use super::{cases, naive};
use crate::cluster::{FollowedFacts, WorkloadSize};
use crate::k8s::ObjectKey;
use crate::peer::{PeerIndex, Snapshot};
use crate::policy::{DefaultBase, NamespaceFacts, Policy};
use crate::vocabulary as keys;

/// Something that happens to the cluster.
#[derive(Debug, Clone)]
enum Step {
    Node(u8, Option<Value>),
    Deployment(u8, Option<Value>),
    Pod(u8, Option<Value>),
    Namespace(u8, Option<NamespaceFacts>),
    Followed(u8, Option<FollowedFacts>),
    /// All watches list again.
    Lists,
}

const NAMESPACES: [&str; 2] = ["shop", "bank"];

fn place(number: u8) -> (&'static str, &'static str) {
    (NAMESPACES[usize::from(number) / 3 % 2], ["orders", "stock", "mail"][usize::from(number) % 3])
}

impl Step {
    fn happen(self, world: &mut World) {
        match self {
            Self::Node(number, node) => world.set_node(&format!("node-{number}"), node),
            Self::Deployment(number, deployment) => {
                let (namespace, name) = place(number);
                let named = deployment.map(|mut deployment| {
                    deployment["metadata"]["name"] = json!(name);
                    deployment["metadata"]["namespace"] = json!(namespace);
                    deployment
                });
                world.set_deployment(&key(namespace, name), named);
            }
            Self::Pod(number, pod) => {
                let (namespace, deployment) = place(number);
                let name = format!("pod-{number}");
                let owned = pod.map(|mut pod| {
                    let hash = pod["metadata"]["labels"]["pod-template-hash"].as_str().unwrap().to_owned();
                    pod["metadata"]["name"] = json!(name);
                    pod["metadata"]["namespace"] = json!(namespace);
                    pod["metadata"]["uid"] = json!(format!("uid-{number}"));
                    pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet",
                        "name": format!("{deployment}-{hash}"), "uid": "r", "controller": true}]);
                    pod
                });
                world.set_pod(&key(namespace, &name), owned);
            }
            Self::Namespace(number, facts) => world.set_namespace(NAMESPACES[usize::from(number) % 2], facts),
            Self::Followed(number, facts) => world.set_followed(&key(place(number).0, "base"), facts),
            Self::Lists => world.list_again(),
        }
    }
}

fn node() -> impl Strategy<Value = Value> {
    let taint = prop::option::weighted(0.3, 0..4_usize);
    (0..3_usize, 0..3_usize, taint, prop::bool::weighted(0.2), 0..2_u8).prop_map(
        |(version, host, taint, cordoned, beat)| {
            let mut node = cases::node("", ["1", "2", "3"][version]);
            match host {
                0 => {}
                host => node["metadata"]["labels"]["kubernetes.io/hostname"] = json!(format!("host-{host}")),
            }
            if let Some(taint) = taint {
                let (key, effect) = [
                    ("a", "NoSchedule"),
                    ("a", "NoExecute"),
                    ("node.kubernetes.io/unreachable", "NoExecute"),
                    ("b", "PreferNoSchedule"),
                ][taint];
                node["spec"]["taints"].as_array_mut().unwrap().push(json!({"key": key, "effect": effect}));
            }
            node["spec"]["unschedulable"] = json!(cordoned);
            node["status"] = json!({"beat": beat});
            node
        },
    )
}

fn labels(spelling: u8, key: &str, value: &str) -> Value {
    let mut labels = json!({});
    if spelling != 1 {
        labels[format!("virtual-kubelet.koupleless.io/{key}")] = json!(value);
    }
    if spelling != 0 {
        labels[format!("module-controller.koupleless.io/{key}")] = json!(value);
    }
    labels
}

fn deployment() -> impl Strategy<Value = Value> {
    (0..11_u8, 0..3_u8, 0..3_u8, 0..3_u8).prop_map(|(template, spelling, replicas, mood)| {
        let mut deployment = cases::deployment("", "");
        deployment["metadata"]["labels"] = labels(spelling, "strategy", "peer");
        deployment["metadata"]["generation"] = json!(2);
        deployment["spec"]["replicas"] = json!(replicas);
        deployment["status"] = json!({
            "observedGeneration": if mood == 0 { 1 } else { 2 }, "replicas": 3, "updatedReplicas": if mood == 1 { 2 } else { 3 },
        });
        let annotations = &mut deployment["metadata"]["annotations"];
        match template {
            0 => annotations["warden.koupleless.io/follow"] = json!("StatefulSet/base"),
            10 => annotations["warden.koupleless.io/follow"] = json!("bank/StatefulSet/base"),
            1 => annotations["warden.koupleless.io/follow"] = json!("nonsense"),
            2 => annotations["warden.koupleless.io/inject"] = json!("false"),
            3 => annotations["warden.koupleless.io/peer-paused"] = json!("true"),
            _ => {}
        }
        let spec = &mut deployment["spec"]["template"]["spec"];
        let required = |terms| json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}});
        let requirement = |key: &str, operator: &str, values: Value| json!({"key": key, "operator": operator, "values": values});
        match template {
            4 => spec["nodeSelector"] = json!({"base.koupleless.io/version": "1"}),
            5 => {
                let two = requirement("base.koupleless.io/version", "NotIn", json!(["2"]));
                spec["affinity"] = required(json!([{"matchExpressions": [two]}]));
                spec["tolerations"] = json!([{"operator": "Exists"}]);
            }
            6 => {
                let one = requirement("metadata.name", "In", json!(["node-1"]));
                spec["affinity"] = required(json!([{"matchFields": [one]}]));
            }
            7 => spec["nodeSelector"] = json!({"kubernetes.io/hostname": "host-1"}),
            8 => spec["containers"].as_array_mut().unwrap().push(json!({"name": "other", "image": "other.jar"})),
            _ => {}
        }
        deployment
    })
}

fn pod() -> impl Strategy<Value = Value> {
    let identity = (0..8_u8, prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    let pod = (0..3_u8, prop::option::weighted(0.9, 0..5_u8), 0..2_u8, 0..8_u8, identity);
    pod.prop_map(|(spelling, node, hash, mood, (label, is_other, opted_out))| {
        let mut pod = cases::pod(["old", "new"][usize::from(hash)], node.map(|number| format!("node-{number}")));
        let hash = pod["metadata"]["labels"]["pod-template-hash"].take();
        pod["metadata"]["labels"] = labels(spelling, "component", "module");
        pod["metadata"]["labels"]["pod-template-hash"] = hash;
        if is_other {
            pod["spec"]["containers"][0]["env"][0]["value"] = json!("2.0.0");
        }
        match label {
            0 => {}
            1 => pod["metadata"]["labels"]["module.warden.koupleless.io/biz2"] = json!("1.0.0"),
            2 => pod["metadata"]["labels"]["module.warden.koupleless.io/biz1"] = json!("2.0.0"),
            _ => pod["metadata"]["labels"]["module.warden.koupleless.io/biz1"] = json!("1.0.0"),
        }
        if opted_out {
            pod["metadata"]["annotations"] = json!({"warden.koupleless.io/inject": "false"});
        }
        match mood {
            0 => pod["status"] = json!({"phase": "Pending"}),
            1 => pod["status"]["conditions"] = json!([]),
            2 => pod["status"]["phase"] = json!("Failed"),
            3 => pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z"),
            4 => pod["metadata"]["annotations"] = json!({
                "controller.kubernetes.io/pod-deletion-cost": "-2147483648", "warden.koupleless.io/departed-base": "n",
            }),
            _ => {}
        }
        pod
    })
}

fn namespace() -> impl Strategy<Value = NamespaceFacts> {
    prop::sample::select(vec![
        json!({}),
        json!({"base.koupleless.io/version": "1"}),
        json!({"base.koupleless.io/version": "2"}),
        json!({"virtual-kubelet.koupleless.io/env": "prod"}),
    ])
    .prop_map(|labels| NamespaceFacts { labels: serde_json::from_value(labels).unwrap(), ..NamespaceFacts::default() })
    .prop_flat_map(|facts| {
        let consents =
            prop::sample::select(vec![json!({}), json!({keys::FOLLOWERS: "shop"}), json!({keys::FOLLOWERS: "inn"})]);
        consents.prop_map(move |consent| NamespaceFacts {
            annotations: serde_json::from_value(consent).unwrap(),
            ..facts.clone()
        })
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..5_u8, prop::option::weighted(0.8, node())).prop_map(|(number, node)| Step::Node(number, node)),
        6 => (0..6_u8, prop::option::weighted(0.85, deployment())).prop_map(|(number, it)| Step::Deployment(number, it)),
        10 => (0..12_u8, prop::option::weighted(0.8, pod())).prop_map(|(number, pod)| Step::Pod(number, pod)),
        2 => (0..2_u8, prop::option::of(namespace())).prop_map(|(number, facts)| Step::Namespace(number, facts)),
        3 => (0..6_u8, prop::option::of((0..4_u32, 0..4_u32, 0..3_usize))).prop_map(|(number, facts)| {
            Step::Followed(number, facts.map(|(desired, ready, consent)| FollowedFacts {
                size: WorkloadSize { desired, ready },
                followers: [None, Some("shop"), Some("*")][consent].map(Into::into),
            }))
        }),
        1 => Just(Step::Lists),
    ];
    prop::collection::vec(step, 1..40)
}

fn all(index: &PeerIndex) -> BTreeMap<ObjectKey, Option<Snapshot>> {
    index.keys().map(|key| (key.clone(), index.snapshot(key))).collect()
}

/// The first of the peer Deployments whose snapshot is not what a count from scratch gives.
fn wrong(world: &World, index: &PeerIndex) -> Option<String> {
    let keys = naive::keys(world);
    if !index.keys().eq(&keys) {
        return Some(format!("{:?} instead of {keys:?}", index.keys().collect::<Vec<_>>()));
    }
    keys.iter().find_map(|key| {
        let (is, should_be) = (index.snapshot(key), naive::snapshot(world, key));
        (is != should_be).then(|| format!("{key}: {is:#?} instead of {should_be:#?}"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_adds_up_to_a_count_from_scratch_and_wakes_whom_it_concerns(steps in steps()) {
        let mut world = World::default();
        let mut index = PeerIndex::new(Policy::default());
        for step in steps {
            step.clone().happen(&mut world);
            let mut before = all(&index);
            while let Some(change) = world.next(0) {
                let woken = index.apply(change.clone());
                let after = all(&index);
                for key in before.keys().chain(after.keys()) {
                    prop_assert!(
                        before.get(key) == after.get(key) || woken.contains(key),
                        "{key} is not woken by {change:?}"
                    );
                }
                // told again, it is no news
                let again = index.apply(change.clone());
                prop_assert!(again.is_empty(), "{again:?} are woken by {change:?}, which is known");
                before = after;
            }
            let wrong = wrong(&world, &index);
            prop_assert!(wrong.is_none(), "after {step:?}: {}", wrong.unwrap_or_default());
        }
    }

    #[test]
    fn another_policy_comes_to_what_it_would_have_come_to_from_the_beginning(
        steps in steps(),
        env in prop::sample::select(&["dev", "prod"][..]),
        base in prop::option::of(prop::sample::select(&["a", "base"][..])),
    ) {
        let policy = Policy {
            default_env: env.to_owned(),
            default_base: DefaultBase { name: base.map(str::to_owned), ..DefaultBase::default() },
            ..Policy::default()
        };
        let (mut world, mut changed) = (World::default(), PeerIndex::new(Policy::default()));
        let mut from_the_beginning = PeerIndex::new(policy.clone());
        for step in steps {
            step.happen(&mut world);
            while let Some(change) = world.next(0) {
                changed.apply(change.clone());
                from_the_beginning.apply(change);
            }
        }
        let before = all(&changed);
        let woken = changed.go_by(policy.clone());
        let after = all(&changed);
        prop_assert_eq!(&after, &all(&from_the_beginning));
        for key in before.keys() {
            prop_assert!(before[key] == after[key] || woken.contains(key), "{key} is not woken");
        }
        // told again, it is no news
        prop_assert!(changed.go_by(policy).is_empty());
    }

    #[test]
    fn a_change_of_a_namespace_moves_nobody(steps in steps(), number in 0..2_u8, facts in prop::option::of(namespace())) {
        let mut world = World::default();
        let mut index = PeerIndex::new(Policy::default());
        let mut tell = |world: &mut World, step: Step| {
            step.happen(world);
            while let Some(change) = world.next(0) {
                index.apply(change);
            }
            all(&index)
        };
        for step in steps {
            tell(&mut world, step);
        }
        let departed = |all: BTreeMap<ObjectKey, Option<Snapshot>>| -> Vec<_> {
            let snapshots = all.into_values().flatten();
            let pods = snapshots.flat_map(|snapshot| snapshot.pods);
            pods.filter(|pod| pod.departed_from().is_some()).map(|pod| pod.name).collect()
        };
        let before = departed(tell(&mut world, Step::Lists));
        let after = departed(tell(&mut world, Step::Namespace(number, facts)));
        prop_assert_eq!(before, after);
    }

    #[test]
    fn watches_that_lag_behind_each_other_come_to_the_same(
        steps in steps(),
        order in prop::collection::vec((0..7_usize, any::<bool>()), 0..200),
    ) {
        let mut world = World::default();
        let mut index = PeerIndex::new(Policy::default());
        let mut order = order.into_iter();
        for step in steps {
            step.happen(&mut world);
            for (watch, _) in order.by_ref().take_while(|(_, goes_on)| *goes_on) {
                if let Some(change) = world.next(watch) {
                    index.apply(change);
                }
            }
        }
        while let Some(change) = world.next(0) {
            index.apply(change);
        }
        let wrong = wrong(&world, &index);
        prop_assert!(wrong.is_none(), "{}", wrong.unwrap_or_default());
    }

    #[test]
    fn the_number_for_a_new_deployment_is_the_one_it_then_has(steps in steps(), deployment in deployment()) {
        let mut world = World::default();
        let mut index = PeerIndex::new(Policy::default());
        for step in steps.into_iter().chain([Step::Deployment(0, None)]) {
            step.happen(&mut world);
        }
        let pods: Vec<_> = world.pods.keys().cloned().collect();
        for pod in pods {
            world.set_pod(&pod, None);
        }
        while let Some(change) = world.next(0) {
            index.apply(change);
        }
        Step::Deployment(0, Some(deployment)).happen(&mut world);
        let shop = key("shop", "orders");
        prop_assume!(naive::keys(&world).contains(&shop));
        let counted = cases::count(&index, &world, &shop);
        let stored = cases::stored(&world, &shop);
        world.set_deployment(&shop, Some(stored));
        while let Some(change) = world.next(0) {
            index.apply(change);
        }
        let then = index.snapshot(&shop).and_then(|snapshot| snapshot.source.wanted());
        prop_assert!(counted == then || counted.is_none(), "{counted:?}, then {then:?}");
    }
}
