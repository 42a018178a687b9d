//! The loss of most bases at once, which is more often a fault of who counts them than of the bases.

use std::collections::BTreeSet;
use std::fmt;

use crate::peer::{Pod, Snapshot, Source};

/// So many bases at least make a mass loss: of one or two any part may go.
const AT_LEAST: u32 = 3;
/// A larger part than this, in per cent, makes a mass loss. Kubernetes' node lifecycle controller stops evicting when more
/// than 55 % of a zone's nodes are unhealthy (`--unhealthy-zone-threshold`).
const MORE_THAN_PERCENT: u64 = 55;

/// The end of what is said of a loss.
const WENT: &str = " bases went at once";

/// How many bases are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Loss {
    /// How many are gone.
    pub lost: u32,
    /// How many there were.
    pub of: u32,
}

impl Loss {
    /// The mass loss that shows in `seen`, if it is one: `peak` is the largest number of bases seen lately.
    pub(super) fn of(seen: &Snapshot, peak: u32) -> Option<Self> {
        let wanted = seen.source.wanted()?;
        let before = peak.max(settled_on(seen)).min(intended(seen));
        let fewer = Self { lost: before.saturating_sub(wanted), of: before };
        // Others may have come instead of those that went.
        let departed = departed_bases(seen);
        let moved = Self { lost: departed, of: departed.saturating_add(seen.carried) };
        [fewer, moved].into_iter().find(|loss| loss.is_mass())
    }

    /// The mass loss that another warden was holding, by the status line.
    pub(super) fn noted(seen: &Snapshot) -> Option<Self> {
        let (_, held) = seen.status_line.as_deref()?.split_once("held: ")?;
        let (numbers, _) = held.split_once(WENT)?;
        let (lost, of) = numbers.split_once(" of ")?;
        Some(Self { lost: lost.parse().ok()?, of: of.parse().ok()? })
    }

    fn is_mass(self) -> bool {
        self.lost >= AT_LEAST && u64::from(self.lost) * 100 > u64::from(self.of) * MORE_THAN_PERCENT
    }
}

/// More bases than this have not been lost: somebody scaled down the workload that is followed.
fn intended(seen: &Snapshot) -> u32 {
    match &seen.source {
        Source::Bases { .. } | Source::Followed { size: None, .. } => u32::MAX,
        Source::Followed { size: Some(size), .. } => size.desired,
    }
}

/// The replicas that warden itself settled on, by its status line, if nobody has changed them since. So a loss that happens
/// while no warden looks is one for the next warden.
fn settled_on(seen: &Snapshot) -> u32 {
    let line = seen.status_line.as_deref().unwrap_or_default();
    let number = line.split(|c: char| !c.is_ascii_digit()).next().and_then(|number| number.parse().ok());
    if number == Some(seen.replicas) { seen.replicas } else { 0 }
}

fn departed_bases(seen: &Snapshot) -> u32 {
    let nodes: BTreeSet<&str> = seen.strays().filter_map(Pod::departed_from).collect();
    u32::try_from(nodes.len()).unwrap_or(u32::MAX)
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}{WENT}", self.lost, self.of)
    }
}

#[cfg(test)]
mod tests;
