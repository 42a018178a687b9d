//! What the history keeps, and for how long.

use rstest::rstest;

use super::*;
use crate::peer::testing::{Cluster, SETTINGS, at, base, departed, followed, marked, pod, settled};
use crate::peer::{Hold, PeerState};

/// The history after these observations, at these seconds.
fn after(observations: &[(u64, &Snapshot)]) -> ObservedHistory {
    let mut history = ObservedHistory::default();
    for (seconds, seen) in observations {
        history.observe(seen, &SETTINGS, at(*seconds));
    }
    history
}

fn following(ready: Option<u32>, replicas: u32) -> Snapshot {
    let source = followed(4, ready);
    Snapshot { source, ..Snapshot { replicas, ..Cluster::of(replicas).snapshot() } }
}

#[rstest]
#[case::the_same("10", "10", true)]
#[case::later("11", "10", true)]
#[case::earlier("10", "11", false)]
#[case::earlier_with_a_larger_digit("9", "10", false)]
#[case::later_with_a_smaller_digit("10", "9", true)]
#[case::beyond_64_bits("99999999999999999999999999999", "99999999999999999999999999998", true)]
#[case::beyond_64_bits_and_earlier("99999999999999999999999999998", "99999999999999999999999999999", false)]
#[case::leading_zeros("0010", "9", true)]
#[case::leading_zeros_of_what_was_written("9", "0010", false)]
#[case::no_number_but_the_same("v10", "v10", true)]
#[case::no_number("v11", "v10", false)]
#[case::a_number_after_none("11", "v10", false)]
#[case::none_after_a_number("v11", "10", false)]
#[case::a_sign_is_no_number("+11", "10", false)]
#[case::nothing_seen("", "10", false)]
#[case::nothing_written("10", "", false)]
fn an_own_write_is_seen_from_its_resource_version_on(#[case] seen: &str, #[case] wrote: &str, #[case] expected: bool) {
    let seen = Snapshot { resource_version: seen.to_owned(), ..Cluster::of(1).snapshot() };
    let mut history = after(&[(0, &seen)]);

    history.record_scale(wrote, at(0));

    assert_eq!(history.own_write_unseen_until(&seen), (!expected).then_some(at(30)));
}

#[rstest]
fn without_a_write_there_is_nothing_to_wait_for() {
    let seen = Cluster::of(1).snapshot();

    let history = after(&[(0, &seen)]);

    assert_eq!(history.own_write_unseen_until(&seen), None);
    assert_eq!(history.coalesces_until(&SETTINGS), None);
}

#[rstest]
fn the_next_write_may_come_a_window_after_the_last_one() {
    let mut history = ObservedHistory::default();

    history.record_scale("2", at(10));
    history.record_scale("3", at(20));

    assert_eq!(history.coalesces_until(&SETTINGS), Some(at(22)));
}

#[rstest]
fn a_deployment_made_again_is_another_one() {
    let lost = Cluster::of(10).depart(6).snapshot();
    let mut history = after(&[(0, &Cluster::of(10).snapshot()), (1, &lost)]);
    history.record_scale("99", at(1));
    let again = Snapshot { uid: "made-again".to_owned(), ..Cluster::of(4).snapshot() };

    history.observe(&again, &SETTINGS, at(2));

    assert_eq!(history, after(&[(2, &again)]));
}

#[rstest]
#[case::fewer_bases(Snapshot { replicas: 4, ..Cluster::of(3).snapshot() }, true)]
#[case::a_pod_on_a_departed_base(Cluster::of(4).depart(1).snapshot(), true)]
#[case::another_base_instead(Cluster::of(4).depart(1).join(1).snapshot(), true)]
#[case::more_bases(Cluster::of(4).join(1).snapshot(), false)]
#[case::fewer_ready(following(Some(3), 4), true)]
#[case::as_many_ready(following(Some(4), 4), false)]
fn a_departure_is_debounced_for_a_window(#[case] seen: Snapshot, #[case] is_one: bool) {
    let history = after(&[(0, &Cluster::of(4).snapshot()), (7, &seen), (8, &seen)]);

    assert_eq!(history.departure_debounce_ends_at(&SETTINGS), is_one.then(|| at(9)));
}

