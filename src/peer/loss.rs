//! The loss of most bases at once, which is more often a fault of who counts them than of the bases.

use std::fmt;

use crate::cluster::{Pod, Snapshot, Source};

/// So many bases at least make a mass loss: of one or two any part may go.
const AT_LEAST: u32 = 3;
/// A larger part than this, in per cent, makes a mass loss. Kubernetes' node lifecycle controller stops evicting when more
/// than 55 % of a zone's nodes are unhealthy (`--unhealthy-zone-threshold`).
const MORE_THAN_PERCENT: u64 = 55;

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
        let before = peak.max(settled_on(seen));
        let fewer = Self { lost: before.saturating_sub(wanted), of: before };
        // Others may have come instead of those that went.
        let departed = departed_bases(seen);
        let moved = Self { lost: departed, of: departed.saturating_add(seen.carried) };
        [fewer, moved].into_iter().find(|loss| loss.is_mass())
    }

    fn is_mass(self) -> bool {
        self.lost >= AT_LEAST && u64::from(self.lost) * 100 > u64::from(self.of) * MORE_THAN_PERCENT
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
    if let Source::Followed { .. } = seen.source {
        return 0;
    }
    let mut nodes: Vec<&str> = seen.pods.iter().filter_map(Pod::departed_from).collect();
    nodes.sort_unstable();
    nodes.dedup();
    u32::try_from(nodes.len()).unwrap_or(u32::MAX)
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bases went at once", self.lost, self.of)
    }
}
