//! Carries out the plan, one action at a time, while this process holds the lease.

use std::time::{Duration, Instant};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::flap_backoff::FlapBackoff;
use super::material::{CertificateProfile, Material, MaterialError};
use super::observed::Observed;
use super::plan::{Action, Situation, Stored, plan};
use super::writes::{Writer, WriterError};
use super::{CertificateLifetimes, Names};
use crate::k8s::brief;

/// The pause after a write that failed.
const RETRY: Duration = Duration::from_secs(2);
/// How long the watches may take to show a write. An action that is repeated too early conflicts with itself, which is harmless.
const READ_BACK: Duration = Duration::from_secs(10);

/// Carries out actions.
pub(super) struct Reconciler {
    writer: Writer,
    profile: CertificateProfile,
    settle: SignedDuration,
    /// For the Secret: a client may request the same rotation again and again.
    secret_backoff: FlapBackoff,
    /// For `caBundle`: another client may remove it again and again.
    bundle_backoff: FlapBackoff,
}

/// An action failed.
#[derive(Debug, Error)]
enum ActionError {
    #[error(transparent)]
    Material(#[from] MaterialError),
    #[error(transparent)]
    Write(#[from] WriterError),
}

impl Reconciler {
    pub(super) fn new(writer: Writer, names: &Names, lifetimes: &CertificateLifetimes) -> Self {
        Self {
            writer,
            profile: CertificateProfile::new(names, lifetimes),
            settle: lifetimes.settle,
            secret_backoff: FlapBackoff::default(),
            bundle_backoff: FlapBackoff::default(),
        }
    }

    /// Carries out the action that is due, if any. Returns how long to wait before the next call if nothing changes; none if only
    /// a change can make an action due. `stored` is the last usable contents of the Secret.
    pub(super) async fn reconcile(
        &mut self,
        observed: &Observed,
        situation: &Situation,
        stored: Option<&Material>,
        now: Timestamp,
    ) -> Option<Duration> {
        let action = plan(situation, now, self.settle);
        let result = match (&action, stored) {
            (Action::Wait { until }, _) => {
                return until.map(|until| until.duration_since(now).try_into().unwrap_or(Duration::ZERO));
            }
            (Action::TrustBundle, Some(stored)) => {
                let bundle = stored.bundle();
                let wait = self.bundle_backoff.remaining(&bundle, Instant::now());
                if !wait.is_zero() {
                    return Some(wait);
                }
                self.bundle_backoff.record(bundle.clone(), Instant::now());
                self.writer.write_ca_bundles(observed, &bundle).await.map_err(Into::into)
            }
            (action, stored) => {
                // Only repeated requests are slowed down. What is due by time has its own schedule, so the id of the current
                // certificate makes two such actions different.
                let what = match &situation.stored {
                    Stored::Usable(facts) if facts.notes.requested.is_none() => {
                        format!("{action:?} after {:?}", facts.leaf.id)
                    }
                    _ => format!("{action:?}"),
                };
                let wait = self.secret_backoff.remaining(&what, Instant::now());
                if !wait.is_zero() {
                    return Some(wait);
                }
                self.secret_backoff.record(what, Instant::now());
                self.rewrite_secret(observed, situation, action, stored, now).await
            }
        };
        match result {
            Ok(()) => {
                tracing::info!(?action, "certificates: the action succeeded");
                Some(READ_BACK)
            }
            Err(error) => {
                tracing::warn!(?action, error = %brief(&error), "certificates: the action failed and will be retried");
                Some(RETRY)
            }
        }
    }

    async fn rewrite_secret(
        &self,
        observed: &Observed,
        situation: &Situation,
        action: &Action,
        stored: Option<&Material>,
        now: Timestamp,
    ) -> Result<(), ActionError> {
        let adopted = match &situation.stored {
            Stored::Usable(facts) => facts.notes.adopted,
            Stored::Unusable => None,
        };
        let (data, adopted) = match (action, stored) {
            (Action::Restore, Some(stored)) => (stored.encode(), adopted),
            (Action::AddAuthority, Some(stored)) => (stored.with_authority(&self.profile, now)?.encode(), adopted),
            (Action::Issue, Some(stored)) => (stored.with_leaf(&self.profile, now)?.encode(), adopted),
            (Action::DropAuthorities(old), Some(stored)) => (stored.without(old)?.encode(), None),
            _ => {
                let others = observed.trusted_by_any();
                let adopted = (!others.is_empty()).then_some(now);
                (Material::create(&self.profile, others, now)?.encode(), adopted)
            }
        };
        Ok(self.writer.write_secret(observed.secret.present(), data, adopted).await?)
    }
}
