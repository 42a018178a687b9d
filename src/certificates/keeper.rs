//! The loop around the plan: what every replica serves, and when the leader takes a step.

use std::fmt::Display;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::{Client, ResourceExt as _};
use tokio::sync::watch;

use super::facts::{Facts, Notes, Rotate};
use super::leader::Leader;
use super::material::Material;
use super::memory::Memory;
use super::plan::{Situation, Stored};
use super::seen::{self, Seen};
use super::serve::{Served, may_serve};
use super::store::Store;
use super::{Names, Settings};
use crate::certificates::{CertificateMetrics, Current};
use crate::k8s::Leadership;
use crate::vocabulary as keys;

/// A clock may be set; that a renewal is due is seen within this.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// Keeps the certificates: serves those in the Secret, and makes them anew in time while the lease is held.
pub struct Keeper {
    client: Client,
    seen: watch::Receiver<Seen>,
    names: Names,
    settings: Settings,
    current: Current,
    metrics: CertificateMetrics,
    trusted: watch::Sender<bool>,
}

impl Keeper {
    /// A keeper that lets `current` have what is to be served, and the task that watches for it, which must run too.
    pub fn watch(
        client: Client,
        names: Names,
        settings: Settings,
        current: Current,
        metrics: CertificateMetrics,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (seen, watch) = seen::watch(client.clone(), &names);
        let keeper = Self { client, seen, names, settings, current, metrics, trusted: watch::Sender::new(false) };
        (keeper, watch)
    }

    /// Comes back when both webhook configurations have been seen to trust what is served.
    pub fn trusted(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut trusted = self.trusted.subscribe();
        async move {
            if trusted.wait_for(|trusted| *trusted).await.is_err() {
                std::future::pending().await
            }
        }
    }

    /// Runs until it is dropped.
    pub async fn run(mut self, leadership: Leadership) {
        let store = Store {
            client: self.client.clone(),
            names: self.names.clone(),
            leadership: leadership.clone(),
            metrics: self.metrics.clone(),
        };
        let mut leader = Leader::new(store, &self.names, &self.settings);
        let mut memory = Memory::default();
        // The last usable contents of the Secret.
        let mut material = None;
        let mut complained = None;
        loop {
            let seen = self.seen.borrow_and_update().clone();
            let leads = leadership.left().is_some();
            let mut wait = LONGEST_WAIT;
            self.tell_what_is_missing(&seen);
            // Before the first answer nobody knows whether there is a Secret.
            if let Some(secret) = &seen.secret {
                let now = Timestamp::now();
                let (read, facts) = self.read(secret.as_deref(), &mut complained).unzip();
                material = read.or(material);
                let situation = memory.observe(facts, seen.bundles(), now);
                self.serve(material.as_ref(), &situation, now);
                if leads && let Some(next) = leader.step(&seen, &situation, material.as_ref(), now).await {
                    wait = wait.min(next);
                }
            }
            tokio::select! {
                changed = self.seen.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(wait) => {}
                () = leadership.acquired(), if !leads => {}
            }
        }
    }

    /// Nobody puts a configuration back by himself: it may have been taken away on purpose. But it is easily forgotten.
    fn tell_what_is_missing(&self, seen: &Seen) {
        let missing = seen.missing();
        if self.metrics.misses_configurations(missing.len().try_into().unwrap_or(i64::MAX)) {
            let (name, missing) = (&self.names.name, missing.join(", "));
            if missing.is_empty() {
                tracing::info!(name, "both webhook configurations are there");
            } else {
                tracing::warn!(name, missing, "webhook configurations are missing: modules go by without warden");
            }
        }
    }

    /// What the Secret holds, if it can be used. What cannot be, or not be served, is told once, and not at all where nothing was
    /// written yet.
    fn read(&self, secret: Option<&Secret>, complained: &mut Option<String>) -> Option<(Material, Facts)> {
        let data = secret.and_then(|secret| secret.data.as_ref()).filter(|data| !data.is_empty())?;
        let mut complain = |error: &dyn Display| {
            let version = secret.and_then(Secret::resource_version);
            if *complained != version {
                *complained = version;
                self.current.rejected();
                tracing::error!(secret = self.names.secret(), %error, "the Secret cannot be served with");
            }
        };
        match Material::decode(data) {
            Ok(material) => {
                let host = self.names.host();
                let judged = material.pair().is_for(&host).and_then(|()| material.pair().is_good_at(Timestamp::now()));
                if let Err(error) = judged {
                    complain(&error);
                }
                let facts = material.facts(&host, secret.map(notes).unwrap_or_default());
                Some((material, facts))
            }
            Err(error) => {
                complain(&error);
                None
            }
        }
    }

    /// Serves what is stored, once it is safe to.
    fn serve(&self, stored: Option<&Material>, situation: &Situation, now: Timestamp) {
        if let (Some(material), Stored::Is(facts)) = (stored, &situation.stored) {
            let served = self.current.pair().as_deref().map(Served::of);
            if may_serve(served.as_ref(), &facts.leaf, &situation.bundles, now) {
                self.current.take(material.pair().clone());
            }
            let serves_it = self.current.pair().is_some_and(|pair| *pair == *material.pair());
            if serves_it && situation.bundles.trust(&facts.leaf.issuer) {
                self.trusted.send_replace(true);
            }
        }
    }
}

/// What the annotations say.
fn notes(secret: &Secret) -> Notes {
    let adopted = secret.annotations().get(keys::ADOPTED).and_then(|time| time.parse().ok());
    Notes { asked: asked(secret), adopted }
}

fn asked(secret: &Secret) -> Option<Rotate> {
    match secret.annotations().get(keys::ROTATE)?.as_str() {
        "leaf" => Some(Rotate::Leaf),
        "authority" => Some(Rotate::Authority),
        other => {
            tracing::warn!(annotation = keys::ROTATE, value = other, "neither leaf nor authority: nothing is rotated");
            None
        }
    }
}
