//! What is written, what is read of it, and when it is written again.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::cluster::MAX_STATE_BYTES;
use crate::peer::scale_down_risk::AtRisk;
use crate::peer::testing::{Cluster, followed, settled};

const LOSS: Hold = Hold::MassLoss(MassLoss { lost: 6, of: 10 });

fn now() -> Timestamp {
    "2026-11-01T08:00:00.123456789+08:00".parse().unwrap()
}

fn held(reason: Hold) -> ScaleDecision {
    ScaleDecision::Hold { reason, until: None }
}

fn nothing() -> Hold {
    Hold::NothingToFollow { workload: "StatefulSet/base".to_owned() }
}

/// Ten replicas for four bases, on which this is written.
fn ten_for_four(state: Option<PeerState>) -> Snapshot {
    Snapshot { replicas: 10, state, ..Cluster::of(4).snapshot() }
}

/// The annotation as JSON.
fn annotation(state: &PeerState) -> Value {
    serde_json::from_str(&state.to_annotation(now()).unwrap()).unwrap()
}

#[rstest]
#[case::right(
    Cluster::of(3).snapshot(), ScaleDecision::Keep,
    json!({"message": "3/3 bases", "replicas": 3, "bases": 3, "settled": 3})
)]
#[case::a_mass_loss(
    ten_for_four(None), held(LOSS),
    json!({
        "message": "10/4 bases, held: 6 of 10 bases went at once", "replicas": 10, "bases": 4, "settled": 10,
        "hold": {"reason": "mass_loss", "lost": 6, "of": 10},
    })
)]
#[case::held_at_wardens_number(
    ten_for_four(Some(settled(10))), held(Hold::PodsUnseen),
    json!({
        "message": "10/4 bases, held: not all Pods have been created and seen yet",
        "replicas": 10, "bases": 4, "settled": 10, "hold": {"reason": "pods_unseen"},
    })
)]
#[case::held_at_a_users_number(
    ten_for_four(Some(settled(4))), held(Hold::PodsUnseen),
    json!({
        "message": "10/4 bases, held: not all Pods have been created and seen yet",
        "replicas": 10, "bases": 4, "hold": {"reason": "pods_unseen"},
    })
)]
#[case::held_at_an_unknown_writers_number(
    ten_for_four(None), held(Hold::BaseAtRisk(AtRisk { base: Some("vnode.a".to_owned()), in_rollout: true })),
    json!({
        "message": "10/4 bases, held: a scale-down now could take the module from vnode.a, in the middle of a rollout",
        "replicas": 10, "bases": 4, "hold": {"reason": "base_at_risk", "base": "vnode.a", "in_rollout": true},
    })
)]
#[case::followed(
    Snapshot { source: followed(2, Some(2)), ..Cluster::of(2).snapshot() }, ScaleDecision::Keep,
    json!({"message": "2/2 ready of StatefulSet/base", "replicas": 2, "follows": "StatefulSet/base", "ready": 2, "settled": 2})
)]
#[case::nothing_to_follow(
    Snapshot { source: followed(2, None), ..Cluster::of(2).snapshot() }, held(nothing()),
    json!({
        "message": "2/? ready of StatefulSet/base, held: there is no StatefulSet/base to follow",
        "replicas": 2, "follows": "StatefulSet/base", "settled": 2,
        "hold": {"reason": "nothing_to_follow", "workload": "StatefulSet/base"},
    })
)]
#[case::paused(
    Snapshot { unmanaged: Some(UnmanagedReason::Paused), ..Cluster::of(2).snapshot() }, ScaleDecision::Keep,
    json!({"message": "left to the user: warden.koupleless.io/peer-paused", "unmanaged": "paused"})
)]
#[case::replicas_control(
    Snapshot { unmanaged: Some(UnmanagedReason::ReplicasControl), ..Cluster::of(2).snapshot() }, ScaleDecision::Keep,
    json!({"message": "left to the user: virtual-kubelet.koupleless.io/replicas-control", "unmanaged": "replicas_control"})
)]
#[case::no_module(
    Snapshot { unmanaged: Some(UnmanagedReason::NoModule), ..Cluster::of(2).snapshot() }, ScaleDecision::Keep,
    json!({"message": "left to the user: its template is no module", "unmanaged": "no_module"})
)]
fn what_lasts_is_written_once(
    #[case] snapshot: Snapshot,
    #[case] decision: ScaleDecision,
    #[case] mut expected: Value,
) {
    // When it is written
    let state = PeerState::to_write(&snapshot, &decision, true).unwrap();
    // Then it says all of this
    expected["v"] = json!(1);
    expected["since"] = json!("2026-11-01T00:00:00Z");
    assert_eq!(annotation(&state), expected);
    // And once it stands there, it is not written again
    let written = PeerState::read(&state.to_annotation(now()).unwrap());
    assert_eq!(written.as_ref(), Some(&state));
    assert_eq!(PeerState::to_write(&Snapshot { state: written, ..snapshot }, &decision, true), None);
}

#[rstest]
#[case::a_hold_that_was_not_reported(None, held(Hold::DepartureDebounce))]
#[case::a_number_that_is_being_written(None, ScaleDecision::Scale { to: 4 })]
fn other_states_are_not_written(#[case] unmanaged: Option<UnmanagedReason>, #[case] decision: ScaleDecision) {
    let snapshot = Snapshot { unmanaged, ..ten_for_four(None) };

    assert_eq!(PeerState::to_write(&snapshot, &decision, false), None);
}

