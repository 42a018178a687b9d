//! What to do about one peer Deployment next. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use super::scale_down_risk::base_at_risk;
use super::{Elapsed, Hold, ObservedHistory, Place, Pod, Snapshot};

/// What is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The replicas of a Deployment are written at most once in this time, and a base that is back loses the marks of its Pods only
    /// after it.
    pub window: Duration,
    /// Departures of bases are followed only after this time. A ModuleController that restarts deletes the Nodes of healthy bases,
    /// which are back with their next heartbeat, 10 to 12 s later. And bases that go together are followed together.
    pub departure: Duration,
    /// Bases that depart within this time count together as a loss.
    pub loss_window: Duration,
    /// How long a mass loss is not followed.
    pub loss_hold: Duration,
}

/// What must hold before anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WritePreconditions {
    /// Every watch has delivered its first list.
    pub synced: bool,
    /// This process holds the lease.
    pub leader: bool,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Pods of bases that are back: their marks are removed.
    pub unmark: Vec<Pod>,
    /// Pods of departed bases: they get the lowest deletion cost, so that they go first whenever the Deployment is scaled down.
    pub mark: Vec<Pod>,
    /// Pods of departed bases that have it: they are deleted. The ReplicaSet controller creates others for them, for which there
    /// may be a base; if there is none, the replicas are written then. Empty in a rollout.
    pub delete: Vec<Pod>,
    /// What happens to the replicas.
    pub scale: ScaleDecision,
}

/// What happens to the replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScaleDecision {
    /// The number is right.
    Keep,
    /// It becomes `to`.
    Scale {
        /// The new number.
        to: u32,
    },
    /// It stays as it is for now, although it is wrong, or the right one is not known.
    Hold {
        /// Why.
        reason: Hold,
        /// When to decide again, if nothing happens before.
        until: Option<Elapsed>,
    },
}

/// Decides what to do about a Deployment. Pure: the same arguments, the same plan.
pub fn decide(
    snapshot: &Snapshot,
    history: &ObservedHistory,
    preconditions: WritePreconditions,
    settings: &Settings,
    now: Elapsed,
) -> Plan {
    let hold = |reason| Plan::only(ScaleDecision::Hold { reason, until: None });
    if !preconditions.synced {
        return hold(Hold::NotSynced);
    }
    if !preconditions.leader {
        return hold(Hold::NotLeader);
    }
    if snapshot.unmanaged.is_some() {
        return Plan::only(ScaleDecision::Keep);
    }
    if let Some(until) = history.own_write_unseen_until(snapshot).filter(|until| now < *until) {
        return Plan::only(ScaleDecision::Hold { reason: Hold::OwnWriteUnseen, until: Some(until) });
    }
    let Some(wanted) = snapshot.source.wanted() else {
        return hold(Hold::NothingToFollow { workload: snapshot.source.workload().to_owned() });
    };
    let plan = if wanted > snapshot.replicas {
        Plan::only(scale_up(wanted, history, settings, now))
    } else {
        scale_down(snapshot, wanted, history, settings, now)
    };
    let plan = if plan.mark.is_empty() { mark_in_rollout(snapshot, plan, history, settings, now) } else { plan };
    if plan == Plan::only(ScaleDecision::Keep) { unmark(snapshot, history, settings, now) } else { plan }
}

/// Removes the marks from Pods whose bases are back, when no scale-down is under way: a scale-down may take the Pod with the mark,
/// and should, since its base was away and the others were not. The marks stay for the time of a debounce: a cache that lags may
/// not show that a base departed, or what another process has written.
fn unmark(snapshot: &Snapshot, history: &ObservedHistory, settings: &Settings, now: Elapsed) -> Plan {
    let (mut unmark, mut later) = (Vec::new(), None);
    let may_unmark = snapshot.observed && snapshot.pod_count() <= snapshot.replicas;
    for pod in snapshot.pods.iter().filter(|_| may_unmark) {
        match history.return_debounce_ends_at(pod, settings) {
            Some(at) if now < at => later = Some(later.map_or(at, |other: Elapsed| other.min(at))),
            Some(_) => unmark.push(pod.clone()),
            None => {}
        }
    }
    let wait = |at| ScaleDecision::Hold { reason: Hold::ReturnDebounce, until: Some(at) };
    Plan { unmark, ..Plan::only(later.map_or(ScaleDecision::Keep, wait)) }
}

