//! The election: asks the API server, keeps the times.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::candidate::{Answer, Candidate, Moment, Request};
use super::settings::JITTER;
use super::{Leadership, LeaseSettings};
use crate::k8s::brief;
use crate::vocabulary::FIELD_MANAGER;

/// How many requests one try may take: look and write, and both again after a conflict.
const REQUESTS: usize = 4;

/// What part of the renew deadline one request may take, so that a leader with a request that hangs can try again.
const REQUEST_PART: u32 = 3;

/// A candidate in the election over a Lease, and the future that stands for it.
///
/// The future runs until `stop` is cancelled, then gives up the leadership, releases the Lease if it is ours, and ends. Stop
/// it after the writers: the next leader may begin at once. Where it is dropped instead, the others wait for the
/// Lease to run out. It needs the right to get, create and update Leases in the namespace.
///
/// With settings that are not valid ([`LeaseSettings::validate`]) it never leads, and ends at once.
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
    term: watch::Sender<Option<Instant>>,
    /// Whether it led when that was last told.
    led: bool,
}

impl Election {
    fn new(client: Client, settings: LeaseSettings, term: watch::Sender<Option<Instant>>) -> Self {
        let api = Api::namespaced(client, &settings.namespace);
        Self { api, candidate: Candidate::new(settings.clone()), settings, term, led: false }
    }

    async fn run(mut self, stop: CancellationToken) {
        let standing = async {
            loop {
                self.attempt().await;
                tokio::time::sleep(self.pause()).await;
                self.tell();
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = standing => {}
        }
        self.candidate.resign();
        self.tell();
        let patience = self.request_timeout();
        if tokio::time::timeout(patience, self.release()).await.is_err() {
            self.warn("release", &format!("no answer within {patience:?}"));
        }
    }

    /// One try to get or to keep the Lease.
    async fn attempt(&mut self) {
        let mut request = self.candidate.begin(Moment::now());
        for _ in 0..REQUESTS {
            let answer = self.ask(request).await;
            let next = self.candidate.answered(answer, Moment::now());
            self.tell();
            match next {
                Some(next) => request = next,
                None => return,
            }
        }
    }

    async fn release(&mut self) {
        for _ in 0..REQUESTS {
            // What we know may be old: a write whose answer never came may have been carried out.
            let Answer::Seen(lease) = self.ask(Request::Look).await else { return };
            self.candidate.observe(lease, Moment::now());
            let Some(request) = self.candidate.release(Moment::now()) else { return };
            match self.ask(request).await {
                Answer::Written { .. } => {
                    tracing::info!(lease = self.settings.name, "released the lease");
                    return;
                }
                Answer::Conflict => {}
                Answer::Seen(_) | Answer::Failed => return,
            }
        }
    }

    async fn ask(&self, request: Request) -> Answer {
        let began = Instant::now();
        let timeout = self.request_timeout();
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..Default::default() };
        let (what, creates) = match request {
            Request::Look => ("look at", false),
            Request::Create(_) => ("create", true),
            Request::Replace(_) => ("update", false),
        };
        let asked = async {
            let written = |lease| Answer::Written { lease, began };
            match &request {
                Request::Look => self.api.get_opt(&self.settings.name).await.map(Answer::Seen),
                Request::Create(lease) => self.api.create(&params, lease).await.map(written),
                Request::Replace(lease) => self.api.replace(&self.settings.name, &params, lease).await.map(written),
            }
        };
        match tokio::time::timeout(timeout, asked).await {
            Ok(Ok(answer)) => answer,
            // A Lease to update that is gone; to create, it is the namespace that is not there.
            Ok(Err(kube::Error::Api(status))) if status.code == 409 || (status.code == 404 && !creates) => {
                tracing::debug!(lease = self.settings.name, status.message, "somebody else was faster");
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

    /// A leader must know about a renewal before its term has ended.
    fn request_timeout(&self) -> Duration {
        let usual = self.settings.renew_deadline / REQUEST_PART;
        self.candidate.left(Instant::now()).map_or(usual, |left| left.min(usual))
    }

    /// How long to wait until the next try; not beyond the end of the term, which is to be told in time.
    fn pause(&self) -> Duration {
        let now = Instant::now();
        let random = f64::from(RandomState::new().hash_one(0) as u32) / f64::from(u32::MAX);
        let usual = self.settings.retry_period.mul_f64(1.0 + (JITTER - 1.0) * random);
        self.candidate.left(now).map_or(usual, |left| left.min(usual))
    }

    /// Tells the end of the term to those who ask, and to the log when it has begun or ended.
    fn tell(&mut self) {
        self.term.send_replace(self.candidate.term());
        let leads = self.candidate.left(Instant::now()).is_some();
        let (lease, identity) = (&self.settings.name, &self.settings.identity);
        match (self.led, leads) {
            (false, true) => tracing::info!(lease, identity, "acquired the lease: leading"),
            (true, false) => tracing::info!(lease, identity, "lost the lease or gave it up: not leading"),
            (true, true) | (false, false) => {}
        }
        self.led = leads;
    }

    fn warn(&self, what: &str, error: &str) {
        tracing::warn!(lease = self.settings.name, error, "cannot {what} the lease");
    }
}

impl Moment {
    fn now() -> Self {
        Self { monotonic: Instant::now(), wall: Timestamp::now() }
    }
}
