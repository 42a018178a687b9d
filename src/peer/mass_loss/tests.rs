//! What counts as a mass loss, and what shows it.

use rstest::rstest;

use super::*;
use crate::peer::state::recorded_mass_loss;
use crate::peer::testing::{Cluster, departed, followed, pod, settled};
use crate::peer::{Hold, PeerState};

/// The loss that it shows, where this is the largest number of bases observed lately.
fn lost(seen: &Snapshot, peak: u32) -> Option<(u32, u32)> {
    MassLoss::of(seen, peak).map(|loss| (loss.lost, loss.of))
}

#[rstest]
#[case::one_of_one(1, 1, false)]
#[case::two_of_two(2, 2, false)]
#[case::two_of_three(3, 2, false)]
#[case::three_of_three(3, 3, true)]
#[case::three_of_five(5, 3, true)]
#[case::five_of_nine(9, 5, true)]
#[case::half(10, 5, false)]
#[case::six_of_ten(10, 6, true)]
#[case::exactly_55_percent(20, 11, false)]
#[case::one_more(20, 12, true)]
#[case::none(10, 0, false)]
fn most_bases_and_three_at_least_make_a_mass_loss(#[case] of: u32, #[case] gone: u32, #[case] is_mass: bool) {
    let expected = is_mass.then_some((gone, of));
    let without_pods = Snapshot { replicas: of, ..Cluster::of(of - gone).snapshot() };

    assert_eq!(lost(&without_pods, of), expected, "by what was seen before");
    let state = Some(settled(of));
    assert_eq!(lost(&Snapshot { state, ..without_pods }, 0), expected, "by the state");
    assert_eq!(lost(&Cluster::of(of).depart(gone).snapshot(), 0), expected, "by the Pods");
}

#[rstest]
#[case::replaced_one_by_one(6)]
#[case::more_than_before(20)]
fn bases_that_come_do_not_make_up_for_those_that_go(#[case] come: u32) {
    let moved = Cluster::of(10).depart(6).join(come).snapshot();

    assert_eq!(lost(&moved, 10), Some((6, 10)));
}

#[rstest]
fn a_base_with_several_pods_is_lost_once() {
    let mut cluster = Cluster::of(5).depart(2);
    cluster.pods.extend([pod(5, departed(0)), pod(6, departed(1)), pod(7, departed(1))]);

    assert_eq!(lost(&cluster.snapshot(), 0), None);
}

#[rstest]
#[case::as_it_was_left(settled(10), Some((8, 10)))]
#[case::held_already(
    PeerState { hold: Some(Hold::MassLoss(MassLoss { lost: 6, of: 10 })), ..settled(10) }, Some((8, 10)))]
#[case::followed(PeerState { follows: Some("StatefulSet/base".to_owned()), ready: Some(10), ..settled(10) }, Some((8, 10)))]
#[case::the_number_is_another_one_now(settled(9), None)]
#[case::a_larger_number(settled(100), None)]
#[case::no_number(PeerState::default(), None)]
fn the_settled_number_counts_while_it_is_the_number(#[case] state: PeerState, #[case] expected: Option<(u32, u32)>) {
    let seen = Snapshot { replicas: 10, state: Some(state), ..Cluster::of(2).snapshot() };

    assert_eq!(lost(&seen, 2), expected);
}

#[rstest]
#[case::fewer_ready(10, Some(4), Some((6, 10)))]
#[case::enough_ready(10, Some(10), None)]
#[case::scaled_down(4, Some(4), None)]
#[case::scaled_down_and_lost(8, Some(1), Some((7, 8)))]
#[case::nothing_to_follow(10, None, None)]
fn a_followed_workload_loses_by_its_numbers_alone(
    #[case] desired: u32,
    #[case] ready: Option<u32>,
    #[case] expected: Option<(u32, u32)>,
) {
    let source = followed(desired, ready);
    let seen = Snapshot { source, ..Cluster::of(10).depart(9).snapshot() };

    assert_eq!(lost(&seen, 10), expected);
}

#[rstest]
#[case::a_mass_loss(Some(Hold::MassLoss(MassLoss { lost: 6, of: 10 })), Some(MassLoss { lost: 6, of: 10 }))]
#[case::another_reason(Some(Hold::PodsUnseen), None)]
#[case::not_held(None, None)]
fn the_state_tells_the_next_process_of_a_loss(#[case] hold: Option<Hold>, #[case] expected: Option<MassLoss>) {
    let state = Some(PeerState { hold, ..settled(4) });

    assert_eq!(recorded_mass_loss(&Snapshot { state, ..Cluster::of(4).snapshot() }), expected);
}

#[rstest]
fn it_says_how_many_went() {
    assert_eq!(MassLoss { lost: 6, of: 10 }.to_string(), "6 of 10 bases went at once");
}

#[rstest]
#[case::in_a_rollout(false, 4, None)]
#[case::in_a_rollout_with_nodes_that_are_gone(false, 0, Some(MassLoss { lost: 4, of: 4 }))]
#[case::labels_of_nodes_changed(true, 4, Some(MassLoss { lost: 4, of: 4 }))]
fn nodes_that_an_earlier_template_was_for_are_not_lost(
    #[case] rolled_out: bool,
    #[case] unfit: u32,
    #[case] expected: Option<MassLoss>,
) {
    let seen = Snapshot { rolled_out, unfit, ..Cluster::of(4).depart(4).snapshot() };

    assert_eq!(MassLoss::of(&counting_two(seen.clone()), 0), expected);
    assert_eq!(MassLoss::of(&counting_two(Snapshot { observed: false, ..seen }), 0).is_some(), unfit == 0);
}

/// With two other bases.
fn counting_two(seen: Snapshot) -> Snapshot {
    Snapshot { source: Source::Bases { count: 2, shared_hosts: Vec::new() }, ..seen }
}
