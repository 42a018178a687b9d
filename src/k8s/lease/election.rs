//! The election: sends a candidate's requests to the API server, and keeps the times.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;

use super::candidate::{Answer, Candidate, Now, Request};
use super::leadership::TermSender;
use super::settings::JITTER;
use super::{Leadership, LeaseSettings};
use crate::k8s::brief;
use crate::vocabulary::FIELD_MANAGER;

/// How many requests one attempt may take: get and write, and both again after a conflict.
const REQUESTS: usize = 4;

/// One request may take this part of the renew deadline, so that a leader whose request hangs can try again.
const REQUEST_PART: u32 = 3;

/// The leadership of a candidate in the election over a Lease, and the future that runs the election.
///
/// The future runs until `stop` is cancelled. Then it gives up the leadership, releases the Lease if it holds it, and ends. Stop
/// it after the writers have ended: the next leader may begin at once. If it is dropped instead, the other candidates wait for the
/// Lease to expire. With settings that are not valid ([`LeaseSettings::validate`]) it never leads, and ends at once.
///
/// [`LeaderTask`](crate::k8s::LeaderTask) does this in the right order.
///
/// # RBAC
/// It needs `get`, `create` and `update` of `leases` in the group `coordination.k8s.io`, in the namespace of the Lease.
pub fn elect(
    client: Client,
    settings: LeaseSettings,
    stop: CancellationToken,
) -> (Leadership, impl Future<Output = ()> + Send) {
    let (term, leadership) = Leadership::new();
    let election = async move {
        match settings.validate() {
            Ok(()) => Election::new(client, settings, term).run(stop).await,
            Err(error) => tracing::error!(%error, "no election can be held"),
        }
    };
    (leadership, election)
}

struct Election {
    api: Api<Lease>,
    settings: LeaseSettings,
    candidate: Candidate,
    term: TermSender,
    /// Whether it led when the term was last published.
    led: bool,
}

impl Election {
    fn new(client: Client, settings: LeaseSettings, term: TermSender) -> Self {
        let api = Api::namespaced(client, &settings.namespace);
        Self { api, candidate: Candidate::new(settings.clone()), settings, term, led: false }
    }

    async fn run(mut self, stop: CancellationToken) {
        let attempts = async {
            loop {
                self.attempt().await;
                tokio::time::sleep(self.pause()).await;
                self.publish_term();
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = attempts => {}
        }
        self.candidate.resign();
        self.publish_term();
        let timeout = self.request_timeout();
        if tokio::time::timeout(timeout, self.release()).await.is_err() {
            self.warn("release", &format!("no answer within {timeout:?}"));
        }
    }

    /// One attempt to acquire or to renew the Lease.
    async fn attempt(&mut self) {
        let mut request = self.candidate.begin(Now::read());
        for _ in 0..REQUESTS {
            let answer = self.ask(request).await;
            let next = self.candidate.answered(answer, Now::read());
            self.publish_term();
            match next {
                Some(next) => request = next,
                None => return,
            }
        }
    }

    async fn release(&mut self) {
        for _ in 0..REQUESTS {
            // The observed Lease may be old: a write whose answer never came may have been carried out.
            let Answer::Observed(lease) = self.ask(Request::Get).await else { return };
            self.candidate.observe(lease, Now::read());
            let Some(request) = self.candidate.release(Now::read()) else { return };
            match self.ask(request).await {
                Answer::Written { .. } => {
                    tracing::info!(lease = self.settings.name, "released the lease");
                    return;
                }
                Answer::Conflict => {}
                Answer::Observed(_) | Answer::Failed => return,
            }
        }
    }

    async fn ask(&self, request: Request) -> Answer {
        let began = Instant::now();
        let timeout = self.request_timeout();
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..Default::default() };
        let (what, creates) = match request {
            Request::Get => ("get", false),
            Request::Create(_) => ("create", true),
            Request::Replace(_) => ("update", false),
        };
        let asked = async {
            let written = |lease| Answer::Written { lease, began };
            match &request {
                Request::Get => self.api.get_opt(&self.settings.name).await.map(Answer::Observed),
                Request::Create(lease) => self.api.create(&params, lease).await.map(written),
                Request::Replace(lease) => self.api.replace(&self.settings.name, &params, lease).await.map(written),
            }
        };
        match tokio::time::timeout(timeout, asked).await {
            Ok(Ok(answer)) => answer,
            // An update answered by 404: the Lease is gone. A creation answered by 404: the namespace is, which is an error.
            Ok(Err(kube::Error::Api(status))) if status.code == 409 || (status.code == 404 && !creates) => {
                tracing::debug!(lease = self.settings.name, status.message, "another candidate wrote first");
                Answer::Conflict
            }
            Ok(Err(error)) => {
                self.warn(what, &brief(&error));
                Answer::Failed
            }
            Err(_) => {
                self.warn(what, &format!("no answer within {timeout:?}"));
                Answer::Failed
            }
        }
    }

    /// A leader must know the outcome of a renewal before its term ends.
    fn request_timeout(&self) -> Duration {
        let usual = self.settings.renew_deadline / REQUEST_PART;
        self.candidate.left(Instant::now()).map_or(usual, |left| left.min(usual))
    }

    /// How long to wait until the next attempt; not beyond the end of the term, which has to be published in time.
    fn pause(&self) -> Duration {
        let now = Instant::now();
        let usual = self.settings.retry_period.mul_f64(1.0 + (JITTER - 1.0) * fastrand::f64());
        self.candidate.left(now).map_or(usual, |left| left.min(usual))
    }

    /// Publishes the end of the term to writers, and logs when leadership is acquired or lost.
    fn publish_term(&mut self) {
        self.term.publish(self.candidate.term());
        let leads = self.candidate.left(Instant::now()).is_some();
        let (lease, identity) = (&self.settings.name, &self.settings.identity);
        match (self.led, leads) {
            (false, true) => tracing::info!(lease, identity, "acquired the lease: leading"),
            (true, false) => tracing::info!(lease, identity, "lost or released the lease: not leading"),
            (true, true) | (false, false) => {}
        }
        self.led = leads;
    }

    fn warn(&self, what: &str, error: &str) {
        tracing::warn!(lease = self.settings.name, error, "cannot {what} the lease");
    }
}

impl Now {
    fn read() -> Self {
        Self { monotonic: Instant::now(), wall: Timestamp::now() }
    }
}
