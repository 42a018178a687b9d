//! Who keeps the replicas of a peer Deployment.

use koupleless_warden::module::{Kind, Management, UnmanagedReason, Workload};
use koupleless_warden::policy::{CountBases as _, Policy, Request, Warning};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use crate::generated::{self, kind, namespace};
use crate::sample::{
    Bases, COMPONENT, COMPONENT_OLDER, Cluster, FOLLOW, INJECT, PEER_PAUSED, Reviewed, STRATEGY, create, deployment,
    edited, module, pod, release, template_of, update,
};

const STRATEGY_OLDER: &str = "module-controller.koupleless.io/strategy";
const REPLICAS_CONTROL: &str = "virtual-kubelet.koupleless.io/replicas-control";
const REPLICAS_CONTROL_OLDER: &str = "module-controller.koupleless.io/replicas-control";

type Edit = fn(&mut Value);

/// A module on every base, as a manifest asks for `replicas` of it.
fn peer(replicas: u32) -> Value {
    deployment(|d| {
        d["metadata"]["labels"] = json!({STRATEGY: "peer"});
        d["spec"]["replicas"] = json!(replicas);
    })
}

/// [`peer`] as a cluster stores it, with `replicas` now.
fn stored(replicas: u32) -> Value {
    edited(create(Kind::Deployment, &peer(1)).object, |d| d["spec"]["replicas"] = json!(replicas))
}

fn replicas(reviewed: &Reviewed) -> &Value {
    &reviewed.object["spec"]["replicas"]
}

mod that_is_new {
    use super::*;

    #[rstest]
    #[case::current(STRATEGY)]
    #[case::older(STRATEGY_OLDER)]
    fn has_as_many_replicas_as_there_are_bases(#[case] dialect: &str, #[values(0, 1, 7)] bases: u32) {
        // Given a manifest whose template tolerates no base until it is filled in
        let manifest = deployment(|d| d["metadata"]["labels"] = json!({dialect: "peer"}));
        // When it is created
        let reviewed = Cluster::plain().with_bases(bases).create(Kind::Deployment, &manifest);
        // Then it has a replica per base
        assert_eq!(Workload::new(Kind::Deployment, &reviewed.object).replicas(), u64::from(bases));
        assert!(!reviewed.warns_of("spec.replicas"), "{:?}", reviewed.warned());
        // And where that is zero, the user is warned, because kubectl shows nothing wrong
        assert_eq!(reviewed.warns_of("it has no replica until one does"), bases == 0, "{:?}", reviewed.warned());
    }

    #[rstest]
    #[case::what_the_api_server_says_by_itself(1, &[])]
    #[case::the_right_number(3, &[])]
    #[case::another(5, &["spec.replicas becomes 3: warden keeps one replica per base (strategy peer)"])]
    fn is_told_of_only_where_it_asked_for_another_number(#[case] asked: u32, #[case] warned: &[&str]) {
        let reviewed = Cluster::plain().with_bases(3).create(Kind::Deployment, &peer(asked));
        assert_eq!((replicas(&reviewed), reviewed.warned().as_slice()), (&json!(3), warned));
    }

    #[test]
    fn keeps_its_number_while_the_bases_are_unknown() {
        let reviewed = create(Kind::Deployment, &peer(5));
        assert_eq!((replicas(&reviewed), reviewed.warned().len()), (&json!(5), 0), "{:?}", reviewed.warned());
    }
}

mod that_is_updated {
    use super::*;

    #[rstest]
    #[case::the_manifest_applied_again(|d: &mut Value| *d = peer(1))]
    #[case::scaled(|d: &mut Value| d["spec"]["replicas"] = json!(200))]
    #[case::scaled_to_none(|d: &mut Value| d["spec"]["replicas"] = json!(0))]
    #[case::released(|d: &mut Value| { release(d, "2.0.0"); d["spec"]["replicas"] = json!(1); })]
    #[case::left_out(|d: &mut Value| { d["spec"].as_object_mut().unwrap().remove("replicas"); })]
    fn keeps_the_number_it_has(#[case] edit: Edit, #[values(3, 8)] bases: u32) {
        // Given a peer Deployment with three replicas, whatever the number of bases is by now
        let old = stored(3);
        // When an update sends another number, or none
        let cluster = Cluster::plain().with_bases(bases);
        let reviewed = cluster.update(Kind::Deployment, &old, &edited(old.clone(), edit));
        // Then it keeps its three
        assert_eq!(replicas(&reviewed), &json!(3));
        // and that is said
        let said = "spec.replicas stays 3: warden keeps one replica per base (strategy peer)";
        assert!(reviewed.warned().contains(&said), "{:?}", reviewed.warned());
        // and a second call finds nothing to do
        let again = cluster.update(Kind::Deployment, &old, &reviewed.object);
        assert_eq!((again.patched(), again.warns_of("spec.replicas")), (Vec::new(), false));
    }

