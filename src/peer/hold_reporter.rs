//! When the controller reports that the replicas of a Deployment are held.

use std::time::Duration;

use super::{Elapsed, Hold, ScaleDecision};

/// A hold that should end by itself within seconds is reported once it has lasted so long: many times what a watch, a
/// scale-down or a burst takes.
const REPORT_AFTER: Duration = Duration::from_secs(30);

/// Which hold of one Deployment was reported, from reconcile to reconcile.
#[derive(Debug, Default)]
pub(super) struct HoldReporter {
    /// The name of the reason that was reported last, as long as the replicas are held.
    reported: Option<&'static str>,
    /// Since when they are held for reasons other than that.
    unreported_since: Option<Elapsed>,
}

/// What to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transition {
    /// The replicas are held.
    Held,
    /// They are no longer held.
    Resumed,
}

impl HoldReporter {
    /// Adds a decision, and returns what to report now.
    pub(super) fn observe(&mut self, decision: &ScaleDecision, now: Elapsed) -> Option<Transition> {
        let reason = match decision {
            ScaleDecision::Keep | ScaleDecision::Scale { .. } => {
                self.unreported_since = None;
                return self.reported.take().map(|_| Transition::Resumed);
            }
            ScaleDecision::Hold { reason, .. } => reason,
        };
        let delay = report_delay(reason).filter(|_| self.reported != Some(reason.name()));
        let Some(delay) = delay else {
            self.unreported_since = None;
            return None;
        };
        let since = *self.unreported_since.get_or_insert(now);
        if now < since + delay {
            return None;
        }
        (self.reported, self.unreported_since) = (Some(reason.name()), None);
        Some(Transition::Held)
    }

    /// Forgets what was reported, when the replicas are left to the user: they are neither held nor resumed.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// The name of the reason that was reported.
    pub(super) fn reported(&self) -> Option<&'static str> {
        self.reported
    }

    /// When a hold is to be reported, if nothing happens before.
    pub(super) fn due_at(&self) -> Option<Elapsed> {
        self.unreported_since.map(|since| since + REPORT_AFTER)
    }
}

/// How long a hold lasts before it is reported; none for those that never are.
fn report_delay(reason: &Hold) -> Option<Duration> {
    match reason {
        // The leader reports, once it is synced.
        Hold::NotSynced | Hold::NotLeader => None,
        Hold::MassLoss(_) | Hold::BaseAtRisk(_) | Hold::NothingToFollow { .. } => Some(Duration::ZERO),
        Hold::OwnWriteUnseen
        | Hold::Coalescing
        | Hold::DepartureDebounce
        | Hold::MarksUnseen
        | Hold::ControllerBehind
        | Hold::PodsUnseen
        | Hold::ReturnDebounce
        | Hold::PodsToGo
        | Hold::NotKeptApart => Some(REPORT_AFTER),
    }
}

#[cfg(test)]
mod tests;
