//! What counts as a mass loss, and by what it shows.

use rstest::rstest;

use super::*;
use crate::peer::testing::{Cluster, departed, followed, pod};

/// What shows of it as a loss by the largest number of bases seen lately.
fn lost(seen: &Snapshot, peak: u32) -> Option<(u32, u32)> {
    Loss::of(seen, peak).map(|loss| (loss.lost, loss.of))
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
    let line = Some(format!("{of}/{of} bases, 2026-11-01T00:00:00Z"));
    assert_eq!(lost(&Snapshot { status_line: line, ..without_pods }, 0), expected, "by the status line");
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
#[case::as_it_was_left("10/10 bases, 2026-11-01T00:00:00Z", Some((8, 10)))]
#[case::held_already("10/4 bases, held: 6 of 10 bases went at once, 2026-11-01T00:00:00Z", Some((8, 10)))]
#[case::followed("10/10 ready of StatefulSet/base, 2026-11-01T00:00:00Z", Some((8, 10)))]
#[case::the_number_is_another_one_now("9/9 bases, 2026-11-01T00:00:00Z", None)]
#[case::longer_number("100/100 bases, 2026-11-01T00:00:00Z", None)]
#[case::no_number("left to the user: warden.koupleless.io/peer-paused, 2026-11-01T00:00:00Z", None)]
#[case::nobodys_number("99999999999999999999/10 bases", None)]
#[case::empty("", None)]
fn the_status_line_counts_while_the_number_is_the_one_it_names(
    #[case] line: &str,
    #[case] expected: Option<(u32, u32)>,
) {
    let seen = Snapshot { replicas: 10, status_line: Some(line.to_owned()), ..Cluster::of(2).snapshot() };

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
#[case::held("10/4 bases, held: 6 of 10 bases went at once, 2026-11-01T00:00:00Z", Some(Loss { lost: 6, of: 10 }))]
#[case::a_workload("10/4 ready of Deployment/base, held: 6 of 10 bases went at once", Some(Loss { lost: 6, of: 10 }))]
#[case::for_another_reason("2/1 bases, held: to scale down now could take the module from vnode.a, 2026", None)]
#[case::nobodys_numbers("10/4 bases, held: most of all bases went at once", None)]
#[case::not_held("4/4 bases, 2026-11-01T00:00:00Z", None)]
fn the_status_line_tells_the_next_warden_of_a_loss(#[case] line: &str, #[case] expected: Option<Loss>) {
    assert_eq!(Loss::noted(&Snapshot { status_line: Some(line.to_owned()), ..Cluster::of(4).snapshot() }), expected);
}

#[rstest]
fn it_says_how_many_went() {
    assert_eq!(Loss { lost: 6, of: 10 }.to_string(), "6 of 10 bases went at once");
}
