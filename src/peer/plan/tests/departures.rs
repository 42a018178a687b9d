//! Bases that go, and the Pods that they leave behind.

use rstest::rstest;

use super::*;
use crate::peer::victims::Endangered;

#[rstest]
fn a_departure_is_followed_when_it_has_settled_and_its_pods_are_marked() {
    let mut watcher = Watcher::default();
    let cluster = Cluster::of(3).depart(1);
    let (bare, marked) = (cluster.snapshot(), cluster.mark().snapshot());

    assert_eq!(watcher.looks(&bare, at(10)), hold(Hold::Settling, Some(12)));
    assert_eq!(watcher.looks(&bare, at(11)), hold(Hold::Settling, Some(12)));
    let marks = Plan { mark: bare.pods.clone(), ..hold(Hold::MarksUnseen, None) };
    assert_eq!(watcher.looks(&bare, at(12)), marks);
    let and_once_more = Plan { mark: marked.pods.clone(), ..scale(2) };
    assert_eq!(watcher.looks(&marked, at(13)), and_once_more);
}

#[rstest]
fn only_the_pods_that_are_not_are_marked_before() {
    let mut cluster = Cluster::of(4).depart(1).mark();
    cluster.pods[1].place = departed(1);

    let plan = decided_after_a_wait(&cluster.snapshot());

    assert_eq!(plan, Plan { mark: vec![cluster.pods[1].clone()], ..hold(Hold::MarksUnseen, None) });
}

#[rstest]
fn a_departure_that_was_none_is_not_followed() {
    let mut watcher = Watcher::default();
    let (whole, fewer) = (Cluster::of(3).snapshot(), Cluster::of(3).depart(1).snapshot());

    watcher.looks(&fewer, at(10));
    assert_eq!(watcher.looks(&whole, at(11)), keep());

    assert_eq!(watcher.looks(&fewer, at(13)), hold(Hold::Settling, Some(15)));
}

#[rstest]
fn a_scale_down_comes_a_window_after_the_last_write() {
    let seen = Cluster::of(3).depart(1).mark().snapshot();
    let mut memory = waited(&seen);
    memory.wrote("1", at(599));

    assert_eq!(decide(&seen, &memory, LEADING, &SETTINGS, at(600)), hold(Hold::Coalescing, Some(601)));
}

#[rstest]
#[case::controller_manager_is_behind(Snapshot { observed: false, ..Cluster::of(3).depart(1).mark().snapshot() },
    Hold::ControllerBehind)]
#[case::a_pod_is_not_made_yet(Snapshot { replicas: 4, ..Cluster::of(3).depart(1).mark().snapshot() }, Hold::PodsUnseen)]
#[case::somebody_is_in_danger(counting(2, Cluster::of(3).snapshot()), Hold::Endangers(Endangered { base: None, in_rollout: false }))]
#[case::nothing_to_follow(Snapshot { source: followed(3, None), ..Cluster::of(3).snapshot() },
    Hold::NothingToFollow { workload: "StatefulSet/base".to_owned() })]
#[case::behind_comes_first(Snapshot { observed: false, replicas: 4, ..Cluster::of(3).depart(1).mark().snapshot() },
    Hold::ControllerBehind)]
fn a_scale_down_waits(#[case] seen: Snapshot, #[case] reason: Hold) {
    assert_eq!(decided_after_a_wait(&seen), hold(reason, None));
}

#[rstest]
#[case::marked_and_too_many(Cluster { replicas: 2, ..Cluster::of(3).depart(1).mark().join(2) },
    hold(Hold::PodsToGo, None))]
#[case::not_marked(Cluster { replicas: 2, ..Cluster::of(3).depart(1).join(2) }, scale(4))]
#[case::not_too_many(Cluster { replicas: 3, ..Cluster::of(3).depart(1).mark().join(2) }, scale(4))]
#[case::marked_and_back(Cluster { replicas: 2, ..Cluster::of(3).depart(1).mark().come_back(1).join(1) }, scale(4))]
fn pods_that_are_to_go_go_before_more_come(#[case] cluster: Cluster, #[case] expected: Plan) {
    assert_eq!(decided_after_a_wait(&cluster.snapshot()), expected);
}

#[rstest]
fn a_rollout_has_more_pods_than_replicas_anyway() {
    let mut cluster = Cluster { replicas: 2, ..Cluster::of(3).depart(1).mark().join(2) };
    cluster.pods[2].replica_set = "set-1".to_owned();

    assert_eq!(decided_after_a_wait(&cluster.snapshot()), scale(4));
}

#[rstest]
#[case::no_strays(5, 3, 0, 3, 3)]
#[case::no_strays_and_carried_everywhere(5, 3, 0, 5, 3)]
#[case::as_many_left_as_departed(5, 4, 1, 4, 4)]
#[case::another_came_for_it(5, 5, 1, 4, 4)]
#[case::many_came(5, 5, 3, 2, 2)]
#[case::two_on_one_departed_base(5, 4, 2, 3, 3)]
#[case::never_below_those_that_carry(5, 5, 2, 4, 4)]
#[case::never_above_what_is_wanted(9, 3, 2, 3, 3)]
#[case::all_went(2, 0, 2, 0, 0)]
#[case::more_strays_than_replicas(2, 1, 4, 1, 1)]
fn as_few_as_take_away_those_that_are_misplaced(
    #[case] replicas: u32,
    #[case] wanted: u32,
    #[case] strays: usize,
    #[case] carried: u32,
    #[case] expected: u32,
) {
    let seen = Snapshot { replicas, carried, ..Cluster::of(0).snapshot() };

    assert_eq!(target(&seen, wanted, strays), expected);
}

#[rstest]
fn a_pod_moves_to_another_base_by_way_of_fewer_replicas() {
    let mut watcher = Watcher::default();
    let moving = Cluster::of(3).depart(1).join(1).mark();
    watcher.looks(&moving.snapshot(), at(0));

    let down = watcher.looks(&moving.snapshot(), at(2));
    watcher.memory.wrote("1", at(2));
    let taken = Cluster { replicas: 2, pods: moving.pods[1..].to_vec(), ..moving.clone() }.snapshot();

    assert_eq!(down, Plan { mark: moving.snapshot().pods, ..scale(2) });
    assert_eq!(watcher.looks(&taken, at(4)), scale(3));
}
