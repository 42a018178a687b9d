//! One candidate: what it asks of the API server, and what it makes of the answers. Pure.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;

use super::decide::{Observed, Step, decide};
use super::leadership::left;
use super::{LeaseSettings, record};

/// A candidate and all that it knows.
#[derive(Debug)]
pub(super) struct Candidate {
    settings: LeaseSettings,
    observed: Option<Observed>,
    /// Whether nothing has happened since that speaks against `observed`.
    current: bool,
    /// When its term ends or ended.
    term: Option<Instant>,
}

/// What a clock on the wall and a stopwatch show. Only the stopwatch decides anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) monotonic: Instant,
    pub(super) wall: Timestamp,
}

/// A request to the API server.
#[derive(Debug, Clone)]
pub(super) enum Request {
    /// Get the Lease.
    Look,
    /// Create it.
    Create(Lease),
    /// Update it, if it still has the resourceVersion it had.
    Replace(Lease),
}

/// An answer of the API server.
#[derive(Debug)]
pub(super) enum Answer {
    /// To a [`Request::Look`]: the Lease, if there is one.
    Seen(Option<Lease>),
    /// It was written as asked.
    Written {
        /// As it is now.
        lease: Lease,
        /// When the request was begun.
        began: Instant,
    },
    /// Somebody else was faster.
    Conflict,
    /// None, or an error; the request may have been carried out, or be so yet.
    Failed,
}

impl Candidate {
    pub(super) fn new(settings: LeaseSettings) -> Self {
        Self { settings, observed: None, current: false, term: None }
    }

    /// What is left of its term.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        left(self.term, now)
    }

    /// When its term ends or ended.
    pub(super) fn term(&self) -> Option<Instant> {
        self.term
    }

    /// The first request of a try: a leader renews what it wrote last, all others look first.
    pub(super) fn begin(&self, now: Moment) -> Request {
        let leads = self.current && self.left(now.monotonic).is_some();
        leads.then(|| self.write(now)).flatten().unwrap_or(Request::Look)
    }

    /// The next request of this try, if there is one.
    pub(super) fn answered(&mut self, answer: Answer, now: Moment) -> Option<Request> {
        match answer {
            Answer::Seen(lease) => {
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
                // Who tried to create it knows now that there was one, also if it is gone again at the next look.
                if let Some(Observed { lease: None, since, patience }) = &mut self.observed {
                    (*since, *patience) = (now.monotonic, self.settings.lease_duration);
                }
                Some(Request::Look)
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

    /// What to write after it resigned and looked: nothing, unless the Lease is its own.
    pub(super) fn release(&self, now: Moment) -> Option<Request> {
        self.held().map(|lease| Request::Replace(record::released(lease, now.wall)))
    }

    /// Takes note of the Lease. One that is not ours (any more) ends our term. One that is gone does not: the others wait, and
    /// we make it again.
    pub(super) fn observe(&mut self, lease: Option<Lease>, now: Moment) {
        let (identity, usual) = (&self.settings.identity, self.settings.lease_duration);
        self.observed = Some(Observed::next(self.observed.take(), lease, identity, usual, now.monotonic));
        self.current = true;
        if self.observed.as_ref().is_some_and(|observed| observed.lease.is_some()) && self.held().is_none() {
            self.resign();
        }
    }

    /// The Lease as it was seen last, if it is ours.
    fn held(&self) -> Option<&Lease> {
        let lease = self.observed.as_ref()?.lease.as_ref()?;
        (record::holder(lease) == Some(self.settings.identity.as_str())).then_some(lease)
    }

    fn write(&self, now: Moment) -> Option<Request> {
        let observed = self.observed.as_ref()?;
        let leading = self.left(now.monotonic).is_some();
        let step = decide(&self.settings.identity, leading, observed, now.monotonic);
        match (step, &observed.lease) {
            (Step::Create, _) => Some(Request::Create(record::created(&self.settings, now.wall))),
            (Step::Renew, Some(lease)) => Some(Request::Replace(record::renewed(lease, &self.settings, now.wall))),
            (Step::Take, Some(lease)) => Some(Request::Replace(record::taken(lease, &self.settings, now.wall))),
            (Step::Renew | Step::Take, None) | (Step::Wait, _) => None,
        }
    }
}
