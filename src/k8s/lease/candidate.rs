//! One candidate: which requests it sends, and what it concludes from the answers. Pure.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;

use super::decide::{LeaseAction, Observed, decide};
use super::leadership::left;
use super::{LeaseSettings, record};

/// A candidate and its state.
#[derive(Debug)]
pub(super) struct Candidate {
    settings: LeaseSettings,
    observed: Option<Observed>,
    /// Whether `observed` is the last thing that it knows: no request has failed since.
    current: bool,
    /// When its term ends or ended.
    term: Option<Instant>,
}

/// What the wall clock and the monotonic clock show. Only the monotonic clock decides anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) monotonic: Instant,
    pub(super) wall: Timestamp,
}

/// A request to the API server.
#[derive(Debug, Clone)]
pub(super) enum Request {
    /// Get the Lease.
    Get,
    /// Create the Lease.
    Create(Lease),
    /// Update the Lease, if it still has this resourceVersion.
    Replace(Lease),
}

/// An answer of the API server.
#[derive(Debug)]
pub(super) enum Answer {
    /// To a [`Request::Get`]: the Lease, if it exists.
    Observed(Option<Lease>),
    /// The Lease was written.
    Written {
        /// The Lease as stored.
        lease: Lease,
        /// When the request was sent.
        began: Instant,
    },
    /// Another candidate wrote first.
    Conflict,
    /// No answer, or an error. The request may have been carried out, or may still be.
    Failed,
}

impl Candidate {
    pub(super) fn new(settings: LeaseSettings) -> Self {
        Self { settings, observed: None, current: false, term: None }
    }

    /// The rest of its term.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        left(self.term, now)
    }

    /// When its term ends or ended.
    pub(super) fn term(&self) -> Option<Instant> {
        self.term
    }

    /// The first request of an attempt: a leader renews what it wrote last, all others get the Lease first.
    pub(super) fn begin(&self, now: Now) -> Request {
        let leads = self.current && self.left(now.monotonic).is_some();
        leads.then(|| self.write(now)).flatten().unwrap_or(Request::Get)
    }

    /// The next request of this attempt, if there is one.
    pub(super) fn answered(&mut self, answer: Answer, now: Now) -> Option<Request> {
        match answer {
            Answer::Observed(lease) => {
                self.observe(lease, now);
                self.write(now)
            }
            Answer::Written { lease, began } => {
                self.observe(Some(lease), now);
                self.term = self.held().map(|_| began + self.settings.renew_deadline);
                None
            }
            Answer::Conflict => {
                self.current = false;
                // A creation that met a Lease: another candidate may lead by it, also if the next get finds it gone again.
                if let Some(Observed { lease: None, since, expires_after }) = &mut self.observed {
                    (*since, *expires_after) = (now.monotonic, self.settings.lease_duration);
                }
                Some(Request::Get)
            }
            Answer::Failed => {
                self.current = false;
                None
            }
        }
    }

    /// Gives up its term.
    pub(super) fn resign(&mut self) {
        self.term = None;
    }

    /// What to write after it resigned and got the Lease: nothing, unless it holds that.
    pub(super) fn release(&self, now: Now) -> Option<Request> {
        self.held().map(|lease| Request::Replace(record::released(lease, now.wall)))
    }

    /// Takes in the Lease. A Lease that another candidate holds ends this one's term. A Lease that is gone does not: the others
    /// wait, and this candidate creates it again.
    pub(super) fn observe(&mut self, lease: Option<Lease>, now: Now) {
        let (identity, usual) = (&self.settings.identity, self.settings.lease_duration);
        self.observed = Some(Observed::next(self.observed.take(), lease, identity, usual, now.monotonic));
        self.current = true;
        if self.observed.as_ref().is_some_and(|observed| observed.lease.is_some()) && self.held().is_none() {
            self.resign();
        }
    }

    /// The Lease as it was observed last, if this candidate holds it.
    fn held(&self) -> Option<&Lease> {
        let lease = self.observed.as_ref()?.lease.as_ref()?;
        (record::holder(lease) == Some(self.settings.identity.as_str())).then_some(lease)
    }

    fn write(&self, now: Now) -> Option<Request> {
        let observed = self.observed.as_ref()?;
        let leading = self.left(now.monotonic).is_some();
        let action = decide(&self.settings.identity, leading, observed, now.monotonic);
        match (action, &observed.lease) {
            (LeaseAction::Create, _) => Some(Request::Create(record::created(&self.settings, now.wall))),
            (LeaseAction::Renew, Some(lease)) => {
                Some(Request::Replace(record::renewed(lease, &self.settings, now.wall)))
            }
            (LeaseAction::Take, Some(lease)) => Some(Request::Replace(record::taken(lease, &self.settings, now.wall))),
            (LeaseAction::Renew | LeaseAction::Take, None) | (LeaseAction::Wait, _) => None,
        }
    }
}
