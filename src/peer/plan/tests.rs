//! One Deployment, decision by decision.

mod departures;
mod kept_apart;
mod mass_loss;
mod moves;
mod properties;
mod returns;

use rstest::rstest;

use super::*;
use crate::module::UnmanagedReason;
use crate::peer::MassLoss;
use crate::peer::testing::{Cluster, LEADING, Leader, SETTINGS, at, base, departed, followed, pod, settled};
use crate::peer::{Place, Source};

fn hold(reason: Hold, until: Option<u64>) -> Plan {
    Plan::only(ScaleDecision::Hold { reason, until: until.map(at) })
}

fn keep() -> Plan {
    Plan::only(ScaleDecision::Keep)
}

fn scale(to: u32) -> Plan {
    Plan::only(ScaleDecision::Scale { to })
}

fn mass_loss(lost: u32, of: u32) -> Hold {
    Hold::MassLoss(MassLoss { lost, of })
}

/// The same with another number of bases.
fn counting(count: u32, seen: Snapshot) -> Snapshot {
    Snapshot { source: Source::Bases { count, shared_hosts: Vec::new() }, ..seen }
}

/// The history of a controller that observed `seen` ten minutes ago already: nothing in it is new.
fn waited(seen: &Snapshot) -> ObservedHistory {
    let mut history = ObservedHistory::default();
    history.observe(seen, &SETTINGS, at(0));
    history.observe(seen, &SETTINGS, at(600));
    history
}

fn decided_after_a_wait(seen: &Snapshot) -> Plan {
    decide(seen, &waited(seen), LEADING, &SETTINGS, at(600))
}

#[rstest]
#[case::not_synced(false, true, Hold::NotSynced)]
#[case::not_leader(true, false, Hold::NotLeader)]
#[case::neither(false, false, Hold::NotSynced)]
fn without_the_preconditions_nothing_is_done(#[case] synced: bool, #[case] leader: bool, #[case] reason: Hold) {
    for seen in [
        Cluster::of(3).join(2).snapshot(),
        Cluster::of(3).depart(1).snapshot(),
        Cluster::of(3).depart(1).mark().come_back(1).snapshot(),
    ] {
        let plan = decide(&seen, &waited(&seen), WritePreconditions { synced, leader }, &SETTINGS, at(600));

        assert_eq!(plan, hold(reason.clone(), None), "{seen:?}");
    }
}

#[rstest]
fn an_unmanaged_deployment_is_kept(
    #[values(
        UnmanagedReason::ReplicasControl,
        UnmanagedReason::Paused,
        UnmanagedReason::NotInjected,
        UnmanagedReason::NoModule
    )]
    why: UnmanagedReason,
) {
    for seen in [
        Cluster::of(3).join(2).snapshot(),
        Cluster::of(3).depart(1).snapshot(),
        Cluster::of(3).depart(1).mark().come_back(1).snapshot(),
        Snapshot { source: followed(3, None), ..Cluster::of(3).snapshot() },
    ] {
        let seen = Snapshot { unmanaged: Some(why), ..seen };

        assert_eq!(decided_after_a_wait(&seen), keep(), "{seen:?}");
    }
}

#[rstest]
#[case::not_yet("11", 529, hold(Hold::OwnWriteUnseen, Some(530)))]
#[case::versions_began_anew("11", 530, scale(5))]
#[case::seen("12", 502, scale(5))]
#[case::a_later_one("13", 502, scale(5))]
fn an_own_write_has_to_come_back_first(#[case] resource_version: &str, #[case] now: u64, #[case] expected: Plan) {
    let seen = Snapshot { resource_version: resource_version.to_owned(), ..Cluster::of(3).join(2).snapshot() };
    let mut history = waited(&seen);

    history.record_scale("12", at(500));

    assert_eq!(decide(&seen, &history, LEADING, &SETTINGS, at(now)), expected);
}

#[rstest]
#[case::none(Cluster::of(0))]
#[case::some(Cluster::of(3))]
fn the_right_number_is_kept(#[case] cluster: Cluster) {
    assert_eq!(Leader::default().decides(&cluster.snapshot(), at(0)), keep());
}

#[rstest]
#[case::the_first(0, 1)]
#[case::one_more(3, 1)]
#[case::a_hundred(3, 100)]
fn up_at_once(#[case] bases: u32, #[case] more: u32) {
    let seen = Cluster::of(bases).join(more).snapshot();

    assert_eq!(Leader::default().decides(&seen, at(0)), scale(bases + more));
}

#[rstest]
fn changes_after_a_write_are_written_together_a_window_later() {
    let mut leader = Leader::default();
    leader.decides(&Cluster::of(1).join(1).snapshot(), at(10));
    leader.history.record_scale("1", at(10));

    let more = Snapshot { replicas: 2, ..Cluster::of(1).join(5).snapshot() };

    assert_eq!(leader.decides(&more, at(10)), hold(Hold::Coalescing, Some(12)));
    assert_eq!(leader.decides(&more, at(11)), hold(Hold::Coalescing, Some(12)));
    assert_eq!(leader.decides(&more, at(12)), scale(6));
}

#[rstest]
#[case::controller_manager_is_behind(Snapshot { observed: false, ..Cluster::of(3).join(1).snapshot() })]
#[case::pods_are_not_made_yet(Snapshot { replicas: 3, ..Cluster::of(1).join(3).snapshot() })]
fn a_scale_up_does_not(#[case] seen: Snapshot) {
    assert_eq!(decided_after_a_wait(&seen), scale(4));
}

#[rstest]
#[case::more_ready(Some(5), scale(5))]
#[case::as_many(Some(3), keep())]
#[case::fewer_ready(Some(2), scale(2))]
fn a_followed_workload_says_the_number(#[case] ready: Option<u32>, #[case] expected: Plan) {
    // Its nodes say nothing: none of the Pods is taken for one that is misplaced.
    let seen = Snapshot { source: followed(3, ready), ..Cluster::of(3).depart(3).snapshot() };

    assert_eq!(decided_after_a_wait(&seen), expected);
}
