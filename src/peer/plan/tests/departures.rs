//! Bases that go, and the Pods that they leave behind.

use rstest::rstest;

use super::*;
use crate::peer::scale_down_risk::AtRisk;
use crate::peer::testing::waiting;

#[rstest]
fn a_departure_is_followed_after_its_debounce_when_its_pods_are_marked() {
    let mut leader = Leader::default();
    let cluster = Cluster::of(3).depart(1);
    let (bare, marked) = (cluster.snapshot(), cluster.mark().snapshot());

    assert_eq!(leader.decides(&bare, at(10)), hold(Hold::DepartureDebounce, Some(12)));
    assert_eq!(leader.decides(&bare, at(11)), hold(Hold::DepartureDebounce, Some(12)));
    let marks = Plan { mark: bare.pods.clone(), ..hold(Hold::MarksUnseen, None) };
    assert_eq!(leader.decides(&bare, at(12)), marks);
    let deletes = Plan { delete: marked.pods.clone(), ..hold(Hold::PodsToGo, None) };
    assert_eq!(leader.decides(&marked, at(13)), deletes);
}

#[rstest]
fn only_the_pods_that_are_not_are_marked_before() {
    let mut cluster = Cluster::of(4).depart(1).mark();
    cluster.pods[1].place = departed(1);

    let plan = decided_after_a_wait(&cluster.snapshot());

    assert_eq!(plan, Plan { mark: vec![cluster.pods[1].clone()], ..hold(Hold::MarksUnseen, None) });
}

#[rstest]
fn a_base_that_is_back_within_the_debounce_has_not_departed() {
    let mut leader = Leader::default();
    let (whole, fewer) = (Cluster::of(3).snapshot(), Cluster::of(3).depart(1).snapshot());

    leader.decides(&fewer, at(10));
    assert_eq!(leader.decides(&whole, at(11)), keep());

    assert_eq!(leader.decides(&fewer, at(13)), hold(Hold::DepartureDebounce, Some(15)));
}

#[rstest]
fn a_scale_down_comes_a_window_after_the_last_write() {
    let seen = Cluster::of(3).renew(1).snapshot();
    let mut history = waited(&seen);
    history.record_scale("1", at(599));

    assert_eq!(decide(&seen, &history, LEADING, &SETTINGS, at(600)), hold(Hold::Coalescing, Some(601)));
}

#[rstest]
#[case::controller_manager_is_behind(Snapshot { observed: false, ..Cluster::of(3).renew(1).snapshot() },
    Hold::ControllerBehind)]
#[case::a_pod_is_not_made_yet(Snapshot { replicas: 4, ..Cluster::of(3).renew(1).snapshot() }, Hold::PodsUnseen)]
#[case::a_base_is_at_risk(counting(2, Cluster::of(3).snapshot()), Hold::BaseAtRisk(AtRisk { base: None, in_rollout: false }))]
#[case::nothing_to_follow(Snapshot { source: followed(3, None), ..Cluster::of(3).snapshot() },
    Hold::NothingToFollow { workload: "StatefulSet/base".to_owned() })]
#[case::behind_comes_first(Snapshot { observed: false, replicas: 4, ..Cluster::of(3).renew(1).snapshot() },
    Hold::ControllerBehind)]
fn a_scale_down_waits(#[case] seen: Snapshot, #[case] reason: Hold) {
    assert_eq!(decided_after_a_wait(&seen), hold(reason, None));
}

#[rstest]
#[case::not_marked(Cluster::of(3).depart(1).join(2))]
#[case::marked(Cluster::of(3).depart(1).mark().join(2))]
#[case::marked_and_back(Cluster::of(3).depart(1).mark().come_back(1).join(1))]
#[case::in_a_rollout(Cluster::of(3).depart(1).mark().join(2).roll(2))]
fn more_bases_do_not_wait_for_pods_that_are_to_go(#[case] cluster: Cluster) {
    let seen = Cluster { replicas: 2, ..cluster }.snapshot();

    assert_eq!(decided_after_a_wait(&seen).scale, ScaleDecision::Scale { to: 4 });
}

#[rstest]
#[case::fewer_bases(Cluster::of(3).depart(1).mark(), 1)]
#[case::another_came_for_it(Cluster::of(3).depart(1).join(1).mark(), 1)]
#[case::all_went(Cluster::of(2).depart(2).mark(), 2)]
#[case::a_pod_that_is_not_ready_is_none_of_them(Cluster::of(3).depart(1).mark().fail(2), 1)]
fn pods_of_departed_bases_are_deleted_by_name(#[case] cluster: Cluster, #[case] count: usize) {
    let deleted = Plan { delete: cluster.pods[..count].to_vec(), ..hold(Hold::PodsToGo, None) };

    assert_eq!(decided_after_a_wait(&cluster.snapshot()), deleted);
}

#[rstest]
#[case::in_a_rollout(Cluster::of(3).depart(1).mark().roll(2).snapshot(), Hold::PodsToGo)]
#[case::another_template_has_no_pods_yet(
    Snapshot { rolled_out: false, ..Cluster::of(3).depart(3).mark().join(3).snapshot() },
    Hold::PodsToGo,
)]
#[case::controller_manager_is_behind(
    Snapshot { observed: false, ..Cluster::of(3).depart(1).mark().snapshot() },
    Hold::ControllerBehind,
)]
#[case::one_too_many_would_stand_for_it(
    Snapshot { replicas: 3, ..Cluster::of(4).depart(1).mark().snapshot() },
    Hold::PodsToGo,
)]
fn pods_of_departed_bases_stay(#[case] seen: Snapshot, #[case] reason: Hold) {
    assert_eq!(decided_after_a_wait(&seen), hold(reason, None));
}

#[rstest]
fn the_pod_created_for_a_deleted_one_goes_by_fewer_replicas() {
    let mut leader = Leader::default();
    let marked = Cluster::of(3).depart(1).mark();
    leader.decides(&marked.snapshot(), at(10));
    let deleted = leader.decides(&marked.snapshot(), at(12));
    let gone = Cluster { pods: marked.pods[1..].to_vec(), ..marked.clone() };
    let renewed = Cluster { pods: gone.pods.iter().cloned().chain([waiting(3)]).collect(), ..marked.clone() };

    assert_eq!(deleted.delete, marked.pods[..1]);
    assert_eq!(leader.decides(&gone.snapshot(), at(13)), hold(Hold::PodsUnseen, None));
    assert_eq!(leader.decides(&renewed.snapshot(), at(14)), scale(2));
}

#[rstest]
fn a_pod_whose_template_names_its_node_is_not_deleted_again_and_again() {
    let seen = Snapshot { pinned: true, ..Cluster::of(1).depart(1).snapshot() };

    assert_eq!(decided_after_a_wait(&seen), scale(0));
}

#[rstest]
fn a_pod_moves_to_another_base_without_another_number() {
    let mut leader = Leader::default();
    let moving = Cluster::of(3).depart(1).join(1).mark();
    leader.decides(&moving.snapshot(), at(0));
    let deleted = leader.decides(&moving.snapshot(), at(2));

    assert_eq!(deleted.delete, moving.pods[..1]);
    let left = Cluster { pods: moving.pods[1..].to_vec(), ..moving };
    assert_eq!(leader.decides(&left.snapshot(), at(3)), keep());
}
