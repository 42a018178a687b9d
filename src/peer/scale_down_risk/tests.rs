//! Which bases a scale-down puts at risk, case by case and against a second implementation of upstream's order.

use proptest::collection::vec;
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::module::MaxSurge;
use crate::peer::testing::random::cluster;
use crate::peer::testing::upstream::{luck, robbed, scaled_down, surplus};
use crate::peer::testing::{Cluster, base, departed, followed, marked, pod};

/// Pods of one ReplicaSet beside three that are well, on bases 10, 11 and 12.
fn beside_three(pods: Vec<Pod>) -> Snapshot {
    let pods: Vec<Pod> = pods.into_iter().chain((10..13).map(|number| pod(number, base(number)))).collect();
    Cluster { replicas: u32::try_from(pods.len()).unwrap(), pods, ..Cluster::of(0) }.snapshot()
}

fn starting(pod: Pod) -> Pod {
    Pod { running: false, ready: false, ..pod }
}

fn not_ready(pod: Pod) -> Pod {
    Pod { ready: false, ..pod }
}

fn costs(deletion_cost: i32, pod: Pod) -> Pod {
    Pod { deletion_cost, ..pod }
}

fn of_set(number: u8, pod: Pod) -> Pod {
    Pod { replica_set: format!("set-{number}"), ..pod }
}

/// A cluster with these Pods and as many replicas.
fn rollout(pods: &[(u8, Pod)], replicas: u32) -> Snapshot {
    let pods = pods.iter().map(|(set, pod)| of_set(*set, pod.clone())).collect();
    Cluster { replicas, pods, ..Cluster::of(0) }.snapshot()
}

#[rstest]
#[case::marked_on_a_departed_base(vec![marked(pod(0, departed(0)))])]
#[case::on_no_node(vec![starting(pod(0, Place::Nowhere))])]
#[case::on_no_node_before_one_starting_on_a_base(vec![
    starting(pod(0, Place::Nowhere)), starting(pod(1, base(1))),
])]
#[case::departed_and_not_running_before_one_running_on_a_base(vec![
    starting(pod(0, departed(0))), not_ready(pod(1, base(1))),
])]
#[case::departed_and_not_ready_before_one_marked_on_a_base(vec![
    not_ready(pod(0, departed(0))), marked(pod(1, base(1))),
])]
#[case::departed_with_the_lower_cost(vec![costs(-2, pod(0, departed(0))), costs(-1, pod(1, base(1)))])]
#[case::departed_beside_one_that_goes_last(vec![marked(pod(0, departed(0))), costs(5, pod(1, base(1)))])]
fn one_pod_goes_that_no_base_needs(#[case] pods: Vec<Pod>) {
    let seen = beside_three(pods);

    assert_eq!(base_at_risk(&seen, seen.replicas - 1), None);
}

#[rstest]
#[case::starting_on_its_base(vec![starting(pod(1, base(1))), marked(pod(0, departed(0)))])]
#[case::not_ready_on_its_base(vec![not_ready(pod(1, base(1))), marked(pod(0, departed(0)))])]
#[case::marked_as_the_departed_one(vec![marked(pod(1, base(1))), marked(pod(0, departed(0)))])]
#[case::of_a_lower_cost_than_the_departed_one(vec![costs(-2, pod(1, base(1))), costs(-1, pod(0, departed(0)))])]
#[case::as_well_as_the_departed_one(vec![marked(pod(1, base(1))), costs(i32::MIN, pod(0, departed(0)))])]
fn one_pod_goes_that_a_base_could_need(#[case] pods: Vec<Pod>) {
    let seen = beside_three(pods);

    let expected = AtRisk { base: Some("base-1".to_owned()), in_rollout: false };
    assert_eq!(base_at_risk(&seen, seen.replicas - 1), Some(expected));
}

#[rstest]
#[case::none_is_unhealthy(vec![])]
#[case::fewer_are_unhealthy(vec![marked(pod(0, departed(0)))])]
#[case::the_others_go_last(vec![marked(pod(0, departed(0))), costs(1, pod(1, base(1)))])]
fn more_go_than_are_unhealthy(#[case] pods: Vec<Pod>) {
    let seen = beside_three(pods);

    let expected = AtRisk { base: None, in_rollout: false };
    assert_eq!(base_at_risk(&seen, seen.replicas - 2), Some(expected));
}

#[rstest]
#[case::none_is_there_yet(0, 3)]
#[case::no_more_than_should_be(3, 3)]
fn without_a_surplus_no_base_is_at_risk(#[case] pods: u32, #[case] to: u32) {
    assert_eq!(base_at_risk(&Cluster::of(pods).snapshot(), to), None);
}

#[rstest]
fn the_bases_of_a_followed_workload_are_not_known() {
    let source = followed(1, Some(1));

    assert_eq!(base_at_risk(&Snapshot { source, ..Cluster::of(3).snapshot() }, 1), None);
}

