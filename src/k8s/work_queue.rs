//! A work queue of keys.

use std::collections::HashSet;
use std::future::ready;
use std::hash::Hash;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::stream::FuturesUnordered;
use kube::runtime::scheduler::{ScheduleRequest, scheduler};
use tokio::time::Instant;

use super::ObjectKey;
use super::round_robin::RoundRobin;

/// The sending end of a work queue: subscribers and timers add keys to it. Clones add to the same queue.
///
/// A key that is added several times before a worker takes it is reconciled once, at the earliest of the requested times. One key
/// is reconciled by one worker at a time: a key that is added in the meantime waits for that worker, and is then reconciled once
/// more. So a reconcile may read its input when it begins, and two reconciles of one key never overlap.
///
/// Keys that wait for a worker are taken group by group in turn ([`Grouped`]): a namespace with a thousand keys that are due delays a
/// key of another namespace by one reconcile, not by a thousand.
///
/// It makes no request and needs no RBAC.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::time::Duration;
///
/// use koupleless_warden::k8s::{ObjectKey, Requeue, work_queue};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let (queue, workers) = work_queue();
/// queue.add(ObjectKey { namespace: "shop".to_owned(), name: "orders".to_owned() });
/// let reconciles = AtomicUsize::new(0);
/// let reconcile = async |key: ObjectKey| {
///     assert_eq!(key.to_string(), "shop/orders");
///     match reconciles.fetch_add(1, Ordering::Relaxed) {
///         0 => Requeue::After(Duration::from_millis(10)),
///         _ => Requeue::OnChange,
///     }
/// };
/// // It never ends by itself.
/// let run = workers.run(4, reconcile);
/// assert!(tokio::time::timeout(Duration::from_millis(500), run).await.is_err());
/// assert_eq!(reconciles.into_inner(), 2);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// The namespaces take turns:
///
/// ```
/// use std::sync::Mutex;
/// use std::time::Duration;
///
/// use koupleless_warden::k8s::{ObjectKey, Requeue, work_queue};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let (queue, workers) = work_queue();
/// for at in 0..100 {
///     queue.add(ObjectKey { namespace: "bulk".to_owned(), name: format!("large-{at}") });
/// }
/// queue.add(ObjectKey { namespace: "shop".to_owned(), name: "orders".to_owned() });
/// let order = Mutex::new(Vec::new());
/// let reconcile = async |key: ObjectKey| {
///     order.lock().unwrap().push(key.namespace);
///     tokio::time::sleep(Duration::from_millis(2)).await;
///     Requeue::OnChange
/// };
/// let _ = tokio::time::timeout(Duration::from_secs(1), workers.run(1, reconcile)).await;
/// let order = order.into_inner().unwrap();
/// assert!(order[..3].contains(&"shop".to_owned()), "{order:?}");
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct WorkQueue<K> {
    requests: UnboundedSender<ScheduleRequest<K>>,
}

/// The receiving end of a work queue, to be [run](Self::run) once.
#[derive(Debug)]
pub struct Workers<K> {
    requests: UnboundedReceiver<ScheduleRequest<K>>,
    /// Requeued keys are added like all others. It also keeps the queue open.
    queue: WorkQueue<K>,
}

/// A key of a work queue, which belongs to a group. Groups take turns at the workers.
pub trait Grouped {
    /// What a group is known by.
    type Group: Clone + Eq + Hash;

    /// The group of this key.
    fn group(&self) -> Self::Group;
}

/// The keys that are due and wait for a worker.
type Waiting<K> = RoundRobin<<K as Grouped>::Group, K>;

/// When to reconcile a key again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeue {
    /// When it is added again.
    OnChange,
    /// After this time, or when it is added again, whichever comes first.
    After(Duration),
}

/// An empty work queue, and its workers.
pub fn work_queue<K>() -> (WorkQueue<K>, Workers<K>) {
    let (sender, requests) = unbounded();
    let queue = WorkQueue { requests: sender };
    (queue.clone(), Workers { requests, queue })
}

impl<K> WorkQueue<K> {
    /// Adds a key, to be reconciled as soon as a worker is free.
    pub fn add(&self, key: K) {
        self.add_at(key, Instant::now());
    }

    /// Adds a key, to be reconciled after this delay.
    pub fn add_after(&self, key: K, delay: Duration) {
        // A time that an `Instant` cannot hold never comes.
        if let Some(at) = Instant::now().checked_add(delay) {
            self.add_at(key, at);
        }
    }

    fn add_at(&self, message: K, run_at: Instant) {
        // It fails only after the workers are dropped, when no key is reconciled any more.
        let _ = self.requests.unbounded_send(ScheduleRequest { message, run_at });
    }
}

impl<K> Clone for WorkQueue<K> {
    fn clone(&self) -> Self {
        Self { requests: self.requests.clone() }
    }
}

impl<K: Clone + Eq + Hash + Grouped> Workers<K> {
    /// Calls `reconcile` for each key that is due, for up to `concurrency` keys (at least one) at a time, until it is dropped.
    /// All of them run in the task that polls this: a reconcile awaits the API server, and must not block.
    ///
    /// The caller keeps any state of a key between reconciles. Since one key is reconciled by one worker at a time, a reconcile may
    /// take the state out of a map when it begins and put it back when it ends.
    pub async fn run<R>(self, concurrency: usize, reconcile: impl Fn(K) -> R)
    where
        R: Future<Output = Requeue>,
    {
        let Self { requests, queue } = self;
        let known = Arc::new(Mutex::new(HashSet::new()));
        let waits = Arc::clone(&known);
        // A key that waits for a worker is due already: a further request changes nothing.
        let requests = requests.filter(move |request| ready(!lock(&waits).contains(&request.message)));
        let mut due = pin!(scheduler(requests));
        let mut waiting = Waiting::<K>::default();
        let mut in_progress = HashSet::new();
        let mut running = FuturesUnordered::new();
        loop {
            while in_progress.len() < concurrency.max(1)
                && let Some(key) = waiting.pop()
            {
                lock(&known).remove(&key);
                in_progress.insert(key.clone());
                let reconcile = reconcile(key.clone());
                running.push(async move { (key, reconcile.await) });
            }
            tokio::select! {
                // First all that is due, so that the turns are among all groups. A due key that a worker has stays in the scheduler.
                biased;
                Some(key) = async { due.as_mut().hold_unless(|key| !in_progress.contains(key)).next().await } => {
                    if lock(&known).insert(key.clone()) {
                        waiting.push(key.group(), key);
                    }
                }
                Some((key, requeue)) = running.next() => {
                    in_progress.remove(&key);
                    if let Requeue::After(delay) = requeue {
                        queue.add_after(key, delay);
                    }
                }
            }
        }
    }
}

fn lock<K>(keys: &Mutex<HashSet<K>>) -> MutexGuard<'_, HashSet<K>> {
    // No operation on the set leaves it half changed.
    keys.lock().unwrap_or_else(PoisonError::into_inner)
}

/// By namespace.
impl Grouped for ObjectKey {
    type Group = String;

    fn group(&self) -> String {
        self.namespace.clone()
    }
}

/// As the key itself.
impl<K: Grouped> Grouped for Arc<K> {
    type Group = K::Group;

    fn group(&self) -> K::Group {
        K::group(self)
    }
}

#[cfg(test)]
mod tests;
