//! What to do about one peer Deployment next.

use std::time::Duration;

use super::victims;
use super::{Hold, Memory, Moment};
use crate::cluster::{Pod, Snapshot};

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
    /// Pods of departed bases: they get the lowest deletion cost, before the replicas are written. Nor are these written where
    /// that fails, other than for a Pod that is gone. In a rollout whether or not these are written.
    pub mark: Vec<Pod>,
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
    if seen.left_alone.is_some() {
        return Plan::only(Step::Keep);
    }
    if let Some(until) = memory.own_write_unseen_until(seen).filter(|until| now < *until) {
        return Plan::only(Step::Hold { reason: Hold::OwnWriteUnseen, until: Some(until) });
    }
    let Some(wanted) = seen.source.wanted() else {
        return hold(Hold::NothingToFollow { workload: seen.source.workload().to_owned() });
    };
    let (mark, step) = if wanted > seen.replicas {
        (Vec::new(), grow(seen, wanted, memory, settings, now))
    } else {
        shrink(seen, wanted, memory, settings, now)
    };
    let (mark, step) = if mark.is_empty() { mark_in_rollout(seen, step, memory, settings, now) } else { (mark, step) };
    let is_at_rest = step == Step::Keep && mark.is_empty();
    if is_at_rest { unmark(seen, memory, settings, now) } else { Plan { unmark: Vec::new(), mark, step } }
}

/// Takes the marks of bases that are back, when no scale-down is under way: while one is, a mark decides whom it takes, and
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
    Plan { unmark, mark: Vec::new(), step: later.map_or(Step::Keep, wait) }
}

/// More replicas, but not before Pods of departed bases have gone that were to go: or the two would take turns.
fn grow(seen: &Snapshot, wanted: u32, memory: &Memory, settings: &Settings, now: Moment) -> Step {
    // A rollout has more Pods than replicas all the time.
    if !seen.is_rolling() && seen.pod_count() > seen.replicas && seen.strays().any(|pod| pod.marked) {
        return Step::Hold { reason: Hold::PodsToGo, until: None };
    }
    coalesced(wanted, memory, settings, now)
}

/// Fewer replicas, or as many but on other bases.
fn shrink(seen: &Snapshot, wanted: u32, memory: &Memory, settings: &Settings, now: Moment) -> (Vec<Pod>, Step) {
    let strays: Vec<&Pod> = seen.strays().collect();
    let to = target(seen, wanted, strays.len());
    if to >= seen.replicas {
        return (Vec::new(), Step::Keep);
    }
    let hold = |reason, until| Step::Hold { reason, until };
    if let Some(settled) = memory.settles_at(settings).filter(|settled| now < *settled) {
        return (Vec::new(), hold(Hold::Settling, Some(settled)));
    }
    if let Some((loss, until)) = memory.loss(settings).filter(|(_, until)| now < *until) {
        return (Vec::new(), hold(Hold::MassLoss(loss), Some(until)));
    }
    let unmarked = unmarked(seen);
    if !unmarked.is_empty() {
        return (unmarked, hold(Hold::MarksUnseen, None));
    }
    if !seen.observed {
        return (Vec::new(), hold(Hold::ControllerBehind, None));
    }
    if seen.pod_count() < seen.replicas {
        return (Vec::new(), hold(Hold::PodsUnseen, None));
    }
    // In a rollout nobody can say whether one of these goes, or one on a base: they are collected first.
    if seen.is_rolling() && !strays.is_empty() {
        return (Vec::new(), hold(Hold::PodsToGo, None));
    }
    if let Some(endangered) = victims::endangered(seen, to) {
        return (Vec::new(), hold(Hold::Endangers(endangered), None));
    }
    match coalesced(to, memory, settings, now) {
        // Marked once more: a cache may not show yet that somebody took a mark back.
        scale @ Step::Scale { .. } => (strays.into_iter().cloned().collect(), scale),
        hold => (Vec::new(), hold),
    }
}

/// In a rollout the Deployment controller takes Pods by itself as soon as it counts enough that are available, those of
/// departed bases among them. So they are to go first whatever becomes of the replicas.
fn mark_in_rollout(seen: &Snapshot, step: Step, memory: &Memory, settings: &Settings, now: Moment) -> (Vec<Pod>, Step) {
    let unmarked = unmarked(seen);
    if !seen.is_rolling() || unmarked.is_empty() {
        return (Vec::new(), step);
    }
    match (memory.settles_at(settings).filter(|settled| now < *settled), step) {
        (Some(settled), Step::Keep) => (Vec::new(), Step::Hold { reason: Hold::Settling, until: Some(settled) }),
        (Some(_), step) => (Vec::new(), step),
        (None, step) => (unmarked, step),
    }
}

fn unmarked(seen: &Snapshot) -> Vec<Pod> {
    // Others may write a deletion cost, too.
    let goes_first = |pod: &&Pod| pod.marked && pod.deletion_cost == i32::MIN;
    seen.strays().filter(|pod| !goes_first(pod)).cloned().collect()
}

/// The replicas to go to. Where Pods are still on departed bases, first as few as take those away: a ReplicaSet that has as
/// many Pods as it should would never move one to a base that waits for it. The number that is wanted comes next.
fn target(seen: &Snapshot, wanted: u32, strays: usize) -> u32 {
    let strays = u32::try_from(strays).unwrap_or(u32::MAX);
    wanted.min(seen.replicas.saturating_sub(strays).max(seen.carried))
}

fn coalesced(to: u32, memory: &Memory, settings: &Settings, now: Moment) -> Step {
    match memory.may_scale_at(settings).filter(|at| now < *at) {
        Some(at) => Step::Hold { reason: Hold::Coalescing, until: Some(at) },
        None => Step::Scale { to },
    }
}

impl Plan {
    fn only(step: Step) -> Self {
        Self { unmark: Vec::new(), mark: Vec::new(), step }
    }
}

#[cfg(test)]
mod tests;
