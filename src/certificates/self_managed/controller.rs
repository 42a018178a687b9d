//! The loop around the plan: what every replica serves, and when the leader acts.

use std::fmt::Display;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::{Client, ResourceExt as _};
use tokio::sync::watch;

use super::facts::{Facts, Notes, Rotate};
use super::material::Material;
use super::observed::{self, Observed, Presence};
use super::observed_history::ObservedHistory;
use super::plan::{Situation, Stored};
use super::reconcile::Reconciler;
use super::serve::{Served, may_serve};
use super::writes::{self, Writer};
use super::{CertificateLifetimes, Names};
use crate::certificates::{CertificateMetrics, Current};
use crate::k8s::{ControllerWrites, Leadership, WriteMetrics};
use crate::vocabulary as keys;

/// The longest time between two plans. If the clock is set forward, a renewal is late by this much at most.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// Serves the certificate in the Secret, and renews it in time while this process holds the lease.
pub struct CertificateController {
    client: Client,
    observed: watch::Receiver<Observed>,
    names: Names,
    lifetimes: CertificateLifetimes,
    current: Current,
    metrics: CertificateMetrics,
    writes: ControllerWrites,
    trusted: watch::Sender<bool>,
}

impl CertificateController {
    /// Creates a controller that serves through `current`, and the task that watches the objects. Both must run.
    pub fn new(
        client: Client,
        names: Names,
        lifetimes: CertificateLifetimes,
        current: Current,
        metrics: CertificateMetrics,
        writes: &WriteMetrics,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (observed, watch) = observed::watch(client.clone(), &names);
        let (trusted, writes) = (watch::Sender::new(false), writes::counters(writes));
        (Self { client, observed, names, lifetimes, current, metrics, writes, trusted }, watch)
    }

    /// Waits until this process serves a certificate that the webhook configurations have been observed to trust.
    pub fn trusted(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut trusted = self.trusted.subscribe();
        async move {
            if trusted.wait_for(|trusted| *trusted).await.is_err() {
                // The controller was dropped before.
                std::future::pending().await
            }
        }
    }

    /// Runs until it is dropped.
    pub async fn run(mut self, leadership: Leadership) {
        let writer = Writer::new(self.client.clone(), self.names.clone(), leadership.clone(), self.writes.clone());
        let mut reconciler = Reconciler::new(writer, &self.names, &self.lifetimes);
        let mut history = ObservedHistory::default();
        // The last usable contents of the Secret.
        let mut material = None;
        // The resourceVersion of the last Secret that was reported as unusable.
        let mut reported = None;
        loop {
            let observed = self.observed.borrow_and_update().clone();
            let leads = leadership.left().is_some();
            let mut wait = LONGEST_WAIT;
            self.report_missing_configurations(&observed);
            if observed.secret != Presence::Unknown {
                let now = Timestamp::now();
                let secret = observed.secret.present().map(|secret| &**secret);
                let (read, facts) = self.read(secret, &mut reported).unzip();
                material = read.or(material);
                let situation = history.observe(facts, observed.trusted(), now);
                self.serve(material.as_ref(), &situation, now);
                if leads && let Some(next) = reconciler.reconcile(&observed, &situation, material.as_ref(), now).await {
                    wait = wait.min(next);
                }
            }
            tokio::select! {
                changed = self.observed.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(wait) => {}
                () = leadership.acquired(), if !leads => {}
            }
        }
    }

    /// Reports webhook configurations that are missing. warden does not restore them, since an administrator may have deleted
    /// them on purpose, but that is easily forgotten.
    fn report_missing_configurations(&self, observed: &Observed) {
        let missing = observed.missing_configurations();
        if self.metrics.set_configurations_missing(missing.len().try_into().unwrap_or(i64::MAX)) {
            let (name, missing) = (&self.names.name, missing.join(", "));
            if missing.is_empty() {
                tracing::info!(name, "both webhook configurations exist");
            } else {
                tracing::warn!(
                    name,
                    missing,
                    "webhook configurations are missing: modules are admitted without warden"
                );
            }
        }
    }

    /// Reads the contents of the Secret, if they can be used. Contents that cannot be used or served are reported once per
    /// resourceVersion; an empty Secret is not reported.
    fn read(&self, secret: Option<&Secret>, reported: &mut Option<String>) -> Option<(Material, Facts)> {
        let data = secret.and_then(|secret| secret.data.as_ref()).filter(|data| !data.is_empty())?;
        let mut report = |error: &dyn Display| {
            let version = secret.and_then(Secret::resource_version);
            if *reported != version {
                *reported = version;
                self.current.rejected();
                tracing::error!(secret = self.names.secret(), %error, "cannot serve with the contents of the Secret");
            }
        };
        match Material::decode(data) {
            Ok(material) => {
                let host = self.names.host();
                let pair = material.pair();
                if let Err(error) = pair.check_host(&host).and_then(|()| pair.check_valid_at(Timestamp::now())) {
                    report(&error);
                }
                let facts = material.facts(&host, secret.map(notes).unwrap_or_default());
                Some((material, facts))
            }
            Err(error) => {
                report(&error);
                None
            }
        }
    }

    /// Serves the stored certificate, as soon as that breaks no handshake.
    fn serve(&self, stored: Option<&Material>, situation: &Situation, now: Timestamp) {
        if let (Some(material), Stored::Usable(facts)) = (stored, &situation.stored) {
            let served = self.current.pair().as_deref().map(Served::of);
            if may_serve(served.as_ref(), &facts.leaf, &situation.trusted, now) {
                self.current.set(material.pair().clone());
            }
            let serves_it = self.current.pair().is_some_and(|pair| *pair == *material.pair());
            if serves_it && situation.trusted.include(&facts.leaf.issuer) {
                self.trusted.send_replace(true);
            }
        }
    }
}

/// Reads the annotations.
fn notes(secret: &Secret) -> Notes {
    let adopted = secret.annotations().get(keys::ADOPTED).and_then(|time| time.parse().ok());
    Notes { requested: requested(secret), adopted }
}

fn requested(secret: &Secret) -> Option<Rotate> {
    match secret.annotations().get(keys::ROTATE)?.as_str() {
        "leaf" => Some(Rotate::Leaf),
        "authority" => Some(Rotate::Authority),
        value => {
            tracing::warn!(annotation = keys::ROTATE, value, "nothing is rotated: the value must be leaf or authority");
            None
        }
    }
}
