//! Many bases that go at once.

use rstest::rstest;

use super::*;

#[rstest]
#[case::one_of_one(1, 1)]
#[case::two_of_two(2, 2)]
#[case::two_of_three(3, 2)]
#[case::five_of_ten(10, 5)]
fn a_small_loss_is_followed(#[case] of: u32, #[case] gone: u32) {
    let mut leader = Leader::default();
    leader.decides(&Cluster::of(of).snapshot(), at(0));
    let seen = Cluster::of(of).depart(gone).mark().snapshot();

    assert_eq!(leader.decides(&seen, at(10)), hold(Hold::DepartureDebounce, Some(12)));
    assert_eq!(leader.decides(&seen, at(12)).delete.len(), gone as usize);
}

#[rstest]
fn a_mass_loss_is_held_and_then_followed() {
    let mut leader = Leader::default();
    leader.decides(&Cluster::of(10).snapshot(), at(0));
    let cluster = Cluster::of(10).depart(6);
    let bare = cluster.snapshot();

    assert_eq!(leader.decides(&bare, at(10)), hold(Hold::DepartureDebounce, Some(12)));
    assert_eq!(leader.decides(&bare, at(12)), hold(mass_loss(6, 10), Some(310)));
    assert_eq!(leader.decides(&bare, at(309)), hold(mass_loss(6, 10), Some(310)));
    assert_eq!(leader.decides(&bare, at(310)), Plan { mark: bare.pods.clone(), ..hold(Hold::MarksUnseen, None) });
    assert_eq!(leader.decides(&cluster.mark().snapshot(), at(311)).delete.len(), 6);
}

/// What is decided about a Deployment that follows ten replicas when so many are ready, and so many are desired.
fn following(leader: &mut Leader, (desired, ready): (u32, u32), now: u64) -> Plan {
    leader.decides(&Snapshot { source: followed(desired, Some(ready)), ..Cluster::of(10).snapshot() }, at(now))
}

#[rstest]
#[case::some(7)]
#[case::most(2)]
#[case::all(0)]
fn a_readiness_blip_of_a_followed_workload_changes_nothing(#[case] ready: u32) {
    let mut leader = Leader::default();
    assert_eq!(following(&mut leader, (10, 10), 0), keep());

    assert_eq!(following(&mut leader, (10, ready), 10), hold(Hold::DepartureDebounce, Some(12)));
    assert_eq!(following(&mut leader, (10, 10), 11), keep());
    // Another one later has its own debounce
    assert_eq!(following(&mut leader, (10, ready), 100), hold(Hold::DepartureDebounce, Some(102)));
}

#[rstest]
fn a_followed_workload_of_which_most_are_not_ready_is_a_mass_loss() {
    let mut leader = Leader::default();
    following(&mut leader, (10, 10), 0);
    following(&mut leader, (10, 4), 10);

    assert_eq!(following(&mut leader, (10, 4), 12), hold(mass_loss(6, 10), Some(310)));
    assert_eq!(following(&mut leader, (10, 4), 309), hold(mass_loss(6, 10), Some(310)));
    assert_eq!(following(&mut leader, (10, 4), 310), scale(4));
}

#[rstest]
fn a_followed_workload_that_a_person_scales_down_is_no_mass_loss() {
    let mut leader = Leader::default();
    following(&mut leader, (10, 10), 0);
    following(&mut leader, (2, 2), 10);

    assert_eq!(following(&mut leader, (2, 2), 12), scale(2));
}

#[rstest]
fn a_mass_loss_is_over_when_the_bases_are_back() {
    let mut leader = Leader::default();
    let (whole, lost) = (Cluster::of(10).snapshot(), Cluster::of(10).depart(6).snapshot());
    leader.decides(&whole, at(0));
    leader.decides(&lost, at(10));
    assert_eq!(leader.decides(&lost, at(20)), hold(mass_loss(6, 10), Some(310)));

    assert_eq!(leader.decides(&whole, at(21)), keep());

    leader.decides(&lost, at(400));
    assert_eq!(leader.decides(&lost, at(410)), hold(mass_loss(6, 10), Some(700)), "held anew");
}

#[rstest]
fn a_mass_loss_does_not_keep_new_bases_waiting() {
    let mut leader = Leader::default();
    leader.decides(&Cluster::of(10).snapshot(), at(0));
    let moved = Cluster::of(10).depart(6).join(8).snapshot();

    assert_eq!(leader.decides(&moved, at(10)), scale(12));
}

#[rstest]
fn a_mass_loss_before_its_start_is_held_by_the_next_process() {
    // The departed bases' Pods are gone, others are made and wait.
    let pods = (0..10).map(|number| pod(number, if number < 4 { base(number) } else { Place::Nowhere })).collect();
    let seen = Snapshot { state: Some(settled(10)), ..Cluster { pods, ..Cluster::of(10) }.snapshot() };
    let mut leader = Leader::default();

    assert_eq!(leader.decides(&seen, at(0)), hold(Hold::DepartureDebounce, Some(2)));
    assert_eq!(leader.decides(&seen, at(2)), hold(mass_loss(6, 10), Some(300)));
    assert_eq!(leader.decides(&seen, at(300)), scale(4));
}

#[rstest]
fn one_after_the_other_they_make_a_mass_loss_too() {
    let mut leader = Leader::default();
    leader.decides(&Cluster::of(10).snapshot(), at(0));
    for (gone, now) in (1..6).zip((10..).step_by(10)) {
        let left = Snapshot { replicas: 11 - gone, ..Cluster::of(10 - gone).snapshot() };
        leader.decides(&left, at(now));
    }

    let sixth = Snapshot { replicas: 5, ..Cluster::of(4).snapshot() };

    leader.decides(&sixth, at(57));
    assert_eq!(leader.decides(&sixth, at(60)).scale, hold(mass_loss(6, 10), Some(357)).scale);
}

#[rstest]
fn while_the_bases_come_back_one_by_one_the_last_are_waited_for() {
    let mut leader = Leader::default();
    leader.decides(&Cluster::of(10).snapshot(), at(0));
    leader.decides(&Cluster::of(10).depart(6).snapshot(), at(10));
    let cluster = Cluster::of(10).depart(1).mark();
    let last = cluster.snapshot();

    assert_eq!(leader.decides(&last, at(100)), hold(mass_loss(6, 10), Some(310)));
    assert_eq!(leader.decides(&last, at(310)).delete.len(), 1);
}
