//! The loss of most bases at once, which is more often a fault in counting them than a loss of the bases.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::state::settled_replicas;
use super::{Pod, Snapshot, Source};

/// The least number of bases that makes a mass loss: of one or two bases, any part may go.
const MIN_LOST: u32 = 3;
/// A larger part than this, in per cent, makes a mass loss. Kubernetes' node lifecycle controller stops evicting when more
/// than 55 % of a zone's nodes are unhealthy (`--unhealthy-zone-threshold`).
const MORE_THAN_PERCENT: u64 = 55;

/// How many bases are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MassLoss {
    /// How many are gone.
    pub lost: u32,
    /// How many there were.
    pub of: u32,
}

impl MassLoss {
    /// The mass loss that `snapshot` shows, if it is one. `peak` is the largest number of bases observed lately.
    pub(super) fn of(snapshot: &Snapshot, peak: u32) -> Option<Self> {
        let wanted = snapshot.source.wanted()?;
        let before = peak.max(settled_replicas(snapshot).unwrap_or(0)).min(intended(snapshot));
        let fewer = Self { lost: before.saturating_sub(wanted), of: before };
        // New bases may have joined in place of the lost ones.
        let departed = departed_bases(snapshot);
        let replaced = Self { lost: departed, of: departed.saturating_add(snapshot.carried) };
        [fewer, replaced].into_iter().find(|loss| loss.is_mass())
    }

    fn is_mass(self) -> bool {
        self.lost >= MIN_LOST && u64::from(self.lost) * 100 > u64::from(self.of) * MORE_THAN_PERCENT
    }
}

/// More bases than this cannot have been lost: a person scaled the followed workload down.
fn intended(snapshot: &Snapshot) -> u32 {
    match &snapshot.source {
        Source::Bases { .. } | Source::Followed { size: None, .. } => u32::MAX,
        Source::Followed { size: Some(size), .. } => size.desired,
    }
}

/// In a rollout, nodes that are there and carry a Pod are those that an earlier template was for: the user moves the module, and has
/// not lost them. Until the controller-manager has observed a change, it may have been the template's.
fn departed_bases(snapshot: &Snapshot) -> u32 {
    let nodes: BTreeSet<&str> = snapshot.pods_on_departed_bases().filter_map(Pod::departed_from).collect();
    let moved = if snapshot.is_rolling() || !snapshot.observed { snapshot.unfit } else { 0 };
    u32::try_from(nodes.len()).unwrap_or(u32::MAX).saturating_sub(moved)
}

impl fmt::Display for MassLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bases went at once", self.lost, self.of)
    }
}

#[cfg(test)]
mod tests;
