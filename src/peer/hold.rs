//! Why the replicas of a Deployment stay as they are, in words and as the name that metrics give it.

use std::fmt;

use super::Loss;
use super::victims::Endangered;

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
    /// A base came back too recently to take the marks of its Pods.
    Returning,
    /// The Pods of departed bases are being deleted, or left to a rollout.
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

impl Hold {
    /// Every [name](Self::name).
    pub(super) const NAMES: [&'static str; 13] = [
        "not_synced",
        "not_leader",
        "own_write_unseen",
        "coalescing",
        "settling",
        "marks_unseen",
        "controller_behind",
        "pods_unseen",
        "returning",
        "pods_to_go",
        "mass_loss",
        "endangers_a_base",
        "nothing_to_follow",
    ];

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
            Self::Returning => "returning",
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
            Self::Returning => f.write_str("a base came back a moment ago"),
            Self::PodsToGo => f.write_str("Pods of departed bases have still to go"),
            Self::MassLoss(loss) => loss.fmt(f),
            Self::Endangers(endangered) => endangered.fmt(f),
            Self::NothingToFollow { workload } => write!(f, "there is no {workload} to follow"),
        }
    }
}

#[cfg(test)]
mod tests;
