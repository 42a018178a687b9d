//! What to do about one peer Deployment next.

use std::fmt;
use std::time::Duration;

use super::victims::{self, Endangered};
use super::{Loss, Memory, Moment};
use crate::cluster::{Place, Pod, Snapshot, Source};

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
    /// that fails, other than for a Pod that is gone.
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

/// Why replicas stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hold {
    /// The caches do not know everything yet.
    NotSynced,
    /// Another process writes.
    NotLeader,
    /// The watch has not shown the last write yet.
    OwnWriteUnseen,
    /// The last write is too recent.
    Coalescing,
    /// The departure is too recent.
    Settling,
    /// The Pods of departed bases do not show their deletion cost yet.
    MarksUnseen,
    /// The controller-manager has not seen the Deployment's last change yet, and may not have seen the Pods' either.
    ControllerBehind,
    /// There are fewer Pods than replicas: who those are that are not seen, or not made yet, nobody can say.
    PodsUnseen,
    /// There are more Pods than replicas, some of departed bases: they go first.
    PodsToGo,
    /// Too many bases went at once.
    MassLoss(Loss),
    /// To scale down now would take the module from a base that is there.
    Endangers(Endangered),
    /// The workload to be followed is not there.
    NothingToFollow {
        /// The workload as the annotation names it.
        workload: String,
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
    if !memory.has_seen_own_write(seen) {
        return hold(Hold::OwnWriteUnseen);
    }
    let Some(wanted) = seen.source.wanted() else {
        return hold(Hold::NothingToFollow { workload: seen.source.workload().to_owned() });
    };
    let (mark, step) = if wanted > seen.replicas {
        (Vec::new(), grow(seen, wanted, memory, settings, now))
    } else {
        shrink(seen, wanted, memory, settings, now)
    };
    let unmark = if step == Step::Keep && has_nothing_to_take(seen) { back(seen) } else { Vec::new() };
    Plan { unmark, mark, step }
}

/// Marked Pods of bases that are there.
fn back(seen: &Snapshot) -> Vec<Pod> {
    let is_on_base = |pod: &&Pod| matches!(pod.place, Place::Base(_));
    seen.pods.iter().filter(|pod| pod.marked).filter(is_on_base).cloned().collect()
}

/// Whether no scale-down is under way. While one is, a mark decides whom it takes: that base was away, the others were not.
fn has_nothing_to_take(seen: &Snapshot) -> bool {
    seen.observed && count(seen) <= seen.replicas
}

fn count(seen: &Snapshot) -> u32 {
    seen.replica_sets.iter().map(|(_, pods)| *pods).sum()
}

/// More replicas, but not before Pods of departed bases have gone that were to go: or the two would take turns.
fn grow(seen: &Snapshot, wanted: u32, memory: &Memory, settings: &Settings, now: Moment) -> Step {
    if count(seen) > seen.replicas && strays(seen).iter().any(|pod| pod.marked) {
        return Step::Hold { reason: Hold::PodsToGo, until: None };
    }
    coalesced(wanted, memory, settings, now)
}

/// Fewer replicas, or as many but on other bases.
fn shrink(seen: &Snapshot, wanted: u32, memory: &Memory, settings: &Settings, now: Moment) -> (Vec<Pod>, Step) {
    let strays = strays(seen);
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
    let unmarked: Vec<Pod> = strays.iter().filter(|pod| !pod.marked).copied().cloned().collect();
    if !unmarked.is_empty() {
        return (unmarked, hold(Hold::MarksUnseen, None));
    }
    if !seen.observed {
        return (Vec::new(), hold(Hold::ControllerBehind, None));
    }
    if count(seen) < seen.replicas {
        return (Vec::new(), hold(Hold::PodsUnseen, None));
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

/// The Pods whose place is wanted elsewhere.
fn strays(seen: &Snapshot) -> Vec<&Pod> {
    match seen.source {
        Source::Bases { .. } => seen.pods.iter().filter(|pod| matches!(pod.place, Place::Departed(_))).collect(),
        // Nobody knows on which nodes these bases are.
        Source::Followed { .. } => Vec::new(),
    }
}

/// The replicas to go to. Where Pods are still on departed bases, first as few as take those away: a ReplicaSet that has as
/// many Pods as it should would never move one to a base that waits for it. The number that is wanted comes next.
fn target(seen: &Snapshot, wanted: u32, strays: usize) -> u32 {
    let strays = u32::try_from(strays).unwrap_or(u32::MAX);
    if strays == 0 { wanted } else { wanted.min(seen.replicas.saturating_sub(strays).max(seen.carried)) }
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

impl Hold {
    /// Whether people should hear of it: it does not pass by itself within moments.
    pub fn is_news(&self) -> bool {
        matches!(self, Self::MassLoss(_) | Self::Endangers(_) | Self::NothingToFollow { .. })
    }

    /// The reason as the value of a metric's label.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotSynced => "not_synced",
            Self::NotLeader => "not_leader",
            Self::OwnWriteUnseen => "own_write_unseen",
            Self::Coalescing => "coalescing",
            Self::Settling => "settling",
            Self::MarksUnseen => "marks_unseen",
            Self::ControllerBehind => "controller_behind",
            Self::PodsUnseen => "pods_unseen",
            Self::PodsToGo => "pods_to_go",
            Self::MassLoss(_) => "mass_loss",
            Self::Endangers(_) => "endangers_a_base",
            Self::NothingToFollow { .. } => "nothing_to_follow",
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSynced => f.write_str("the caches are not synced yet"),
            Self::NotLeader => f.write_str("another replica of warden holds the lease"),
            Self::OwnWriteUnseen => f.write_str("the last write has not come back by the watch yet"),
            Self::Coalescing => f.write_str("the last write was a moment ago"),
            Self::Settling => f.write_str("a base departed a moment ago"),
            Self::MarksUnseen => f.write_str("Pods of departed bases are being marked to go first"),
            Self::ControllerBehind => f.write_str("the controller-manager has not seen the last change yet"),
            Self::PodsUnseen => f.write_str("not all Pods have been made and seen yet"),
            Self::PodsToGo => f.write_str("Pods of departed bases have still to go"),
            Self::MassLoss(loss) => loss.fmt(f),
            Self::Endangers(endangered) => endangered.fmt(f),
            Self::NothingToFollow { workload } => write!(f, "there is no {workload} to follow"),
        }
    }
}
