//! Single cases, each with what it is about.

use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};

use super::world::{World, deployment_facts, key};
use crate::cluster::{FollowedFacts, Spelling, WorkloadSize};
use crate::k8s::{ObjectKey, Update};
use crate::module::{Follow, FollowedKind, Kind, UnmanagedReason, Workload};
use crate::peer::{Change, PeerIndex, Place, Snapshot, Source};
use crate::policy::{NamespaceFacts, Policy, Request};

/// A base of this host name and version.
pub(super) fn node(host: &str, version: &str) -> Value {
    let mut node = json!({
        "metadata": {"labels": {
            "virtual-kubelet.koupleless.io/component": "vnode",
            "base.koupleless.io/name": "base",
            "base.koupleless.io/version": version,
        }},
        "spec": {"taints": [
            {"key": "schedule.koupleless.io/virtual-node", "value": "True", "effect": "NoExecute"},
            {"key": "schedule.koupleless.io/node-env", "value": "dev", "effect": "NoExecute"},
        ]},
    });
    if !host.is_empty() {
        node["metadata"]["labels"]["kubernetes.io/hostname"] = json!(host);
    }
    node
}

/// A peer Deployment for all bases, as from the tutorial.
pub(super) fn deployment(namespace: &str, name: &str) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": namespace, "uid": "uid",
            "labels": {"virtual-kubelet.koupleless.io/strategy": "peer"},
            "annotations": {},
        },
        "spec": {"replicas": 1, "template": {
            "metadata": {
                "labels": {"module-controller.koupleless.io/component": "module"},
                "annotations": {"base.koupleless.io/name": "base"},
            },
            "spec": {"containers": [{
                "name": "biz1", "image": "https://repo/biz1-1.0.0-ark-biz.jar",
                "env": [{"name": "BIZ_VERSION", "value": "1.0.0"}],
            }]},
        }},
    })
}

/// shop's Deployment `orders` for the bases of this version, as it is once it is filled in.
fn picky(version: &str) -> Value {
    let mut deployment = deployment("shop", "orders");
    let vnode = json!({"key": "schedule.koupleless.io/virtual-node", "value": "True", "effect": "NoExecute"});
    let env = json!({"key": "schedule.koupleless.io/node-env", "value": "dev", "effect": "NoExecute"});
    let spec = &mut deployment["spec"]["template"]["spec"];
    spec["nodeSelector"] = json!({"base.koupleless.io/name": "base", "base.koupleless.io/version": version});
    spec["tolerations"] = json!([vnode, env]);
    deployment
}

/// A Namespace with these labels.
fn declares(labels: &[(&str, &str)]) -> NamespaceFacts {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    NamespaceFacts { labels, ..NamespaceFacts::default() }
}