/// More replicas. While some Pod of the modules lacks its labels, a new Pod could be put beside it, and the base that joined would
/// stay empty. The labels take seconds. If they take longer, a Pod that may come to the base is better than none.
fn scale_up(wanted: u32, history: &ObservedHistory, settings: &Settings, now: Elapsed) -> ScaleDecision {
    match history.waits_for_labels_until().filter(|until| now < *until) {
        Some(until) => ScaleDecision::Hold { reason: Hold::NotKeptApart, until: Some(until) },
        None => coalesce(wanted, history, settings, now),
    }
}

/// Fewer replicas, or as many but on other bases.
///
/// A Pod of a departed base is never left to a scale-down. A scale-down takes the Pod that ranks first in the ReplicaSet
/// controller's own cache, and no client can see whether that cache shows a mark yet: after a restart of the API server it often
/// did not, and the Pod of a healthy base was taken. So such a Pod is deleted by its name. When another Pod has been created for
/// it, that controller has seen the deletion; and the new Pod, which is on no node, ranks before all others.
fn scale_down(snapshot: &Snapshot, wanted: u32, history: &ObservedHistory, settings: &Settings, now: Elapsed) -> Plan {
    let on_departed: Vec<Pod> = snapshot.pods_on_departed_bases().cloned().collect();
    if on_departed.is_empty() && wanted == snapshot.replicas {
        return Plan::only(ScaleDecision::Keep);
    }
    let hold = |reason, until| Plan::only(ScaleDecision::Hold { reason, until });
    if let Some(until) = history.departure_debounce_ends_at(settings).filter(|until| now < *until) {
        return hold(Hold::DepartureDebounce, Some(until));
    }
    if let Some((loss, until)) = history.mass_loss(settings).filter(|(_, until)| now < *until) {
        return hold(Hold::MassLoss(loss), Some(until));
    }
    let unmarked = unmarked(snapshot);
    if !unmarked.is_empty() {
        return Plan { mark: unmarked, ..hold(Hold::MarksUnseen, None) };
    }
    // The Pod that replaces a deleted one could be put beside one without labels, and be taken from there by the scale-down: with it
    // goes the module of a base that is there.
    if snapshot.not_kept_apart > 0 {
        return hold(Hold::NotKeptApart, None);
    }
    // In a rollout such a Pod may be on a node that its own, older template fits, and serve there. And which ReplicaSet would
    // create another Pod for it is not known.
    if snapshot.is_rolling() && !on_departed.is_empty() {
        return match next_step_of_move(snapshot, wanted) {
            Some(to) => Plan::only(coalesce(to, history, settings, now)),
            None => hold(Hold::PodsToGo, None),
        };
    }
    if !snapshot.observed {
        return hold(Hold::ControllerBehind, None);
    }
    if !on_departed.is_empty() {
        // With a Pod too many, the ReplicaSet controller would create none for the deleted one.
        let delete = if snapshot.pod_count() > snapshot.replicas { Vec::new() } else { on_departed };
        return Plan { delete, ..hold(Hold::PodsToGo, None) };
    }
    if snapshot.pod_count() < snapshot.replicas {
        return hold(Hold::PodsUnseen, None);
    }
    let Some(at_risk) = base_at_risk(snapshot, wanted) else {
        return Plan::only(coalesce(wanted, history, settings, now));
    };
    match next_step_of_move(snapshot, wanted) {
        Some(to) => Plan::only(coalesce(to, history, settings, now)),
        None => hold(Hold::BaseAtRisk(at_risk), None),
    }
}

