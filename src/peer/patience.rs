//! When people are told that the replicas of a Deployment are held.

use std::time::Duration;

use super::{Hold, Moment, Step};

/// A hold that should pass by itself within moments is told once it has lasted so long: many times what a watch, a
/// scale-down or a burst takes.
const LASTS: Duration = Duration::from_secs(30);

/// What people know of the hold of one Deployment, from look to look.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// The name of the reason that people have been told last, as long as the replicas are held.
    told: Option<&'static str>,
    /// Since when they are held for reasons other than that.
    untold_since: Option<Moment>,
}

/// What to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The replicas are held.
    Held,
    /// They are no longer.
    Resumed,
}

impl Patience {
    /// Takes note of what a look decided, and gives what to tell people now.
    pub(super) fn notice(&mut self, step: &Step, now: Moment) -> Option<Turn> {
        let reason = match step {
            Step::Keep | Step::Scale { .. } => {
                self.untold_since = None;
                return self.told.take().map(|_| Turn::Resumed);
            }
            Step::Hold { reason, .. } => reason,
        };
        let lasts = lasts(reason).filter(|_| self.told != Some(reason.name()));
        let Some(lasts) = lasts else {
            self.untold_since = None;
            return None;
        };
        let since = *self.untold_since.get_or_insert(now);
        if now < since + lasts {
            return None;
        }
        (self.told, self.untold_since) = (Some(reason.name()), None);
        Some(Turn::Held)
    }

    /// The number is left to the user: nothing is held, and nothing has been put right.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The name of the reason that people know.
    pub(super) fn told(&self) -> Option<&'static str> {
        self.told
    }

    /// When people are to be told, if nothing happens before.
    pub(super) fn runs_out_at(&self) -> Option<Moment> {
        self.untold_since.map(|since| since + LASTS)
    }
}

/// How long a hold lasts before people are told; none where they never are.
fn lasts(reason: &Hold) -> Option<Duration> {
    match reason {
        // It is for another process to tell, or for none yet.
        Hold::NotSynced | Hold::NotLeader => None,
        Hold::MassLoss(_) | Hold::Endangers(_) | Hold::NothingToFollow { .. } => Some(Duration::ZERO),
        Hold::OwnWriteUnseen
        | Hold::Coalescing
        | Hold::Settling
        | Hold::MarksUnseen
        | Hold::ControllerBehind
        | Hold::PodsUnseen
        | Hold::Returning
        | Hold::PodsToGo => Some(LASTS),
    }
}

#[cfg(test)]
mod tests;
