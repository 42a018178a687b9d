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
mod tests {
    use futures::FutureExt as _;
    use tokio::sync::{Notify, Semaphore};

    use super::*;

    /// Longer than anything takes here.
    const LONG: Duration = Duration::from_secs(20);

    /// The group is what stands before a slash.
    impl Grouped for &'static str {
        type Group = &'static str;

        fn group(&self) -> &'static str {
            self.split_once('/').map_or("", |(group, _)| group)
        }
    }

    impl Grouped for u8 {
        type Group = ();

        fn group(&self) {}
    }

    /// What workers did, in order.
    #[derive(Default)]
    struct Log {
        entries: Mutex<Vec<String>>,
        grown: Notify,
    }

    impl Log {
        fn add(&self, entry: impl Into<String>) {
            self.entries.lock().unwrap().push(entry.into());
            self.grown.notify_one();
        }

        fn entries(&self) -> Vec<String> {
            self.entries.lock().unwrap().clone()
        }

        /// Waits for so many entries.
        async fn holds(&self, count: usize) -> Vec<String> {
            while self.entries().len() < count {
                self.grown.notified().await;
            }
            self.entries()
        }
    }

    /// Runs these workers until the test is over.
    async fn beside<R>(run: impl Future<Output = ()>, test: impl Future<Output = R>) -> R {
        tokio::select! {
            () = run => unreachable!("workers never end"),
            result = tokio::time::timeout(LONG, test) => result.unwrap(),
        }
    }

    /// Waits, by the clock of a test that moves when all is idle, until each key that was added has reached the workers.
    async fn all_are_due() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    #[tokio::test]
    async fn a_key_that_is_added_several_times_is_reconciled_once() {
        // Given a key that was added three times, before another one
        let (queue, workers) = work_queue();
        for key in ["a", "a", "a", "b"] {
            queue.add(key);
        }
        let log = Log::default();
        let run = workers.run(1, async |key| {
            log.add(key);
            Requeue::OnChange
        });
        // When workers have done all there is
        let mut done = beside(run, log.holds(2)).await;
        // Then each was worked on once
        done.sort_unstable();
        assert_eq!(done, ["a", "b"]);
    }

    #[tokio::test]
    async fn a_key_is_never_reconciled_twice_at_a_time_and_once_more_after_it_was_added_meanwhile() {
        // Given many workers, of which one works on a key
        let (queue, workers) = work_queue();
        let (log, gate) = (Log::default(), Semaphore::new(0));
        let run = workers.run(8, async |key: &str| {
            log.add(format!("{key} begins"));
            gate.acquire().await.unwrap().forget();
            log.add(format!("{key} ends"));
            Requeue::OnChange
        });
        queue.add("a");
        let test = async {
            log.holds(1).await;
            // When it is added twice meanwhile, and another one after it
            queue.add("a");
            queue.add("a");
            queue.add("b");
            // Then the other one is worked on, and the first waits for its own worker
            assert_eq!(log.holds(2).await, ["a begins", "b begins"]);
            gate.add_permits(8);
            log.holds(6).await
        };
        let mut of_a = beside(run, test).await;
        of_a.retain(|entry| entry.starts_with('a'));
        assert_eq!(of_a, ["a begins", "a ends", "a begins", "a ends"]);
    }

    #[tokio::test(start_paused = true)]
    async fn groups_take_turns() {
        // Given one worker that is busy, a hundred keys of one group that wait for it, and after them two of another
        let keys: Vec<&'static str> = (0..100).map(|at| &*Box::leak(format!("bulk/{at}").into_boxed_str())).collect();
        let (queue, workers) = work_queue();
        let (log, gate) = (Log::default(), Semaphore::new(0));
        let run = workers.run(1, async |key: &'static str| {
            log.add(key);
            gate.acquire().await.unwrap().forget();
            Requeue::OnChange
        });
        keys.iter().for_each(|key| queue.add(key));
        let test = async {
            log.holds(1).await;
            ["shop/orders", "shop/stock"].into_iter().for_each(|key| queue.add(key));
            all_are_due().await;
            // When the worker goes on
            gate.add_permits(1000);
            log.holds(102).await
        };
        let done = beside(run, test).await;
        // Then each group has every second turn, as long as it has keys
        let others: Vec<usize> = (0..done.len()).filter(|at| done[*at].starts_with("shop/")).collect();
        assert!(others[1] <= 4, "{others:?}");
        assert_eq!(done.iter().collect::<HashSet<_>>().len(), 102, "a key was reconciled twice");
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_waits_for_a_worker_is_not_requested_once_more() {
        // Given one worker that is busy, and another key that waits for it
        let (queue, workers) = work_queue();
        let (log, gate) = (Log::default(), Semaphore::new(0));
        let run = workers.run(1, async |key: &'static str| {
            log.add(key);
            gate.acquire().await.unwrap().forget();
            Requeue::OnChange
        });
        queue.add("a");
        let test = async {
            log.holds(1).await;
            queue.add("b");
            all_are_due().await;
            // When it is added again, also for later
            queue.add("b");
            queue.add_after("b", Duration::from_secs(1));
            all_are_due().await;
            gate.add_permits(1000);
            // Then it is reconciled once
            log.holds(2).await;
            queue.add_after("c", Duration::from_secs(2));
            log.holds(3).await
        };
        assert_eq!(beside(run, test).await, ["a", "b", "c"]);
    }

    #[tokio::test]
    async fn no_more_keys_are_reconciled_at_a_time_than_there_are_workers() {
        // Given ten keys, and workers for three that do not end
        let (queue, workers) = work_queue();
        (0..10).for_each(|key| queue.add(key));
        let log = Log::default();
        let mut run = pin!(workers.run(3, async |key: u8| {
            log.add(key.to_string());
            std::future::pending().await
        }));
        // When they have begun with all that they can
        for _ in 0..100 {
            assert!(run.as_mut().now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        // Then these are three
        assert_eq!(log.entries().len(), 3);
    }

    #[tokio::test]
    async fn keys_that_are_added_again_and_again_while_all_workers_are_busy_take_no_memory() {
        /// A key that counts its copies.
        #[derive(Clone, PartialEq, Eq, Hash)]
        struct Key(u8, Arc<()>);
        impl Grouped for Key {
            type Group = ();

            fn group(&self) {}
        }
        // Given workers that are all busy
        let (queue, workers) = work_queue();
        let copies = Arc::new(());
        queue.add(Key(0, Arc::clone(&copies)));
        let mut run = pin!(workers.run(1, async |_| std::future::pending().await));
        assert!(run.as_mut().now_or_never().is_none());
        // When other keys are added a thousand times
        for _ in 0..100 {
            (1..=10).for_each(|key| queue.add(Key(key, Arc::clone(&copies))));
            assert!(run.as_mut().now_or_never().is_none());
        }
        // Then each is kept once, in as few places as the queue has
        assert!(Arc::strong_count(&copies) < 50, "{} copies", Arc::strong_count(&copies));
    }

    #[tokio::test]
    async fn the_earliest_request_wins() {
        // Given a key that is due in an hour
        let (queue, workers) = work_queue();
        queue.add_after("a", Duration::from_secs(3600));
        let log = Log::default();
        let run = workers.run(1, async |key| {
            log.add(key);
            // And that asks for an hour more each time
            Requeue::After(Duration::from_secs(3600))
        });
        // When it is added at once, twice, then it is worked on at once, twice
        let test = async {
            queue.add("a");
            log.holds(1).await;
            queue.add("a");
            log.holds(2).await
        };
        assert_eq!(beside(run, test).await, ["a", "a"]);
    }

    #[tokio::test]
    async fn a_requeued_key_is_reconciled_again_after_its_delay() {
        let delay = Duration::from_millis(50);
        let (queue, workers) = work_queue();
        queue.add("a");
        let (log, began) = (Log::default(), Instant::now());
        let run = workers.run(1, async |key| {
            log.add(key);
            Requeue::After(delay)
        });

        beside(run, log.holds(3)).await;

        assert!(began.elapsed() >= 2 * delay, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_delay_beyond_all_time_never_ends() {
        let (queue, workers) = work_queue();
        queue.add_after("a", Duration::MAX);

        assert!(workers.run(1, async |_| Requeue::OnChange).now_or_never().is_none());
    }
}
