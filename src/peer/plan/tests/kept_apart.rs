//! Pods that lack the labels by which others keep off their bases.

use rstest::rstest;

use super::*;

fn unlabelled(cluster: &Cluster) -> Snapshot {
    Snapshot { not_kept_apart: 1, ..cluster.snapshot() }
}

#[rstest]
fn pods_of_departed_bases_are_marked_and_stay_until_all_pods_are_labelled() {
    let mut leader = Leader::default();
    let (bare, marked) = (Cluster::of(3).depart(1), Cluster::of(3).depart(1).mark());
    leader.decides(&unlabelled(&bare), at(10));

    let marks = Plan { mark: bare.snapshot().pods, ..hold(Hold::MarksUnseen, None) };
    assert_eq!(leader.decides(&unlabelled(&bare), at(12)), marks);
    assert_eq!(leader.decides(&unlabelled(&marked), at(13)), hold(Hold::NotKeptApart, None));

    let deletes = Plan { delete: marked.snapshot().pods, ..hold(Hold::PodsToGo, None) };
    assert_eq!(leader.decides(&marked.snapshot(), at(14)), deletes);
}

#[rstest]
#[case::a_replacement_waits(Cluster::of(3).renew(1))]
#[case::in_a_rollout(Cluster::of(3).renew(1).roll(0))]
fn the_replicas_do_not_go_down(#[case] cluster: Cluster) {
    assert_eq!(decided_after_a_wait(&unlabelled(&cluster)), hold(Hold::NotKeptApart, None));
}

#[rstest]
fn a_base_that_joins_waits_for_the_labels_and_not_for_ever() {
    let mut leader = Leader::default();
    let joined = Cluster::of(3).join(1);

    assert_eq!(leader.decides(&unlabelled(&joined), at(10)), hold(Hold::NotKeptApart, Some(40)));
    assert_eq!(leader.decides(&unlabelled(&joined), at(39)), hold(Hold::NotKeptApart, Some(40)));
    assert_eq!(leader.decides(&unlabelled(&joined), at(40)), scale(4));
    assert_eq!(leader.decides(&joined.snapshot(), at(41)), scale(4));
    assert_eq!(leader.decides(&unlabelled(&joined), at(50)), hold(Hold::NotKeptApart, Some(80)));
}

#[rstest]
fn where_the_number_is_right_nothing_waits() {
    assert_eq!(decided_after_a_wait(&unlabelled(&Cluster::of(3))), keep());
}