    #[test]
    fn is_not_touched_where_its_number_is_the_same() {
        let old = stored(3);
        let new = edited(old.clone(), |d| d["metadata"]["annotations"]["team"] = json!("a"));
        let reviewed = Cluster::plain().with_bases(8).update(Kind::Deployment, &old, &new);
        assert_eq!((reviewed.patched(), reviewed.warned()), (Vec::new(), Vec::new()));
    }

    #[rstest]
    #[case::it_was_none(|d: &mut Value| d["metadata"]["labels"][STRATEGY] = Value::Null)]
    #[case::it_was_left_alone(|d: &mut Value| d["metadata"]["annotations"][PEER_PAUSED] = json!("true"))]
    fn keeps_its_number_when_it_becomes_a_peer(#[case] before: Edit) {
        let old = edited(stored(4), before);
        let reviewed = Cluster::plain().with_bases(8).update(Kind::Deployment, &old, &stored(1));
        assert_eq!(replicas(&reviewed), &json!(4));
    }

    #[test]
    fn has_the_users_number_when_it_is_a_peer_no_more() {
        let old = stored(4);
        let new = edited(stored(2), |d| d["metadata"]["labels"][STRATEGY] = Value::Null);
        let reviewed = Cluster::plain().with_bases(8).update(Kind::Deployment, &old, &new);
        assert_eq!((replicas(&reviewed), reviewed.warned()), (&json!(2), Vec::new()));
    }
}

#[test]
fn one_that_a_controller_keeps_has_a_replica_per_base_like_any_other() {
    // Given a peer Deployment of an operator, which writes another number each time
    let owned = |replicas| {
        edited(peer(replicas), |d| d["metadata"]["ownerReferences"] = json!([{"kind": "App", "controller": true}]))
    };
    let cluster = Cluster::plain().with_bases(8);
    // Then only its number is warden's
    let created = cluster.create(Kind::Deployment, &owned(2));
    assert_eq!((replicas(&created), created.patched()), (&json!(8), vec!["/spec/replicas".to_owned()]));
    let updated = cluster.update(Kind::Deployment, &owned(8), &owned(1));
    assert_eq!(replicas(&updated), &json!(8));
}

mod whose_number_is_the_users {
    use super::*;

    #[rstest]
    #[case::label(|d: &mut Value| d["metadata"]["labels"][REPLICAS_CONTROL] = json!("true"), UnmanagedReason::ReplicasControl)]
    #[case::older_label(
        |d: &mut Value| d["metadata"]["labels"][REPLICAS_CONTROL_OLDER] = json!("true"),
        UnmanagedReason::ReplicasControl
    )]
    #[case::annotation(
        |d: &mut Value| d["metadata"]["annotations"][REPLICAS_CONTROL] = json!("true"),
        UnmanagedReason::ReplicasControl
    )]
    #[case::older_annotation(
        |d: &mut Value| d["metadata"]["annotations"][REPLICAS_CONTROL_OLDER] = json!("true"),
        UnmanagedReason::ReplicasControl
    )]
    #[case::paused(|d: &mut Value| d["metadata"]["annotations"][PEER_PAUSED] = json!("true"), UnmanagedReason::Paused)]
    #[case::not_injected(|d: &mut Value| d["metadata"]["annotations"][INJECT] = json!("false"), UnmanagedReason::NotInjected)]
    #[case::template_not_injected(
        |d: &mut Value| template_of(d)["metadata"]["annotations"][INJECT] = json!("false"),
        UnmanagedReason::NotInjected
    )]
    fn is_unmanaged(#[case] leave: Edit, #[case] why: UnmanagedReason) {
        // Given a peer Deployment that is left to its user
        let cluster = Cluster::plain().with_bases(8);
        let new = edited(peer(2), leave);
        assert_eq!(Workload::new(Kind::Deployment, &new).management(), Management::Unmanaged(why));
        // When it is created, or an update sends another number
        let created = cluster.create(Kind::Deployment, &new);
        let old = edited(new.clone(), |d| d["spec"]["replicas"] = json!(5));
        let updated = cluster.update(Kind::Deployment, &old, &new);
        let became = cluster.update(Kind::Deployment, &stored(5), &new);
        // Then the number is as it was written
        for reviewed in [created, updated, became] {
            assert_eq!((replicas(&reviewed), reviewed.warns_of("spec.replicas")), (&json!(2), false));
        }
    }

    #[rstest]
    #[case::control(|d: &mut Value| d["metadata"]["labels"][REPLICAS_CONTROL] = json!("false"))]
    #[case::odd_control(|d: &mut Value| d["metadata"]["labels"][REPLICAS_CONTROL] = json!("yes"))]
    #[case::pause(|d: &mut Value| d["metadata"]["annotations"][PEER_PAUSED] = json!("false"))]
    #[case::pause_of_the_template(|d: &mut Value| template_of(d)["metadata"]["annotations"][PEER_PAUSED] = json!("true"))]
    #[case::pause_by_a_label(|d: &mut Value| d["metadata"]["labels"][PEER_PAUSED] = json!("true"))]
    fn is_not_by_anything_else(#[case] edit: Edit) {
        let new = edited(peer(2), edit);
        assert_eq!(Workload::new(Kind::Deployment, &new).management(), Management::Managed);
        let reviewed = Cluster::plain().with_bases(8).create(Kind::Deployment, &new);
        assert_eq!(replicas(&reviewed), &json!(8));
    }

    #[rstest]
    #[case::no_peer(Kind::Deployment, Value::Null)]
    #[case::another_strategy(Kind::Deployment, json!("Peer"))]
    #[case::another_kind(Kind::StatefulSet, json!("peer"))]
    fn is_any_other_workload(#[case] kind: Kind, #[case] strategy: Value) {
        let object = edited(module(kind), |d| {
            d["metadata"]["labels"][STRATEGY] = strategy;
            d["spec"]["replicas"] = json!(2);
        });
        let reviewed = Cluster::plain().with_bases(8).create(kind, &object);
        assert_eq!(replicas(&reviewed), &json!(2));
    }

    #[test]
    fn is_nothing_to_a_pod() {
        let pod = pod(|p| p["metadata"]["labels"][STRATEGY] = json!("peer"));
        let reviewed = Cluster::plain().with_bases(8).create(Kind::Pod, &pod);
        assert!(!reviewed.patched().iter().any(|path| path.contains("replicas")), "{:?}", reviewed.patched());
    }
}

