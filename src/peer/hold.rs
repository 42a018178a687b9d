//! Why the replicas of a Deployment stay as they are: for people, and as the name in metrics and in the state annotation.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::MassLoss;
use super::scale_down_risk::AtRisk;
use crate::vocabulary as keys;

/// Why replicas stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Hold {
    /// The caches are not complete yet.
    NotSynced,
    /// Another process writes.
    NotLeader,
    /// The watch has not shown the last write yet.
    OwnWriteUnseen,
    /// The last write is too recent; what changes meanwhile is written together.
    Coalescing,
    /// The last departure of a base is too recent.
    DepartureDebounce,
    /// The Pods of departed bases do not show their deletion cost yet.
    MarksUnseen,
    /// The controller-manager has not observed the Deployment's last change yet, and may not have observed its Pods' either.
    ControllerBehind,
    /// There are fewer Pods than replicas. Those that are not created or not seen yet may be on any base.
    PodsUnseen,
    /// A base came back too recently to remove the marks of its Pods.
    ReturnDebounce,
    /// The Pods of departed bases are being deleted, or are left to a rollout.
    PodsToGo,
    /// Some Pods of its modules lack their identity labels: a new Pod may be put beside one of them, and then either of the two takes
    /// the module from that base when it is deleted.
    NotKeptApart,
    /// Too many bases departed at once.
    MassLoss(MassLoss),
    /// A scale-down now could take the module from a base that is there.
    BaseAtRisk(AtRisk),
    /// The workload to follow does not exist, or does not consent. Nothing tells the two apart: the existence of a workload is not for
    /// every namespace to know.
    NothingToFollow {
        /// The workload as the annotation names it.
        workload: String,
    },
}

impl Hold {
    /// Every [name](Self::name).
    pub(super) const NAMES: [&'static str; 14] = [
        "not_synced",
        "not_leader",
        "own_write_unseen",
        "coalescing",
        "departure_debounce",
        "marks_unseen",
        "controller_behind",
        "pods_unseen",
        "return_debounce",
        "pods_to_go",
        "not_kept_apart",
        "mass_loss",
        "base_at_risk",
        "nothing_to_follow",
    ];

    /// The reason as the value of a metric's label, and as `reason` in the state annotation.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotSynced => "not_synced",
            Self::NotLeader => "not_leader",
            Self::OwnWriteUnseen => "own_write_unseen",
            Self::Coalescing => "coalescing",
            Self::DepartureDebounce => "departure_debounce",
            Self::MarksUnseen => "marks_unseen",
            Self::ControllerBehind => "controller_behind",
            Self::PodsUnseen => "pods_unseen",
            Self::ReturnDebounce => "return_debounce",
            Self::PodsToGo => "pods_to_go",
            Self::NotKeptApart => "not_kept_apart",
            Self::MassLoss(_) => "mass_loss",
            Self::BaseAtRisk(_) => "base_at_risk",
            Self::NothingToFollow { .. } => "nothing_to_follow",
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSynced => f.write_str("the caches are not synced yet"),
            Self::NotLeader => f.write_str("another replica of warden holds the lease"),
            Self::OwnWriteUnseen => f.write_str("the watch has not shown the last write yet"),
            Self::Coalescing => f.write_str("the last write was a moment ago"),
            Self::DepartureDebounce => f.write_str("a base departed a moment ago"),
            Self::MarksUnseen => f.write_str("Pods of departed bases are being marked to go first"),
            Self::ControllerBehind => f.write_str("the controller-manager has not observed the last change yet"),
            Self::PodsUnseen => f.write_str("not all Pods have been created and seen yet"),
            Self::ReturnDebounce => f.write_str("a base came back a moment ago"),
            Self::PodsToGo => f.write_str("Pods of departed bases have still to go"),
            Self::NotKeptApart => f.write_str(
                "some Pods of its modules are not kept apart yet: they lack their identity labels. If this lasts, the log of \
                 warden's leader names them and says why; delete these Pods one by one, or let warden write their labels",
            ),
            Self::MassLoss(loss) => loss.fmt(f),
            Self::BaseAtRisk(at_risk) => at_risk.fmt(f),
            Self::NothingToFollow { workload } => {
                write!(f, "there is no {workload} to follow")?;
                // Only this form can name another namespace.
                if workload.matches('/').count() == 2 {
                    write!(f, ", or it does not consent by the annotation {} on it or on its Namespace", keys::FOLLOWERS)?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