#[rstest]
#[case::a_departed_one_of_each_set(&[
    (0, marked(pod(0, departed(0)))), (0, pod(1, base(1))), (1, marked(pod(2, departed(0)))), (1, pod(3, base(1))),
], 3, None)]
#[case::a_departed_one_of_one_set(&[
    (0, marked(pod(0, departed(0)))), (0, pod(1, base(1))), (1, pod(2, base(2))),
], 3, Some("base-2"))]
#[case::the_base_has_one_of_the_other_set(&[
    (0, marked(pod(0, departed(0)))), (0, pod(1, base(1))), (1, pod(2, base(1))), (1, starting(pod(3, Place::Nowhere))),
], 3, None)]
#[case::the_other_one_is_not_ready(&[
    (0, pod(1, base(1))), (1, not_ready(pod(2, base(1)))),
], 2, Some("base-1"))]
#[case::the_one_that_is_left_is_not_ready(&[
    (0, pod(1, base(1))), (1, not_ready(pod(2, base(1)))), (1, starting(pod(3, Place::Nowhere))),
], 3, Some("base-1"))]
#[case::the_only_one_is_not_ready(&[
    (0, not_ready(pod(1, base(1)))), (1, pod(2, departed(2))),
], 2, Some("base-1"))]
#[case::a_base_with_two_pods_now_may_have_one_then(&[
    (0, pod(0, base(0))), (0, pod(1, base(1))), (1, pod(2, base(1))), (1, marked(pod(3, departed(3)))),
], 3, Some("base-0"))]
fn in_a_rollout_each_set_may_lose_as_many(
    #[case] pods: &[(u8, Pod)],
    #[case] replicas: u32,
    #[case] hit: Option<&str>,
) {
    let expected = hit.map(|base| AtRisk { base: Some(base.to_owned()), in_rollout: true });

    assert_eq!(base_at_risk(&rollout(pods, replicas), replicas - 1), expected);
}

/// 5 + 2 Pods become 4 + 1 where it is a quarter.
#[rstest]
#[case::a_number(MaxSurge::Pods(2), None)]
#[case::a_percentage(MaxSurge::Percent(25), Some("base-1"))]
fn a_surge_in_per_cent_goes_down_with_the_replicas(#[case] max_surge: MaxSurge, #[case] hit: Option<&str>) {
    let old = (1..5).map(|number| (0, pod(number, base(number)))).chain([(0, starting(pod(0, Place::Nowhere)))]);
    let new = [(1, not_ready(pod(5, base(1)))), (1, starting(pod(6, Place::Nowhere)))];
    let pods: Vec<(u8, Pod)> = old.chain(new).collect();
    let expected = hit.map(|base| AtRisk { base: Some(base.to_owned()), in_rollout: true });

    assert_eq!(base_at_risk(&Snapshot { max_surge, ..rollout(&pods, 5) }, 4), expected);
}

#[rstest]
#[case::of_no_effect(i32::MIN, None)]
#[case::above_those_that_are_well(1, Some(None))]
#[case::as_those_that_are_well(0, Some(None))]
fn a_mark_counts_by_its_cost(#[case] deletion_cost: i32, #[case] hit: Option<Option<String>>) {
    // Given a Pod of a departed base whose deletion cost another writer may have set
    let stray = Pod { deletion_cost, ..marked(pod(0, departed(0))) };

    let expected = hit.map(|base| AtRisk { base, in_rollout: false });

    assert_eq!(base_at_risk(&beside_three(vec![stray]), 3), expected);
}

#[rstest]
#[case::a_base(Some("vnode.10.0.0.1.dev"), false, "a scale-down now could take the module from vnode.10.0.0.1.dev")]
#[case::any(None, false, "a scale-down now could take the module from a base that is there")]
#[case::in_a_rollout(Some("b"), true, "a scale-down now could take the module from b, in the middle of a rollout")]
fn the_base_at_risk_is_named(#[case] base: Option<&str>, #[case] in_rollout: bool, #[case] text: &str) {
    assert_eq!(AtRisk { base: base.map(str::to_owned), in_rollout }.to_string(), text);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// However the surplus falls to the ReplicaSets, and however the ties fall: without a base at risk, none loses the module.
    #[test]
    fn a_base_that_is_not_at_risk_never_loses_the_module(
        cluster in cluster(),
        lucks in vec(luck(), 8),
        leave in 1..4_u32,
        share in 0..8_u32,
    ) {
        let seen = cluster.snapshot();
        let Some(to) = seen.replicas.checked_sub(leave) else { return Ok(()) };
        if base_at_risk(&seen, to).is_some() {
            return Ok(());
        }

        let after = scaled_down(&cluster, &lucks, &surplus(&seen, to, share));

        prop_assert_eq!(robbed(&cluster, &after), None, "{:?} after {:?}", &cluster, &after);
    }

    /// Where marked Pods on departed bases are all that have to go, no base is at risk.
    #[test]
    fn a_departed_base_alone_puts_no_base_at_risk(bases in 1..6_u32, gone in 1..6_u32) {
        let gone = gone.min(bases);

        let seen = Cluster::of(bases).depart(gone).mark().snapshot();

        prop_assert_eq!(base_at_risk(&seen, bases - gone), None);
    }
}