#[rstest]
#[case::nothing("")]
#[case::a_name("base")]
#[case::another_kind("DaemonSet/base")]
#[case::too_much("a/b/Deployment/base")]
fn what_cannot_be_followed_is_refused(#[case] value: &str) {
    let new = edited(peer(1), |d| d["metadata"]["annotations"][FOLLOW] = json!(value));
    let reviewed = create(Kind::Deployment, &new);
    assert_eq!(reviewed.refused(), ["metadata.annotations[warden.koupleless.io/follow]: Invalid"]);
}

#[rstest]
#[case::it_consents("bases/StatefulSet/base", Some(true), 0)]
#[case::it_does_not("bases/StatefulSet/base", Some(false), 1)]
#[case::it_is_not_known("bases/StatefulSet/base", None, 0)]
#[case::in_its_own_namespace("StatefulSet/other", Some(false), 0)]
#[case::in_its_own_namespace_by_name("shop/StatefulSet/other", Some(false), 0)]
fn what_may_not_be_followed_is_warned_about(
    #[case] workload: &str,
    #[case] may_follow: Option<bool>,
    #[case] warnings: usize,
) {
    let new = edited(peer(1), |d| {
        d["metadata"]["namespace"] = json!("shop");
        d["metadata"]["annotations"][FOLLOW] = json!(workload);
    });
    let bases = Bases { consent: may_follow, ..Bases::default() };
    let request = Request { peers: Some(&bases), ..Request::creation(Kind::Deployment) };
    let verdict = Policy { default_env: "dev".to_owned(), ..Policy::default() }.check(request, &new);
    let warned: Vec<String> = verdict.warnings.iter().map(ToString::to_string).collect();
    let about_it = "what it follows does not exist, or does not consent by warden.koupleless.io/followers";
    assert_eq!(warned.iter().filter(|warning| warning.contains(about_it)).count(), warnings, "{warned:?}");
}

const TAKES_FIRST: &str = "the strategy deletes old Pods first";
const MAX_SURGE: &str = "with maxSurge above 1";

#[rstest]
#[case::one_by_one(json!({"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}), "2.0.0", None)]
#[case::several_at_a_time(json!({"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 2}}), "2.0.0", Some(MAX_SURGE))]
#[case::a_quarter_at_a_time(json!({"rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}}), "2.0.0", Some(MAX_SURGE))]
#[case::some_are_taken_first(json!({"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 2}}), "2.0.0", Some(TAKES_FIRST))]
#[case::all_are_taken_first(json!({"type": "Recreate"}), "2.0.0", Some(TAKES_FIRST))]
#[case::no_new_version(json!({"type": "Recreate"}), "1.0.0", None)]
fn a_rollout_that_leaves_bases_without_the_module_is_warned_of(
    #[case] strategy: Value,
    #[case] version: &str,
    #[case] warning: Option<&str>,
) {
    // Given a peer Deployment with eight replicas
    let old = edited(stored(8), |d| {
        d["spec"]["strategy"] = strategy;
        release(d, "1.0.0");
    });
    // When a version is released
    let reviewed = update(&old, &edited(old.clone(), |d| release(d, version)));
    // Then it is told what that does to bases
    for says in [TAKES_FIRST, MAX_SURGE] {
        assert_eq!(reviewed.warns_of(says), warning == Some(says), "{:?}", reviewed.warned());
    }
}

