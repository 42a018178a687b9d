//! What to do about one peer Deployment next.

use std::time::Duration;

use super::victims;
use super::{Hold, Memory, Moment};
use crate::peer::{Pod, Snapshot};

/// What is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The replicas of a Deployment are written at most once in this time, and departures of bases are followed only after
    /// it: a Node that is made again at once has not departed, and many that go together are seen together.
    pub window: Duration,
    /// Bases that depart within this time count together as a loss.
    pub loss_window: Duration,
    /// How long the loss of most bases is not followed.
    pub loss_hold: Duration,
}

/// What must hold before anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Standing {
    /// Every watch has delivered its first list.
    pub synced: bool,
    /// This process holds the lease.
    pub leader: bool,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Pods of bases that are back: they lose their mark.
    pub unmark: Vec<Pod>,
    /// Pods of departed bases: they get the lowest deletion cost, so that they go before all others, whoever scales down.
    pub mark: Vec<Pod>,
    /// Pods of departed bases that have it: they are deleted. The ReplicaSet controller makes others for them, for which there
    /// may be a base; if there is none, the replicas are written then. In a rollout none are.
    pub delete: Vec<Pod>,
    /// What happens to the replicas.
    pub step: Step,
}

/// What happens to the replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// They are right.
    Keep,
    /// They become `to`.
    Scale {
        /// The new number.
        to: u32,
    },
    /// They stay as they are for now, although they are not right or nobody can say.
    Hold {
        /// Why.
        reason: Hold,
        /// When to look again, if nothing happens before.
        until: Option<Moment>,
    },
}

/// Decides what to do about a Deployment. Pure: the same arguments, the same plan.
pub fn decide(seen: &Snapshot, memory: &Memory, standing: Standing, settings: &Settings, now: Moment) -> Plan {
    let hold = |reason| Plan::only(Step::Hold { reason, until: None });
    if !standing.synced {
        return hold(Hold::NotSynced);
    }
    if !standing.leader {
        return hold(Hold::NotLeader);
    }
    if seen.unmanaged.is_some() {
        return Plan::only(Step::Keep);
    }
    if let Some(until) = memory.own_write_unseen_until(seen).filter(|until| now < *until) {
        return Plan::only(Step::Hold { reason: Hold::OwnWriteUnseen, until: Some(until) });
    }
    let Some(wanted) = seen.source.wanted() else {
        return hold(Hold::NothingToFollow { workload: seen.source.workload().to_owned() });
    };
    let plan = if wanted > seen.replicas {
        Plan::only(coalesced(wanted, memory, settings, now))
    } else {
        shrink(seen, wanted, memory, settings, now)
    };
    let plan = if plan.mark.is_empty() { mark_in_rollout(seen, plan, memory, settings, now) } else { plan };
    if plan == Plan::only(Step::Keep) { unmark(seen, memory, settings, now) } else { plan }
}

/// Takes the marks of bases that are back, when no scale-down is under way: while one is, a mark may decide whom it takes, and
/// that base was away where others were not. After a while only: a cache that lags may not show that a base departed, or what
/// another process has written.
fn unmark(seen: &Snapshot, memory: &Memory, settings: &Settings, now: Moment) -> Plan {
    let (mut unmark, mut later) = (Vec::new(), None);
    for pod in seen.pods.iter().filter(|_| seen.observed && seen.pod_count() <= seen.replicas) {
        match memory.unmarks_at(pod, settings) {
            Some(at) if now < at => later = Some(later.map_or(at, |other: Moment| other.min(at))),
            Some(_) => unmark.push(pod.clone()),
            None => {}
        }
    }
    let wait = |at| Step::Hold { reason: Hold::Returning, until: Some(at) };
    Plan { unmark, ..Plan::only(later.map_or(Step::Keep, wait)) }
}

/// Fewer replicas, or as many but on other bases.
///
/// A Pod of a departed base is never left to a scale-down. That takes whom the ReplicaSet controller's own cache shows as the
/// first to go, and nobody can see whether it shows a mark yet: after a restart of the API server it often did not, and a Pod
/// of a healthy base went. So such a Pod is deleted by its name; and when another one has been made for it, that
/// controller has seen the deletion, and the other one, which is on no node, ranks before all others.
fn shrink(seen: &Snapshot, wanted: u32, memory: &Memory, settings: &Settings, now: Moment) -> Plan {
    let strays: Vec<Pod> = seen.strays().cloned().collect();
    if strays.is_empty() && wanted == seen.replicas {
        return Plan::only(Step::Keep);
    }
    let hold = |reason, until| Plan::only(Step::Hold { reason, until });
    if let Some(settled) = memory.settles_at(settings).filter(|settled| now < *settled) {
        return hold(Hold::Settling, Some(settled));
    }
    if let Some((loss, until)) = memory.loss(settings).filter(|(_, until)| now < *until) {
        return hold(Hold::MassLoss(loss), Some(until));
    }
    let unmarked = unmarked(seen);
    if !unmarked.is_empty() {
        return Plan { mark: unmarked, ..hold(Hold::MarksUnseen, None) };
    }
    // In a rollout such a Pod may be where its own template fits, and serve. Nor could anybody say then what is made for it.
    if seen.is_rolling() && !strays.is_empty() {
        return hold(Hold::PodsToGo, None);
    }
    if !seen.observed {
        return hold(Hold::ControllerBehind, None);
    }
    if !strays.is_empty() {
        // A Pod too many would stand for the one that has yet to be made.
        let delete = if seen.pod_count() > seen.replicas { Vec::new() } else { strays };
        return Plan { delete, ..hold(Hold::PodsToGo, None) };
    }
    if seen.pod_count() < seen.replicas {
        return hold(Hold::PodsUnseen, None);
    }
    if let Some(endangered) = victims::endangered(seen, wanted) {
        return hold(Hold::Endangers(endangered), None);
    }
    Plan::only(coalesced(wanted, memory, settings, now))
}

/// In a rollout the Deployment controller takes Pods by itself as soon as it counts enough that are available, those of
/// departed bases among them. So they are to go first whatever becomes of the replicas.
fn mark_in_rollout(seen: &Snapshot, plan: Plan, memory: &Memory, settings: &Settings, now: Moment) -> Plan {
    let mark = unmarked(seen);
    let is_settled = memory.settles_at(settings).is_none_or(|settled| settled <= now);
    if seen.is_rolling() && is_settled { Plan { mark, ..plan } } else { plan }
}

fn unmarked(seen: &Snapshot) -> Vec<Pod> {
    // Others may write a deletion cost, too.
    let goes_first = |pod: &&Pod| pod.marked && pod.deletion_cost == i32::MIN;
    seen.strays().filter(|pod| !goes_first(pod)).cloned().collect()
}

fn coalesced(to: u32, memory: &Memory, settings: &Settings, now: Moment) -> Step {
    match memory.may_scale_at(settings).filter(|at| now < *at) {
        Some(at) => Step::Hold { reason: Hold::Coalescing, until: Some(at) },
        None => Step::Scale { to },
    }
}

impl Plan {
    fn only(step: Step) -> Self {
        Self { unmark: Vec::new(), mark: Vec::new(), delete: Vec::new(), step }
    }
}

#[cfg(test)]
mod tests;
