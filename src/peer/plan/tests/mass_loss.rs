//! Many bases that go at once.

use rstest::rstest;

use super::*;

#[rstest]
#[case::one_of_one(1, 1)]
#[case::two_of_two(2, 2)]
#[case::two_of_three(3, 2)]
#[case::five_of_ten(10, 5)]
fn a_small_loss_is_followed(#[case] of: u32, #[case] gone: u32) {
    let mut watcher = Watcher::default();
    watcher.looks(&Cluster::of(of).snapshot(), at(0));
    let seen = Cluster::of(of).depart(gone).mark().snapshot();

    assert_eq!(watcher.looks(&seen, at(10)), hold(Hold::Settling, Some(12)));
    assert_eq!(watcher.looks(&seen, at(12)).delete.len(), gone as usize);
}

#[rstest]
fn a_mass_loss_is_held_and_then_followed() {
    let mut watcher = Watcher::default();
    watcher.looks(&Cluster::of(10).snapshot(), at(0));
    let cluster = Cluster::of(10).depart(6);
    let bare = cluster.snapshot();

    assert_eq!(watcher.looks(&bare, at(10)), hold(Hold::Settling, Some(12)));
    assert_eq!(watcher.looks(&bare, at(12)), hold(mass_loss(6, 10), Some(310)));
    assert_eq!(watcher.looks(&bare, at(309)), hold(mass_loss(6, 10), Some(310)));
    assert_eq!(watcher.looks(&bare, at(310)), Plan { mark: bare.pods.clone(), ..hold(Hold::MarksUnseen, None) });
    assert_eq!(watcher.looks(&cluster.mark().snapshot(), at(311)).delete.len(), 6);
}

#[rstest]
fn a_mass_loss_is_over_when_the_bases_are_back() {
    let mut watcher = Watcher::default();
    let (whole, lost) = (Cluster::of(10).snapshot(), Cluster::of(10).depart(6).snapshot());
    watcher.looks(&whole, at(0));
    watcher.looks(&lost, at(10));
    assert_eq!(watcher.looks(&lost, at(20)), hold(mass_loss(6, 10), Some(310)));

    assert_eq!(watcher.looks(&whole, at(21)), keep());

    watcher.looks(&lost, at(400));
    assert_eq!(watcher.looks(&lost, at(410)), hold(mass_loss(6, 10), Some(700)), "held anew");
}

#[rstest]
fn a_mass_loss_does_not_keep_new_bases_waiting() {
    let mut watcher = Watcher::default();
    watcher.looks(&Cluster::of(10).snapshot(), at(0));
    let moved = Cluster::of(10).depart(6).join(8).snapshot();

    assert_eq!(watcher.looks(&moved, at(10)), scale(12));
}

#[rstest]
fn a_mass_loss_that_nobody_saw_is_held_by_who_looks_next() {
    let line = Some("10/10 bases, 2026-11-01T00:00:00Z".to_owned());
    // The departed bases' Pods are gone, others are made and wait.
    let pods = (0..10).map(|number| pod(number, if number < 4 { base(number) } else { Place::Nowhere })).collect();
    let seen = Snapshot { status_line: line, ..Cluster { pods, ..Cluster::of(10) }.snapshot() };
    let mut watcher = Watcher::default();

    assert_eq!(watcher.looks(&seen, at(0)), hold(Hold::Settling, Some(2)));
    assert_eq!(watcher.looks(&seen, at(2)), hold(mass_loss(6, 10), Some(300)));
    assert_eq!(watcher.looks(&seen, at(300)), scale(4));
}

#[rstest]
fn one_after_the_other_they_make_a_mass_loss_too() {
    let mut watcher = Watcher::default();
    watcher.looks(&Cluster::of(10).snapshot(), at(0));
    for (gone, now) in (1..6).zip((10..).step_by(10)) {
        let left = Snapshot { replicas: 11 - gone, ..Cluster::of(10 - gone).snapshot() };
        watcher.looks(&left, at(now));
    }

    let sixth = Snapshot { replicas: 5, ..Cluster::of(4).snapshot() };

    watcher.looks(&sixth, at(57));
    assert_eq!(watcher.looks(&sixth, at(60)).step, hold(mass_loss(6, 10), Some(357)).step);
}

#[rstest]
fn while_the_bases_come_back_one_by_one_the_last_are_waited_for() {
    let mut watcher = Watcher::default();
    watcher.looks(&Cluster::of(10).snapshot(), at(0));
    watcher.looks(&Cluster::of(10).depart(6).snapshot(), at(10));
    let cluster = Cluster::of(10).depart(1).mark();
    let last = cluster.snapshot();

    assert_eq!(watcher.looks(&last, at(100)), hold(mass_loss(6, 10), Some(310)));
    assert_eq!(watcher.looks(&last, at(310)).delete.len(), 1);
}