#[rstest]
fn the_nodes_of_a_followed_workload_do_not_depart() {
    let source = followed(4, Some(4));

    let history = after(&[(0, &Snapshot { source, ..Cluster::of(4).depart(2).snapshot() })]);

    assert_eq!(history.departure_debounce_ends_at(&SETTINGS), None);
}

#[rstest]
fn a_base_that_is_back_has_not_departed() {
    let (whole, fewer) = (Cluster::of(4).snapshot(), Cluster::of(4).depart(1).snapshot());

    let history = after(&[(0, &fewer), (1, &whole), (5, &fewer)]);

    assert_eq!(history.departure_debounce_ends_at(&SETTINGS), Some(at(7)));
}

#[rstest]
fn a_departure_goes_on_while_the_wanted_number_is_not_known() {
    let fewer = following(Some(3), 4);

    let history = after(&[(0, &fewer), (1, &following(None, 4)), (5, &fewer)]);

    assert_eq!(history.departure_debounce_ends_at(&SETTINGS), Some(at(2)));
}

#[rstest]
#[case::within_the_window(60, true)]
#[case::after_it(61, false)]
fn bases_count_as_seen_lately_for_the_window_of_losses(#[case] later: u64, #[case] is_loss: bool) {
    // The Pods are gone, and no state was written.
    let fewer = Snapshot { replicas: 10, ..Cluster::of(4).snapshot() };

    let history = after(&[(0, &Cluster::of(10).snapshot()), (later, &fewer)]);

    assert_eq!(history.mass_loss(&SETTINGS).is_some(), is_loss);
}

#[rstest]
fn the_largest_number_of_bases_seen_lately_counts() {
    let seen = |bases| Snapshot { replicas: 10, ..Cluster::of(bases).snapshot() };

    let history = after(&[(0, &seen(9)), (1, &seen(10)), (2, &seen(7)), (3, &seen(8)), (4, &seen(4))]);

    assert_eq!(history.mass_loss(&SETTINGS), Some((MassLoss { lost: 6, of: 10 }, at(304))));
}

#[rstest]
fn a_smaller_number_seen_later_counts_when_the_larger_is_too_old() {
    let seen = |bases| Snapshot { replicas: 10, ..Cluster::of(bases).snapshot() };

    let history = after(&[(0, &seen(10)), (30, &seen(8)), (70, &seen(3))]);

    assert_eq!(history.mass_loss(&SETTINGS), Some((MassLoss { lost: 5, of: 8 }, at(370))));
}

#[rstest]
fn a_loss_is_held_from_when_it_was_seen_first() {
    let (six, seven) = (Cluster::of(10).depart(6).snapshot(), Cluster::of(10).depart(7).snapshot());

    let history = after(&[(5, &six), (100, &six), (200, &seven)]);

    assert_eq!(history.mass_loss(&SETTINGS), Some((MassLoss { lost: 7, of: 10 }, at(305))));
}

#[rstest]
fn a_loss_that_is_over_is_forgotten() {
    let (whole, lost) = (Cluster::of(10).snapshot(), Cluster::of(10).depart(6).snapshot());

    let over = after(&[(0, &lost), (1, &whole)]);
    let again = after(&[(0, &lost), (1, &whole), (9, &lost)]);

    assert_eq!(over.mass_loss(&SETTINGS), None);
    assert_eq!(again.mass_loss(&SETTINGS), Some((MassLoss { lost: 6, of: 10 }, at(309))));
}

