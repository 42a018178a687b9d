//! A new version that is for fewer bases than the one before.

use rstest::rstest;

use super::*;
use crate::peer::testing::{marked, waiting};

/// A rollout from `old` bases, which departed, to `new` ones: so many Pods are left of the old version, and so many new ones wait.
fn moving_cluster(replicas: u32, old: u32, new: u32, waiting_pods: u32) -> Cluster {
    let of_new = |pod: Pod| Pod { replica_set: "set-1".to_owned(), ..pod };
    let old = (0..old).map(|number| marked(pod(number, departed(number))));
    let serving = (10..10 + new).map(|number| of_new(pod(number, base(number))));
    let waits = (20..20 + waiting_pods).map(|number| of_new(waiting(number)));
    Cluster { replicas, pods: old.chain(serving).chain(waits).collect(), ..Cluster::of(0) }
}

/// What is seen of a cluster whose old Pods are on nodes that are there.
fn seen(cluster: &Cluster) -> Snapshot {
    let unfit = cluster.pods.iter().filter(|pod| pod.departed_from().is_some()).count();
    Snapshot { unfit: u32::try_from(unfit).unwrap(), ..cluster.snapshot() }
}

fn moving(replicas: u32, old: u32, new: u32, waiting_pods: u32) -> Snapshot {
    seen(&moving_cluster(replicas, old, new, waiting_pods))
}

#[rstest]
#[case::four_to_two(moving(4, 2, 2, 1), 3)]
#[case::its_next_step(moving(3, 1, 2, 1), 2)]
#[case::two_to_one(moving(2, 1, 1, 1), 1)]
#[case::an_old_one_more(moving(4, 3, 1, 1), 3)]
fn once_a_new_pod_serves_on_each_base_the_replicas_go_down_by_one(#[case] seen: Snapshot, #[case] to: u32) {
    assert_eq!(decided_after_a_wait(&seen), scale(to));
}

fn not_ready(mut cluster: Cluster, number: usize) -> Cluster {
    cluster.pods[number].ready = false;
    cluster
}

#[rstest]
#[case::a_base_has_none_yet(seen(&moving_cluster(4, 3, 1, 1).join(1)))]
#[case::a_new_one_is_not_ready(seen(&not_ready(moving_cluster(4, 2, 2, 1), 3)))]
#[case::none_waits(moving(4, 2, 2, 0))]
#[case::there_are_no_more_replicas_than_bases(moving(2, 1, 2, 1))]
#[case::no_base_fits(moving(4, 4, 0, 1))]
#[case::controller_manager_is_behind(Snapshot { observed: false, ..moving(4, 2, 2, 1) })]
#[case::a_node_is_gone(Snapshot { unfit: 1, ..moving(4, 2, 2, 1) })]
#[case::old_pods_are_missing(moving(5, 1, 2, 1))]
fn until_then_the_old_bases_are_served(#[case] seen: Snapshot) {
    assert_eq!(decided_after_a_wait(&seen), hold(Hold::PodsToGo, None));
}

#[rstest]
fn steps_are_a_window_apart() {
    let seen = moving(4, 2, 2, 1);
    let mut history = waited(&seen);
    history.record_scale("1", at(599));

    assert_eq!(decide(&seen, &history, LEADING, &SETTINGS, at(600)), hold(Hold::Coalescing, Some(601)));
}

#[rstest]
fn a_base_with_an_old_pod_only_is_no_place_that_the_new_version_has_reached() {
    let mut cluster = moving_cluster(4, 2, 1, 1);
    cluster.pods.push(pod(30, base(30)));

    assert_eq!(decided_after_a_wait(&seen(&cluster)), hold(Hold::PodsToGo, None));
}

#[rstest]
fn bases_that_stay_keep_a_pod_of_either_version() {
    let mut cluster = moving_cluster(4, 0, 2, 1);
    cluster.pods.extend((10..12).map(|number| Pod { name: format!("old-{number}"), ..pod(number + 20, base(number)) }));

    assert_eq!(decided_after_a_wait(&seen(&cluster)), scale(3));
}