#[rstest]
fn a_deployment_that_opted_out_says_that_its_pods_are_not_kept_apart() {
    let snapshot = Snapshot { unmanaged: Some(UnmanagedReason::NotInjected), ..ten_for_four(None) };

    let state = PeerState::to_write(&snapshot, &ScaleDecision::Keep, false).unwrap();

    assert_eq!(messages::state(&state), "left to the user: warden.koupleless.io/inject; its Pods are not kept apart");
}

#[rstest]
#[case::an_unknown_field(r#"{"v":1,"settled":3,"colour":"red","message":1}"#, Some(settled(3)))]
#[case::an_unknown_reason(r#"{"v":1,"settled":3,"hold":{"reason":"full_moon","since":3}}"#, Some(settled(3)))]
#[case::no_more_than_a_version(r#"{"v":1}"#, Some(PeerState::default()))]
#[case::a_later_version(r#"{"v":2,"settled":3}"#, None)]
#[case::no_version(r#"{"settled":3}"#, None)]
#[case::another_type(r#"{"v":1,"settled":"3"}"#, None)]
#[case::broken(r#"{"v":1,"settled":3"#, None)]
fn what_is_not_known_is_no_state(#[case] annotation: &str, #[case] expected: Option<PeerState>) {
    assert_eq!(PeerState::read(annotation), expected);
}

/// Until the older annotation need not be known any more.
#[rstest]
#[case::right("10/10 bases, 2026-11-01T00:00:00Z", Some(10), None)]
#[case::held("10/4 bases, held: 6 of 10 bases went at once, 2026-11-01T00:00:00Z", Some(10), Some(LOSS))]
#[case::held_at_a_users_number("held: not all Pods have been made and seen yet, 10/4 bases, 2026", None, None)]
#[case::followed("10/4 ready of Deployment/base, held: 6 of 10 bases went at once", Some(10), Some(LOSS))]
#[case::for_another_reason("2/1 bases, held: to scale down now could take the module from vnode.a", Some(2), None)]
#[case::without_numbers("10/4 bases, held: most of all bases went at once", Some(10), None)]
#[case::left_to_the_user("left to the user: warden.koupleless.io/peer-paused, 2026", None, None)]
#[case::too_large("99999999999999999999/10 bases", None, None)]
#[case::empty("", None, None)]
fn the_older_sentence_is_read_once(#[case] sentence: &str, #[case] settled: Option<u32>, #[case] hold: Option<Hold>) {
    let state = PeerState::read(sentence).unwrap();

    assert_eq!(state, PeerState { settled, hold, ..PeerState::default() });
    // And replaced, whatever it said
    let snapshot = Snapshot { state: Some(state), ..Cluster::of(10).snapshot() };
    assert!(PeerState::to_write(&snapshot, &ScaleDecision::Keep, false).is_some());
}

#[rstest]
#[case::the_same(Some(settled(10)), Some(10))]
#[case::another_one_now(Some(settled(9)), None)]
#[case::none(Some(PeerState::default()), None)]
#[case::nothing_written(None, None)]
fn a_number_is_settled_while_it_is_the_one_that_was_written(
    #[case] state: Option<PeerState>,
    #[case] expected: Option<u32>,
) {
    assert_eq!(settled_replicas(&ten_for_four(state)), expected);
}

fn hold() -> impl Strategy<Value = Hold> {
    let units = vec![
        Hold::NotSynced,
        Hold::NotLeader,
        Hold::OwnWriteUnseen,
        Hold::Coalescing,
        Hold::DepartureDebounce,
        Hold::MarksUnseen,
        Hold::ControllerBehind,
        Hold::PodsUnseen,
        Hold::ReturnDebounce,
        Hold::PodsToGo,
    ];
    let at_risk = (option::of(".{0,253}"), any::<bool>()).prop_map(|(base, in_rollout)| AtRisk { base, in_rollout });
    prop_oneof![
        select(units),
        any::<(u32, u32)>().prop_map(|(lost, of)| Hold::MassLoss(MassLoss { lost, of })),
        at_risk.prop_map(Hold::BaseAtRisk),
        ".{0,500}".prop_map(|workload| Hold::NothingToFollow { workload }),
    ]
}

/// What any cluster may show, with a workload that is called as it likes.
fn snapshot() -> impl Strategy<Value = Snapshot> {
    let workload = option::of(("\\PC{0,500}|[\\x00-\\x1f\"\\\\]{0,500}", option::of(any::<u32>())));
    let unmanaged = option::weighted(
        0.1,
        select(vec![UnmanagedReason::Paused, UnmanagedReason::ReplicasControl, UnmanagedReason::NoModule]),
    );
    (any::<u32>(), any::<u32>(), workload, unmanaged, option::of(any::<u32>())).prop_map(
        |(replicas, count, workload, unmanaged, before)| {
            let source = match workload {
                None => Source::Bases { count, shared_hosts: Vec::new() },
                Some((workload, ready)) => match followed(count, ready) {
                    Source::Followed { size, .. } => Source::Followed { workload, size },
                    bases => bases,
                },
            };
            Snapshot { replicas, source, unmanaged, state: before.map(settled), ..Cluster::of(1).snapshot() }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_and_short(snapshot in snapshot(), hold in hold(), is_held in any::<bool>()) {
        let decision = if is_held { held(hold) } else { ScaleDecision::Keep };
        let Some(state) = PeerState::to_write(&snapshot, &decision, true) else { return Ok(()) };

        let annotation = state.to_annotation(now()).unwrap();

        prop_assert!(annotation.len() <= MAX_STATE_BYTES, "{} bytes", annotation.len());
        prop_assert_eq!(PeerState::read(&annotation), Some(state));
    }

    #[test]
    fn whatever_stands_there_is_read_without_a_fault(annotation in "\\{.{0,60}|.{0,60}|\\{\"v\":1,.{0,60}\\}") {
        let _ = PeerState::read(&annotation);
    }
}