#[rstest]
#[case::most_are_back(304, Cluster::of(10).depart(1).snapshot(), true)]
#[case::most_are_back_and_it_was_held_long_enough(305, Cluster::of(10).depart(1).snapshot(), false)]
#[case::all_are_back(100, Cluster::of(10).snapshot(), false)]
#[case::more_are_there_than_before(100, Cluster::of(10).join(1).snapshot(), false)]
fn the_last_of_a_loss_are_held_with_the_others(#[case] later: u64, #[case] seen: Snapshot, #[case] is_held: bool) {
    let lost = Cluster::of(10).depart(6).snapshot();

    let history = after(&[(0, &Cluster::of(10).snapshot()), (5, &lost), (later, &seen)]);

    assert_eq!(history.mass_loss(&SETTINGS), is_held.then(|| (MassLoss { lost: 6, of: 10 }, at(305))));
}

#[rstest]
fn the_next_process_holds_the_last_of_a_loss_as_well() {
    let state = Some(PeerState { hold: Some(Hold::MassLoss(MassLoss { lost: 6, of: 10 })), ..settled(10) });
    let seen = Snapshot { state, ..Cluster::of(10).depart(1).snapshot() };

    let held = |observations: &[(u64, &Snapshot)]| after(observations).mass_loss(&SETTINGS);

    assert_eq!(held(&[(5, &seen)]), Some((MassLoss { lost: 6, of: 10 }, at(305))));
    assert_eq!(held(&[(5, &seen), (305, &seen)]), None);
    assert_eq!(held(&[(5, &seen), (305, &seen), (306, &seen)]), None, "the state is old by now");
}

#[rstest]
fn the_last_departure_counts() {
    let (one, two) = (Cluster::of(5).depart(1).snapshot(), Cluster::of(5).depart(2).snapshot());
    let without_pod = Snapshot { replicas: 5, ..Cluster::of(3).snapshot() };

    assert_eq!(after(&[(0, &one), (1, &one)]).departure_debounce_ends_at(&SETTINGS), Some(at(2)));
    assert_eq!(after(&[(0, &one), (1, &two)]).departure_debounce_ends_at(&SETTINGS), Some(at(3)), "another Pod");
    assert_eq!(
        after(&[(0, &one), (9, &without_pod)]).departure_debounce_ends_at(&SETTINGS),
        Some(at(11)),
        "another base, without a Pod"
    );
    assert_eq!(after(&[(0, &two), (1, &one)]).departure_debounce_ends_at(&SETTINGS), Some(at(2)), "one is back");
}

#[rstest]
fn each_marked_pod_has_its_own_time_of_return() {
    let cluster = Cluster::of(3).depart(2).mark();
    let one = cluster.clone().come_back(1).snapshot();
    let both = cluster.clone().come_back(2).snapshot();
    let history = after(&[(0, &cluster.snapshot()), (3, &one), (8, &both)]);

    let unmarks_at = |number| history.return_debounce_ends_at(&both.pods[number], &SETTINGS);

    assert_eq!([unmarks_at(0), unmarks_at(1)], [Some(at(5)), Some(at(10))]);
}

#[rstest]
#[case::not_marked(pod(0, base(0)))]
#[case::departed(marked(pod(0, departed(0))))]
#[case::on_no_node(marked(pod(0, Place::Nowhere)))]
fn no_other_pod_is_back(#[case] other: Pod) {
    let cluster = Cluster { pods: vec![other.clone()], ..Cluster::of(1) };

    let history = after(&[(0, &cluster.snapshot())]);

    assert_eq!(history.return_debounce_ends_at(&other, &SETTINGS), None);
}

#[rstest]
fn a_base_that_is_away_again_has_not_returned() {
    let gone = Cluster::of(2).depart(1).mark();
    let back = gone.clone().come_back(1).snapshot();

    let history = after(&[(0, &back), (1, &gone.snapshot()), (6, &back)]);

    assert_eq!(history.return_debounce_ends_at(&back.pods[0], &SETTINGS), Some(at(8)));
}