#[test]
fn a_pause_that_is_none_is_refused() {
    let old = stored(3);
    let new = edited(old.clone(), |d| d["metadata"]["annotations"][PEER_PAUSED] = json!("yes"));
    assert_eq!(update(&old, &new).refused(), ["metadata.annotations[warden.koupleless.io/peer-paused]: Invalid"]);
}

/// A module of any kind whose labels and annotations say something of peers.
fn any_peer() -> impl Strategy<Value = (Kind, Value)> {
    let said = prop::option::weighted(0.9, prop::sample::select(&["peer", "Peer"][..]));
    let keys = &[REPLICAS_CONTROL, REPLICAS_CONTROL_OLDER, PEER_PAUSED, INJECT][..];
    let switch = prop::option::weighted(0.3, (prop::sample::select(keys), any::<bool>(), any::<bool>()));
    let replicas = prop_oneof![Just(Value::Null), (0..9_u32).prop_map(Value::from)];
    let kind = prop_oneof![3 => Just(Kind::Deployment), 1 => kind()];
    let object = kind.prop_flat_map(|kind| (Just(kind), generated::module(kind)));
    (object, said, any::<bool>(), switch, replicas).prop_map(|((kind, mut object), said, older, switch, replicas)| {
        object["metadata"]["labels"][if older { STRATEGY_OLDER } else { STRATEGY }] = json!(said);
        object["metadata"]["labels"][if older { COMPONENT_OLDER } else { COMPONENT }] = json!("module-deployment");
        if let Some((key, label, on)) = switch {
            object["metadata"][if label { "labels" } else { "annotations" }][key] = json!(on.to_string());
        }
        object["spec"]["replicas"] = replicas;
        (kind, object)
    })
}

fn keeps_replicas(kind: Kind, object: &Value) -> bool {
    let workload = Workload::new(kind, object);
    workload.keeps_replicas() && workload.is_module()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_update_never_changes_the_replicas_of_a_peer(
        (kind, old) in any_peer(),
        (other_kind, new) in any_peer(),
        namespace in namespace(),
        bases in prop::option::of(0..9_u32),
    ) {
        prop_assume!(kind == other_kind);
        let bases = Bases { count: bases, ..Bases::default() };
        let request = Request { kind, old: Some(&old), namespace: namespace.as_ref(), limit_ranges: &[], peers: Some(&bases), revisions: &[] };
        let (after, verdict) = Policy::default().review(request, new.clone());
        let number = |object| Workload::new(kind, object).replicas();
        let misshapen = verdict.violations.iter().any(|violation| violation.cause.name() == "FieldValueTypeInvalid");
        let from = if keeps_replicas(kind, &new) && !misshapen { &old } else { &new };
        prop_assert_eq!(number(&after), number(from), "{}", after);
        // and a second review finds nothing to do
        let (_, again) = Policy::default().review(request, after);
        prop_assert!(again.patch.0.is_empty(), "{}", again.patch);
        for warning in verdict.warnings {
            prop_assert!(warning.text().chars().count() <= Warning::LIMIT, "{warning}");
        }
    }

    #[test]
    fn a_new_peer_gets_the_count_and_nothing_else_is_overwritten(
        (kind, object) in any_peer(),
        namespace in namespace(),
        bases in prop::option::of(0..9_u32),
    ) {
        let request = |bases| Request { kind, old: None, namespace: namespace.as_ref(), limit_ranges: &[], peers: Some(bases), revisions: &[] };
        let unknown = Bases::default();
        let (without, _) = Policy::default().review(request(&unknown), object.clone());
        let bases = Bases { count: bases, ..Bases::default() };
        let (with, verdict) = Policy::default().review(request(&bases), object.clone());
        let mut patched = object;
        json_patch::patch(&mut patched, &verdict.patch).unwrap();
        prop_assert_eq!(&patched, &with);
        let mut expected = without;
        if keeps_replicas(kind, &with) && let Some(count) = bases.replicas(Workload::new(kind, &with), &Policy::default().pod_of(request(&bases), &with)) {
            prop_assert_eq!(Workload::new(kind, &with).replicas(), u64::from(count));
            expected["spec"]["replicas"] = with["spec"]["replicas"].clone();
        }
        prop_assert_eq!(&with, &expected);
        let (_, again) = Policy::default().review(request(&bases), with.clone());
        prop_assert!(again.patch.0.is_empty(), "{}", again.patch);
    }
}
