//! The run loop: which Pod to label, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::Client;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::metrics::{LABEL, Metrics};
use super::writes::Writer;
use crate::k8s::{Backoff, Leadership, ObjectKey, Requeue, WorkQueue, WriteOutcome, brief, work_queue};
use crate::peer::PeerStore;
use crate::runtime::Detail;

/// The time between two writes: 20 a second. When warden is installed, every module Pod of the cluster is to be labelled. 300 of them
/// take 15 s; and the API server, which has to tell every watch of Pods of each, must not notice.
const PERIOD: Duration = Duration::from_millis(50);

/// How many Pods are labelled at a time: an answer may take longer than [`PERIOD`].
const WRITES_AT_ONCE: usize = 8;

/// When to look again at a Pod that was labelled. The watch shows the labels sooner; another writer may have removed them meanwhile.
const RECHECK_AFTER: Duration = Duration::from_secs(5);

/// The controller of identity labels.
pub struct Controller {
    store: PeerStore,
    leadership: Leadership,
    writer: Writer,
    metrics: Metrics,
    detail: Detail,
}

/// What is kept of the Pods that could not be labelled.
type Failures = Mutex<BTreeMap<Arc<ObjectKey>, Failure>>;

#[derive(Default)]
struct Failure {
    backoff: Backoff,
    /// The error that was logged last.
    logged: Option<String>,
}

/// At most one write in each [`PERIOD`].
type Pace = tokio::sync::Mutex<Interval>;

impl Controller {
    /// A controller of the Pods that `store` shows. It writes while `leadership` lasts. `detail` shows what is still to be done.
    ///
    /// # RBAC
    /// It needs `patch` of Pods.
    pub fn new(client: Client, store: PeerStore, leadership: Leadership, metrics: Metrics, detail: Detail) -> Self {
        let writer = Writer::new(client, leadership.clone());
        Self { store, leadership, writer, metrics, detail }
    }

    /// Runs until it is dropped: labels Pods while the lease is held, and shows how many lack labels at all times.
    pub async fn run(self) {
        self.store.synced().await;
        tokio::select! {
            () = self.show() => {}
            () = self.leadership.while_leading(|| self.lead()) => {}
        }
    }

    async fn show(&self) {
        let mut changes = self.store.unlabelled_changes();
        loop {
            changes.borrow_and_update();
            let count = self.store.unlabelled_keys().len();
            self.metrics.unlabelled.set(i64::try_from(count).unwrap_or(i64::MAX));
            self.detail.set((count > 0).then(|| format!("{count} module Pods lack identity labels")));
            if changes.changed().await.is_err() {
                pending().await
            }
        }
    }

    async fn lead(&self) {
        let (queue, workers) = work_queue();
        let failures = Failures::default();
        let mut period = interval(PERIOD);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let pace = Pace::new(period);
        tokio::select! {
            () = self.add_unlabelled(&queue) => {}
            () = workers.run(WRITES_AT_ONCE, |key| self.reconcile(key, &failures, &pace)) => {}
        }
    }

    /// Adds each Pod once when it begins to lack labels. One that cannot be labelled comes back by its backoff.
    async fn add_unlabelled(&self, queue: &WorkQueue<Arc<ObjectKey>>) {
        let mut changes = self.store.unlabelled_changes();
        let mut known = BTreeSet::new();
        loop {
            changes.borrow_and_update();
            let unlabelled = self.store.unlabelled_keys();
            unlabelled.difference(&known).for_each(|key| queue.add(Arc::clone(key)));
            known = unlabelled;
            if changes.changed().await.is_err() {
                pending().await
            }
        }
    }

    async fn reconcile(&self, key: Arc<ObjectKey>, failures: &Failures, pace: &Pace) -> Requeue {
        if self.store.unlabelled_pod(&key).is_some() {
            pace.lock().await.tick().await;
        }
        let Some(pod) = self.store.unlabelled_pod(&key) else {
            lock(failures).remove(&key);
            return Requeue::OnChange;
        };
        let written = self.writer.label(&key, &pod).await;
        self.metrics.writes.count(LABEL, WriteOutcome::of(&written));
        let mut failures = lock(failures);
        let Err(error) = written else {
            failures.remove(&key);
            return Requeue::After(RECHECK_AFTER);
        };
        let failure = failures.entry(Arc::clone(&key)).or_default();
        let error = brief(&error);
        if failure.logged.as_ref() != Some(&error) {
            tracing::warn!(pod = %key, error, "a Pod cannot be given its identity labels");
            failure.logged = Some(error);
        }
        Requeue::After(failure.backoff.after_failure())
    }
}

fn lock(failures: &Failures) -> MutexGuard<'_, BTreeMap<Arc<ObjectKey>, Failure>> {
    // No operation on the map leaves it half changed.
    failures.lock().unwrap_or_else(PoisonError::into_inner)
}