/// A well Pod of shop's Deployment `orders` and the ReplicaSet of this hash.
pub(super) fn pod(hash: &str, node: Option<String>) -> Value {
    json!({
        "metadata": {
            "labels": {
                "virtual-kubelet.koupleless.io/component": "module", "pod-template-hash": hash,
                "module.warden.koupleless.io/biz1": "1.0.0",
            },
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("orders-{hash}"), "uid": "r", "controller": true}],
        },
        "spec": {"nodeName": node, "containers": [{
            "name": "biz1", "image": "https://repo/biz1-1.0.0-ark-biz.jar", "env": [{"name": "BIZ_VERSION", "value": "1.0.0"}],
        }]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

/// The Deployment `key` of `world` as the webhook has it stored.
pub(super) fn stored(world: &World, key: &ObjectKey) -> Value {
    let namespace = world.namespaces.get(&key.namespace);
    let request = Request::creation(Kind::Deployment).in_namespace(namespace);
    Policy::default().inject(request, world.deployments[key].clone()).0
}

/// What `index` says to the creation of the Deployment `key` of `world`.
pub(super) fn count(index: &PeerIndex, world: &World, key: &ObjectKey) -> Option<u32> {
    let request = Request::creation(Kind::Deployment).in_namespace(world.namespaces.get(&key.namespace));
    let stored = stored(world, key);
    let pod = Policy::default().pod_of(request, &stored);
    index.count(Workload::new(Kind::Deployment, &stored), &pod)
}

/// A cluster whose watches tell everything at once.
#[derive(Default)]
struct Scene {
    world: World,
    index: Option<PeerIndex>,
}

impl Scene {
    /// With `orders` in `shop`, and two bases that carry it.
    fn new() -> Self {
        let mut scene = Self::default();
        for name in ["a", "b"] {
            scene.set(|world| world.set_node(name, Some(node(name, "1"))));
            scene
                .set(|world| world.set_pod(&key("shop", &format!("on-{name}")), Some(pod("x", Some(name.to_owned())))));
        }
        scene.set(|world| world.set_deployment(&orders(), Some(deployment("shop", "orders"))));
        scene
    }

    /// Makes a change, and gives back whom it woke.
    fn set(&mut self, change: impl FnOnce(&mut World)) -> Vec<String> {
        change(&mut self.world);
        let index = self.index.get_or_insert_with(|| PeerIndex::new(Policy::default()));
        let mut woken = Vec::new();
        while let Some(change) = self.world.next(0) {
            woken.extend(index.apply(change));
        }
        woken.iter().map(ToString::to_string).collect()
    }

    fn snapshot(&self) -> Option<Snapshot> {
        self.index.as_ref()?.snapshot(&orders())
    }

    fn bases(&self) -> (u32, Vec<String>) {
        match self.snapshot().unwrap().source {
            Source::Bases { count, shared_hosts } => (count, shared_hosts),
            followed @ Source::Followed { .. } => panic!("{followed:?}"),
        }
    }

    fn places(&self) -> Vec<(String, Place)> {
        self.snapshot().unwrap().pods.into_iter().map(|pod| (pod.name, pod.place)).collect()
    }
}

fn orders() -> ObjectKey {
    key("shop", "orders")
}

#[test]
fn while_all_is_well_no_pod_is_told_of() {
    let scene = Scene::new();
    let snapshot = scene.snapshot().unwrap();
    assert_eq!((scene.bases(), snapshot.carried), ((2, vec![]), 2));
    assert_eq!((snapshot.pods, snapshot.replica_sets), (vec![], vec![("orders-x".to_owned(), 2)]));
}

#[test]
fn a_base_that_is_gone_leaves_a_departed_pod() {
    let mut scene = Scene::new();
    assert_eq!(scene.set(|world| world.set_node("a", None)), ["shop/orders"]);
    assert_eq!(scene.bases().0, 1);
    assert_eq!(scene.places(), [("on-a".to_owned(), Place::Departed("a".to_owned()))]);
}

#[test]
fn a_cordon_keeps_what_is_there_and_lets_nothing_in() {
    let mut scene = Scene::new();
    let mut cordoned = node("a", "1");
    cordoned["spec"]["unschedulable"] = json!(true);
    assert!(scene.set(|world| world.set_node("a", Some(cordoned.clone()))).is_empty());
    assert!(scene.set(|world| world.set_node("c", Some(cordoned))).is_empty());
    assert_eq!((scene.bases().0, scene.places()), (2, vec![]));
    // and once nothing is there, it counts no more
    assert_eq!(scene.set(|world| world.set_pod(&key("shop", "on-a"), None)), ["shop/orders"]);
    assert_eq!(scene.bases().0, 1);
}

#[test]
fn a_base_that_is_another_s_now_has_departed() {
    let mut scene = Scene::new();
    scene.set(|world| world.set_deployment(&orders(), Some(picky("1"))));
    assert_eq!(scene.set(|world| world.set_node("a", Some(node("a", "2")))), ["shop/orders"]);
    assert_eq!(scene.bases().0, 1);
    assert_eq!(scene.places(), [("on-a".to_owned(), Place::Departed("a".to_owned()))]);
}

#[test]
fn what_nobody_looks_at_wakes_nobody() {
    let mut scene = Scene::new();
    let mut beat = node("a", "1");
    beat["metadata"]["labels"]["example.com/beat"] = json!("2");
    beat["metadata"]["labels"]["base.koupleless.io/version"] = json!("2");
    beat["status"] = json!({"conditions": []});
    assert!(scene.set(|world| world.set_node("a", Some(beat))).is_empty());
    // but it is there once somebody does
    scene.set(|world| world.set_deployment(&orders(), Some(picky("2"))));
    assert_eq!(scene.bases().0, 1);
}

#[test]
fn of_bases_that_share_a_host_name_one_counts() {
    let mut scene = Scene::new();
    for name in ["c", "d"] {
        scene.set(|world| world.set_node(name, Some(node("local", "1"))));
    }
    assert_eq!(scene.bases(), (3, vec!["local".to_owned()]));
    // unless several carry it already
    for name in ["c", "d"] {
        let on = pod("x", Some(name.to_owned()));
        scene.set(|world| world.set_pod(&key("shop", &format!("on-{name}")), Some(on)));
    }
    assert_eq!(scene.bases(), (4, vec![]));
    // or nothing keeps it apart
    let mut together = deployment("shop", "orders");
    together["spec"]["template"]["spec"]["containers"] = json!([{"name": "b", "image": "b.jar"}]);
    scene.set(|world| world.set_pod(&key("shop", "on-d"), None));
    assert_eq!(scene.bases(), (3, vec!["local".to_owned()]));
    scene.set(|world| world.set_deployment(&orders(), Some(together)));
    assert_eq!(scene.bases(), (4, vec![]));
}

#[rstest]
#[case::filled_in_at_admission(picky("1"))]
#[case::from_before_the_webhook(deployment("shop", "orders"))]
fn a_namespace_that_declares_another_base_moves_nobody(#[case] orders: Value) {
    let mut scene = Scene::new();
    scene.set(|world| world.set_deployment(&self::orders(), Some(orders)));
    for facts in [
        declares(&[("base.koupleless.io/version", "2")]),
        declares(&[("base.koupleless.io/cluster-name", "other"), ("virtual-kubelet.koupleless.io/env", "prod")]),
        declares(&[]),
    ] {
        scene.set(|world| world.set_namespace("shop", Some(facts)));
        let snapshot = scene.snapshot().unwrap();
        assert_eq!((scene.bases().0, scene.places(), snapshot.carried), (2, vec![], 2));
    }
    scene.set(|world| world.set_namespace("shop", None));
    assert_eq!((scene.bases().0, scene.places()), (2, vec![]));
}

#[test]
fn what_warden_notes_of_a_namespace_moves_nobody() {
    let mut scene = Scene::new();
    scene.set(|world| world.set_namespace("shop", Some(declares(&[("base.koupleless.io/cluster-name", "other")]))));
    let mut noted = picky("1");
    noted["metadata"]["labels"]["base.koupleless.io/cluster-name"] = json!("other");
    scene.set(|world| world.set_deployment(&orders(), Some(noted)));
    assert_eq!((scene.bases().0, scene.places()), (2, vec![]));
}

#[test]
fn a_namespace_says_nothing_of_pods_whose_template_says_enough() {
    let mut scene = Scene::new();
    for (name, version) in [("c", "1"), ("d", "2")] {
        scene.set(|world| world.set_node(name, Some(node(name, version))));
    }
    assert_eq!(scene.bases().0, 4);
    let second = declares(&[("base.koupleless.io/version", "2")]);
    assert!(scene.set(|world| world.set_namespace("shop", Some(second))).is_empty());
    assert_eq!(scene.bases().0, 4);
}

#[test]
fn the_spelling_of_a_label_may_change() {
    let mut scene = Scene::new();
    let mut older = deployment("shop", "orders");
    older["metadata"]["labels"] = json!({"module-controller.koupleless.io/strategy": "peer"});
    scene.set(|world| world.set_deployment(&orders(), Some(older)));
    assert_eq!(scene.bases().0, 2);
    let mut neither = deployment("shop", "orders");
    neither["metadata"]["labels"] = json!({});
    scene.set(|world| world.set_deployment(&orders(), Some(neither)));
    assert_eq!(scene.snapshot(), None);
    // and back
    scene.set(|world| world.set_deployment(&orders(), Some(deployment("shop", "orders"))));
    assert_eq!((scene.bases().0, scene.snapshot().unwrap().carried), (2, 2));
}

#[test]
fn what_a_list_lacks_is_gone() {
    let mut scene = Scene::new();
    scene.set(|world| {
        world.nodes.remove("a");
        world.list_again();
    });
    assert_eq!((scene.bases().0, scene.places().len()), (1, 1));
    assert!(scene.set(World::list_again).is_empty());
    scene.set(|world| {
        world.deployments.clear();
        world.list_again();
    });
    assert_eq!(scene.snapshot(), None);
}

/// A peer Deployment `shop/orders` that follows this.
fn follower(annotation: &str) -> Value {
    let mut follower = deployment("shop", "orders");
    follower["metadata"]["annotations"]["warden.koupleless.io/follow"] = json!(annotation);
    follower
}

fn followed_facts(ready: u32, followers: Option<&str>) -> FollowedFacts {
    FollowedFacts { size: WorkloadSize { desired: 9, ready }, followers: followers.map(Into::into) }
}

#[test]
fn a_follower_has_no_snapshot_until_its_workload_is_known() {
    let mut scene = Scene::new();
    scene.set(|world| world.set_deployment(&orders(), Some(follower("StatefulSet/base"))));
    assert_eq!(scene.snapshot(), None);
    assert_eq!(scene.index.as_ref().unwrap().followed(), [FollowedKind::StatefulSet].into());

    let base = key("shop", "base");
    let facts = followed_facts(3, None);
    assert_eq!(scene.set(|world| world.set_followed(&base, Some(facts.clone()))), ["shop/orders"]);
    let followed = |size| Source::Followed { workload: "StatefulSet/base".to_owned(), size };
    assert_eq!(scene.snapshot().unwrap().source, followed(Some(facts.size)));
    assert!(scene.set(|world| world.set_followed(&base, Some(facts))).is_empty());
    assert_eq!(scene.set(|world| world.set_followed(&base, None)), ["shop/orders"]);
    assert_eq!(scene.snapshot().unwrap().source, followed(None));

    scene.set(|world| world.set_deployment(&orders(), Some(deployment("shop", "orders"))));
    assert_eq!((scene.index.as_ref().unwrap().followed().len(), scene.bases().0), (0, 2));
}

#[test]
fn without_consent_a_workload_looks_as_if_it_did_not_exist() {
    // Given a peer Deployment that follows what does not exist in another namespace
    let mut scene = Scene::new();
    scene.set(|world| world.set_deployment(&orders(), Some(follower("bank/StatefulSet/base"))));
    scene.set(|world| world.set_followed(&key("bank", "other"), Some(followed_facts(1, None))));
    let absent = scene.snapshot().unwrap();
    // When it exists, changes and is deleted, then nothing is to be seen of it, and the Deployment is not even reconciled
    let base = key("bank", "base");
    for facts in [Some(followed_facts(3, None)), Some(followed_facts(4, Some("inn"))), None] {
        assert!(scene.set(|world| world.set_followed(&base, facts.clone())).is_empty(), "{facts:?}");
        assert_eq!(scene.snapshot().unwrap(), absent, "{facts:?}");
    }
    let workload = follower("bank/StatefulSet/base");
    scene.set(|world| world.set_followed(&base, Some(followed_facts(4, None))));
    let count =
        |scene: &Scene| scene.index.as_ref().unwrap().count(Workload::new(Kind::Deployment, &workload), &json!({}));
    let may_follow = |scene: &Scene, workload: &str| {
        scene.index.as_ref().unwrap().may_follow(&Follow::parse(workload, "shop").unwrap(), "shop")
    };
    let (known, absent_one, other_kind) = ("bank/StatefulSet/base", "bank/StatefulSet/none", "bank/Deployment/base");
    assert_eq!((count(&scene), may_follow(&scene, known)), (None, Some(false)));
    assert_eq!((may_follow(&scene, absent_one), may_follow(&scene, other_kind)), (Some(false), None));

    // When it consents itself, then it is followed
    assert_eq!(scene.set(|world| world.set_followed(&base, Some(followed_facts(4, Some("shop"))))), ["shop/orders"]);
    assert_eq!((scene.snapshot().unwrap().source.wanted(), count(&scene)), (Some(4), Some(4)));
    assert_eq!(may_follow(&scene, known), Some(true));
    // and no more when it does not
    assert_eq!(scene.set(|world| world.set_followed(&base, Some(followed_facts(4, None)))), ["shop/orders"]);
    assert_eq!(scene.snapshot().unwrap(), absent);
    // When its Namespace consents, then it is followed as well
    let consent = |list: &str| NamespaceFacts {
        annotations: [("warden.koupleless.io/followers".to_owned(), list.to_owned())].into(),
        ..NamespaceFacts::default()
    };
    assert_eq!(scene.set(|world| world.set_namespace("bank", Some(consent("inn, shop")))), ["shop/orders"]);
    assert_eq!(scene.snapshot().unwrap().source.wanted(), Some(4));
    assert_eq!(scene.set(|world| world.set_namespace("bank", None)), ["shop/orders"]);
    assert_eq!(scene.snapshot().unwrap(), absent);
}

#[test]
fn what_is_told_of_a_kind_is_known_to_later_followers_until_it_is_forgotten() {
    let follower = |name: &str| {
        let mut follower = follower("StatefulSet/base");
        follower["metadata"]["name"] = json!(name);
        (key("shop", name), deployment_facts(&follower))
    };
    let only = |name| Change::Deployment(Spelling::Current, Update::Reset(vec![follower(name)]));
    let size = |ready| {
        let list = Update::Reset(vec![(key("shop", "base"), followed_facts(ready, None))]);
        Change::Followed(FollowedKind::StatefulSet, list)
    };
    let wanted = |index: &PeerIndex, name| index.snapshot(&key("shop", name))?.source.wanted();
    // given a kind whose last follower has just gone, and whose watch still runs
    let mut index = PeerIndex::new(Policy::default());
    index.apply(only("orders"));
    index.apply(size(3));
    // when another follows it
    index.apply(only("stock"));
    assert_eq!(wanted(&index, "stock"), Some(3));
    // also after nobody did
    index.apply(Change::Deployment(Spelling::Current, Update::Reset(vec![])));
    index.apply(size(4));
    index.apply(only("mail"));
    assert_eq!(wanted(&index, "mail"), Some(4));
    // then it is known until nobody watches it
    index.forget_followed(FollowedKind::StatefulSet);
    assert_eq!(index.snapshot(&key("shop", "mail")), None);
    assert_eq!(index.apply(size(4)), [key("shop", "mail")].into());
}

#[test]
fn what_is_no_module_is_unmanaged() {
    let mut scene = Scene::new();
    let mut other = deployment("shop", "orders");
    other["spec"]["template"]["metadata"]["labels"] = json!({"app": "orders"});
    scene.set(|world| world.set_deployment(&orders(), Some(other)));
    assert_eq!(scene.snapshot().unwrap().unmanaged, Some(UnmanagedReason::NoModule));
}

#[test]
fn an_annotation_that_means_nothing_is_followed_nowhere() {
    let mut scene = Scene::new();
    for annotation in ["base", "Deployment/orders", "shop/Deployment/orders"] {
        let mut follower = deployment("shop", "orders");
        follower["metadata"]["annotations"]["warden.koupleless.io/follow"] = json!(annotation);
        scene.set(|world| world.set_deployment(&orders(), Some(follower)));
        let nothing = Source::Followed { workload: annotation.to_owned(), size: None };
        assert_eq!(scene.snapshot().unwrap().source, nothing);
    }
}

#[test]
fn the_number_is_known_before_the_deployment_is() {
    let mut scene = Scene::new();
    scene.set(|world| world.set_node("c", Some(node("a", "2"))));
    let mut picky = deployment("shop", "stock");
    picky["metadata"]["annotations"]["base.koupleless.io/version"] = json!("1");
    scene.world.deployments.insert(key("shop", "stock"), picky);
    scene.world.deployments.insert(key("shop", "mail"), deployment("shop", "mail"));
    let index = scene.index.as_ref().unwrap();
    // version is a label that nobody else looks at
    assert_eq!(count(index, &scene.world, &key("shop", "stock")), Some(2));
    // c shares its host name with a
    assert_eq!(count(index, &scene.world, &key("shop", "mail")), Some(2));
}

#[test]
fn a_thousand_heartbeats_wake_nobody() {
    let mut scene = Scene::new();
    let index = scene.index.as_mut().unwrap();
    let facts = super::world::node_facts(&scene.world.nodes["a"]);
    for _ in 0..1000 {
        assert!(index.apply(Change::Node(Update::Apply("a".to_owned(), facts.clone()))).is_empty());
    }
}

#[test]
fn the_log_says_why_a_node_takes_no_more_pods() {
    // Given a peer Deployment for bases of version 1, and two such bases
    let mut scene = Scene::new();
    scene.set(|world| world.set_deployment(&orders(), Some(picky("1"))));
    // When one gets another version and the other is cordoned
    let file = tempfile::NamedTempFile::new().unwrap();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_ansi(false);
    let subscriber = subscriber.with_writer(Arc::new(file.reopen().unwrap())).finish();
    tracing::subscriber::with_default(subscriber, || {
        let mut cordoned = node("b", "1");
        cordoned["spec"]["unschedulable"] = json!(true);
        scene.set(|world| world.set_node("a", Some(node("a", "2"))));
        scene.set(|world| world.set_node("b", Some(cordoned)));
    });
    // Then the log says so
    let log = std::fs::read_to_string(file.path()).unwrap();
    for says in ["does not fit: label base.koupleless.io/version is \"2\"", "takes no new Pod now: cordoned"] {
        assert!(log.contains(says) && log.contains("deployment=\"orders\""), "nothing of {says:?} in {log}");
    }
}

/// A Pod of the module that is not labelled.
fn unlabelled(deployment: &str) -> Value {
    let mut pod = pod("x", Some("a".to_owned()));
    pod["metadata"]["labels"].as_object_mut().unwrap().remove("module.warden.koupleless.io/biz1");
    pod["metadata"]["ownerReferences"][0]["name"] = json!(format!("{deployment}-x"));
    pod
}

fn not_kept_apart(scene: &Scene) -> u32 {
    scene.snapshot().unwrap().not_kept_apart
}

#[test]
fn a_pod_of_the_module_without_its_label_holds_it_wherever_it_is() {
    let mut scene = Scene::new();
    let other = key("bank", "of-another");
    // Given a Pod of the module in another namespace
    assert_eq!(scene.set(|world| world.set_pod(&other, Some(unlabelled("mail")))), ["shop/orders"]);
    assert_eq!(not_kept_apart(&scene), 1);
    // When it is being deleted, then it still is on its base
    let mut ends = unlabelled("mail");
    ends["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    scene.set(|world| world.set_pod(&other, Some(ends)));
    assert_eq!(not_kept_apart(&scene), 1);
    // When it is no module any more
    let mut no_module = unlabelled("mail");
    no_module["metadata"]["labels"] = json!({});
    assert_eq!(scene.set(|world| world.set_pod(&other, Some(no_module))), ["shop/orders"]);
    // Then it holds nothing
    assert_eq!(not_kept_apart(&scene), 0);
}

#[test]
fn a_tenant_that_opted_out_holds_its_own_deployment_only() {
    let mut scene = Scene::new();
    let opted_out = |deployment| {
        let mut pod = unlabelled(deployment);
        pod["metadata"]["annotations"] = json!({"warden.koupleless.io/inject": "false"});
        pod
    };
    scene.set(|world| world.set_pod(&key("bank", "x"), Some(opted_out("mail"))));
    assert_eq!(not_kept_apart(&scene), 0);
    scene.set(|world| world.set_pod(&key("shop", "x"), Some(opted_out("orders"))));
    assert_eq!(not_kept_apart(&scene), 1);
}

#[test]
fn another_version_is_held_by_other_pods() {
    let mut scene = Scene::new();
    scene.set(|world| world.set_pod(&key("bank", "x"), Some(unlabelled("mail"))));
    let mut next = deployment("shop", "orders");
    next["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = json!("2.0.0");
    scene.set(|world| world.set_deployment(&orders(), Some(next)));
    assert_eq!(not_kept_apart(&scene), 0);
}
