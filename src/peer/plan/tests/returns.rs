//! Bases that come back, and the marks on their Pods.

use rstest::rstest;

use super::*;

#[rstest]
fn a_mark_is_removed_when_its_base_has_been_back_for_a_window() {
    let mut leader = Leader::default();
    let gone = Cluster::of(3).depart(1).mark();
    let back = gone.clone().come_back(1).snapshot();
    leader.decides(&gone.snapshot(), at(10));

    assert_eq!(leader.decides(&back, at(11)), hold(Hold::ReturnDebounce, Some(13)));
    assert_eq!(leader.decides(&back, at(12)), hold(Hold::ReturnDebounce, Some(13)));
    assert_eq!(leader.decides(&back, at(13)), Plan { unmark: back.pods.clone(), ..keep() });
}

#[rstest]
fn each_mark_is_removed_in_its_time() {
    let mut leader = Leader::default();
    let gone = Cluster::of(4).depart(3).mark();
    let back = |bases| gone.clone().come_back(bases).snapshot();
    leader.decides(&Snapshot { replicas: 2, ..back(1) }, at(10));
    leader.decides(&Snapshot { replicas: 3, ..back(2) }, at(11));

    let plan = leader.decides(&back(3), at(12));

    assert_eq!(plan, Plan { unmark: vec![back(1).pods[0].clone()], ..hold(Hold::ReturnDebounce, Some(13)) });
}

#[rstest]
#[case::controller_manager_is_behind(Snapshot { observed: false, ..Cluster::of(3).depart(1).mark().come_back(1).snapshot() })]
#[case::a_pod_has_still_to_go(
    counting(2, Snapshot { replicas: 2, ..Cluster::of(3).depart(1).mark().come_back(1).snapshot() }),
)]
fn while_a_scale_down_is_under_way_marks_stay(#[case] seen: Snapshot) {
    assert_eq!(decided_after_a_wait(&seen), keep());
}

#[rstest]
fn marks_stay_while_the_number_changes() {
    let mut cluster = Cluster::of(3).depart(2).mark();
    cluster.pods[0].place = base(0);

    let down = decided_after_a_wait(&cluster.snapshot());
    let up = decided_after_a_wait(&cluster.join(4).snapshot());

    assert_eq!([down.unmark, up.unmark], [vec![], vec![]]);
}

#[rstest]
fn a_pod_keeps_a_deletion_cost_of_another_writer() {
    let mut cluster = Cluster::of(3);
    cluster.pods[0].deletion_cost = -5;

    assert_eq!(decided_after_a_wait(&cluster.snapshot()), keep());
}
