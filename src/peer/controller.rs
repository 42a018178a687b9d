//! The run loop: which Deployment to reconcile, and when.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use kube::Client;
use tokio::sync::watch;
use tokio::time::Instant;

use super::metrics::Metrics;
use super::reconcile::{Context, ReconcileState};
use super::writes::Writer;
use super::{PeerStore, Settings, WritePreconditions};
use crate::k8s::{EventRecorder, Leadership, LogLimiter, ObjectKey, Requeue, WorkQueue, work_queue};

/// How many Deployments are reconciled at a time: most of a reconcile is waiting for the API server.
const RECONCILES_AT_ONCE: usize = 16;

/// The controller of peer Deployments.
pub struct Controller {
    store: PeerStore,
    leadership: Leadership,
    context: Context,
}

/// What is kept of each Deployment that is not being reconciled just now.
type States = Mutex<BTreeMap<ObjectKey, ReconcileState>>;

impl Controller {
    /// A controller of the Deployments that `store` shows. It writes while `leadership` lasts, by the settings that are in force at
    /// each reconcile.
    pub fn new(
        client: Client,
        store: PeerStore,
        leadership: Leadership,
        settings: watch::Receiver<Settings>,
        events: EventRecorder,
        metrics: Metrics,
    ) -> Self {
        let writer = Writer::new(client, store.clone(), leadership.clone());
        let context = Context { writer, events, metrics, settings, log: LogLimiter::default() };
        Self { store, leadership, context }
    }

    /// Runs until it is dropped: reconciles while the lease is held, and waits for it otherwise.
    pub async fn run(self) {
        self.store.synced().await;
        self.leadership.while_leading(|| self.lead()).await;
    }

    /// Reconciles every Deployment, and then those whose snapshot may have changed. It begins without the state of an earlier
    /// leadership: another process may have written in the meantime.
    async fn lead(&self) {
        let (queue, workers) = work_queue();
        let (states, began) = (States::default(), Instant::now());
        tokio::select! {
            () = self.add_changed(&queue) => {}
            () = workers.run(RECONCILES_AT_ONCE, |key| self.reconcile(key, &states, began)) => {}
        }
    }

    async fn add_changed(&self, queue: &WorkQueue<ObjectKey>) {
        let mut settings = self.context.settings.clone();
        settings.mark_unchanged();
        let mut changes = self.store.subscribe();
        loop {
            tokio::select! {
                changed = changes.changed() => changed.into_iter().for_each(|key| queue.add(key)),
                // A Deployment that waits for the end of a window may be due with a shorter one.
                Ok(()) = settings.changed() => self.store.notify_of_all(),
            }
        }
    }

    async fn reconcile(&self, key: ObjectKey, states: &States, began: Instant) -> Requeue {
        let kept = lock(states).remove(&key);
        // A Deployment that is gone, or no peer any more, keeps no state.
        let Some(snapshot) = self.store.snapshot(&key) else { return Requeue::OnChange };
        let mut state = kept.unwrap_or_else(|| ReconcileState::new(self.context.metrics.clone()));
        let preconditions =
            WritePreconditions { synced: self.store.is_synced(), leader: self.leadership.left().is_some() };
        let requeue = self.context.reconcile(&key, &snapshot, &mut state, preconditions, began.elapsed()).await;
        lock(states).insert(key, state);
        requeue
    }
}

fn lock(states: &States) -> std::sync::MutexGuard<'_, BTreeMap<ObjectKey, ReconcileState>> {
    // No operation on the map leaves it half changed.
    states.lock().unwrap_or_else(PoisonError::into_inner)
}
