//! What the leader writes: one step of the plan at a time.

use std::time::{Duration, Instant};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::material::{Material, MaterialError, Terms};
use super::pace::Pace;
use super::plan::{Situation, Step, Stored, plan};
use super::seen::Seen;
use super::store::{Store, StoreError};
use super::{Names, Settings};
use crate::k8s::brief;

/// How long to wait after a write that failed.
const RETRY: Duration = Duration::from_secs(2);
/// By when the watches have shown a write; one that is done twice conflicts with itself, which harms nobody.
const READ_BACK: Duration = Duration::from_secs(10);

/// Who takes the steps.
pub(super) struct Leader {
    store: Store,
    terms: Terms,
    settle: SignedDuration,
    /// Of the Secret: somebody may ask for the same again and again.
    secret_pace: Pace,
    /// Of the bundles.
    bundle_pace: Pace,
}

/// Why a step was not taken.
#[derive(Debug, Error)]
enum StepError {
    #[error(transparent)]
    Material(#[from] MaterialError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Leader {
    pub(super) fn new(store: Store, names: &Names, settings: &Settings) -> Self {
        let terms = Terms {
            name: names.name.clone(),
            host: names.host(),
            leaf_lifetime: settings.leaf_lifetime,
            authority_lifetime: settings.authority_lifetime,
        };
        Self { store, terms, settle: settings.settle, secret_pace: Pace::default(), bundle_pace: Pace::default() }
    }

    /// Takes the step that is due, if any. Gives how long to wait for the next one if nothing changes; none where only a
    /// change can bring one. `stored` is the last usable contents of the Secret.
    pub(super) async fn step(
        &mut self,
        seen: &Seen,
        situation: &Situation,
        stored: Option<&Material>,
        now: Timestamp,
    ) -> Option<Duration> {
        let step = plan(situation, now, self.settle);
        let taken = match (&step, stored) {
            (Step::Wait { until }, _) => {
                return until.map(|until| until.duration_since(now).try_into().unwrap_or(Duration::ZERO));
            }
            (Step::PutBundles, Some(stored)) => {
                let bundle = stored.bundle();
                let wait = self.bundle_pace.wait(&bundle, Instant::now());
                if !wait.is_zero() {
                    return Some(wait);
                }
                self.put_bundles(seen, bundle).await
            }
            (step, stored) => {
                // Who asks for the same again and again is what is paced; what comes due has its own time.
                let what = match &situation.stored {
                    Stored::Is(facts) if facts.notes.asked.is_none() => format!("{step:?} after {:?}", facts.leaf.id),
                    _ => format!("{step:?}"),
                };
                let wait = self.secret_pace.wait(&what, Instant::now());
                if !wait.is_zero() {
                    return Some(wait);
                }
                self.secret_pace.note(what, Instant::now());
                self.rewrite(seen, situation, step, stored, now).await
            }
        };
        match taken {
            Ok(()) => {
                tracing::info!(?step, "certificates: a step was taken");
                Some(READ_BACK)
            }
            Err(error) => {
                tracing::warn!(?step, error = %brief(&error), "certificates: a step was not taken, and is tried again");
                Some(RETRY)
            }
        }
    }

    async fn put_bundles(&mut self, seen: &Seen, bundle: String) -> Result<(), StepError> {
        self.bundle_pace.note(bundle.clone(), Instant::now());
        Ok(self.store.put_bundles(seen, &bundle).await?)
    }

    async fn rewrite(
        &self,
        seen: &Seen,
        situation: &Situation,
        step: &Step,
        stored: Option<&Material>,
        now: Timestamp,
    ) -> Result<(), StepError> {
        let adopted = match &situation.stored {
            Stored::Is(facts) => facts.notes.adopted,
            Stored::Nothing => None,
        };
        let (data, adopted) = match (step, stored) {
            (Step::Restore, Some(stored)) => (stored.encode(), adopted),
            (Step::AddAuthority, Some(stored)) => (stored.with_authority(&self.terms, now)?.encode(), adopted),
            (Step::Issue, Some(stored)) => (stored.with_leaf(&self.terms, now)?.encode(), adopted),
            (Step::Drop(old), Some(stored)) => (stored.without(old)?.encode(), None),
            _ => {
                let others = seen.trusted_by_any();
                let adopted = (!others.is_empty()).then_some(now);
                (Material::create(&self.terms, others, now)?.encode(), adopted)
            }
        };
        let secret = seen.secret.as_ref().and_then(Option::as_ref);
        Ok(self.store.write(secret, data, adopted).await?)
    }
}