/// In a rollout to fewer bases than there are replicas, the number that lets it take its next step; none where it needs no help, or
/// a base could lose the module by it.
///
/// Such a rollout waits for more new Pods than fit, as long as the replicas are too many; and the replicas are held, as long as old
/// Pods serve. So once a new Pod serves on every base, and another waits on no node, there is one replica less: the Pod that waits goes
/// first, or an old one.
fn next_step_of_move(snapshot: &Snapshot, wanted: u32) -> Option<u32> {
    let to = snapshot.replicas.checked_sub(1)?;
    let is_stuck = snapshot.is_rolling()
        && snapshot.observed
        && wanted < snapshot.replicas
        && snapshot.pod_count() >= snapshot.replicas
        && is_outgrown(snapshot, wanted);
    (is_stuck && base_at_risk(snapshot, to).is_none()).then_some(to)
}

/// Whether one ReplicaSet serves on all of the `wanted` bases, and has a Pod more that is on no node. All others that are on no base
/// are on nodes that are there, and that an earlier template was for: a Pod of a Node that is gone would count as available for the
/// Deployment controller, which would take another one for it.
fn is_outgrown(snapshot: &Snapshot, wanted: u32) -> bool {
    let departed: BTreeSet<&str> = snapshot.pods.iter().filter_map(Pod::departed_from).collect();
    let serves_all_and_waits = |set: &str| {
        let pods = || snapshot.pods.iter().filter(|pod| pod.replica_set == set);
        let served = pods().filter(|pod| pod.running && pod.ready).filter_map(|pod| match &pod.place {
            Place::Base(node) => Some(node),
            Place::Nowhere | Place::Departed(_) => None,
        });
        let served: BTreeSet<&String> = served.collect();
        u32::try_from(served.len()) == Ok(wanted)
            && pods().any(|pod| pod.place == Place::Nowhere)
            && pods().all(|pod| pod.departed_from().is_none())
    };
    // A template that fits no base at all is more often a mistake than a wish.
    wanted > 0
        && u32::try_from(departed.len()) == Ok(snapshot.unfit)
        && snapshot.replica_sets.iter().any(|(set, _)| serves_all_and_waits(set))
}

/// In a rollout the Deployment controller removes Pods by itself as soon as it counts enough available ones, those of departed
/// bases among them. So these Pods have to be the first to go, whatever becomes of the replicas.
fn mark_in_rollout(
    snapshot: &Snapshot,
    plan: Plan,
    history: &ObservedHistory,
    settings: &Settings,
    now: Elapsed,
) -> Plan {
    let mark = unmarked(snapshot);
    let is_debounced = history.mark_debounce_ends_at(settings).is_none_or(|until| until <= now);
    if snapshot.is_rolling() && is_debounced { Plan { mark, ..plan } } else { plan }
}

/// The Pods on departed bases that still need a mark.
fn unmarked(snapshot: &Snapshot) -> Vec<Pod> {
    // Other writers may set a deletion cost, too.
    let goes_first = |pod: &&Pod| pod.marked && pod.deletion_cost == i32::MIN;
    snapshot.pods_on_departed_bases().filter(|pod| !goes_first(pod)).cloned().collect()
}

fn coalesce(to: u32, history: &ObservedHistory, settings: &Settings, now: Elapsed) -> ScaleDecision {
    match history.coalesces_until(settings).filter(|until| now < *until) {
        Some(until) => ScaleDecision::Hold { reason: Hold::Coalescing, until: Some(until) },
        None => ScaleDecision::Scale { to },
    }
}

impl Plan {
    fn only(scale: ScaleDecision) -> Self {
        Self { unmark: Vec::new(), mark: Vec::new(), delete: Vec::new(), scale }
    }
}

#[cfg(test)]
mod tests;
