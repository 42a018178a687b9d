//! Limits how many connections are open at a time, and evicts one to accept another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::eviction_queue::{Activity, EvictionQueue, EvictionRank};
use super::{Limits, Metrics};

/// The open connections of one server. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct ConnectionLimiter {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limits: Limits,
    metrics: Metrics,
    queue: Mutex<EvictionQueue<Eviction>>,
    /// The number of open connections, including those that were evicted and have not closed yet.
    open: watch::Sender<usize>,
}

/// The slot that one connection occupies until it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    id: u64,
    eviction: Eviction,
    requests: watch::Sender<Requests>,
    limiter: ConnectionLimiter,
}

/// Tells a connection that it is evicted.
#[derive(Debug, Clone, Default)]
struct Eviction {
    evicted: CancellationToken,
    /// Whether the connection closes without finishing the requests in progress.
    at_once: Arc<AtomicBool>,
}

/// The requests of one connection.
#[derive(Debug, Clone, Copy, Default)]
struct Requests {
    /// All requests so far. A request may begin and end between two polls; this counter shows it nevertheless.
    begun: u64,
    /// The requests that are not answered yet.
    in_progress: usize,
}

/// One request, from its headers until it is answered or given up.
#[derive(Debug)]
pub(super) struct RequestGuard {
    slot: Arc<ConnectionSlot>,
    has_arrived: AtomicBool,
}

impl ConnectionLimiter {
    pub(super) fn new(limits: Limits, metrics: Metrics) -> Self {
        let shared = Shared { limits, metrics, queue: Mutex::default(), open: watch::Sender::new(0) };
        Self { shared: Arc::new(shared) }
    }

    /// Returns a slot for a new connection. If all slots are taken, another connection is evicted; if none can be evicted, the
    /// new connection gets no slot.
    pub(super) fn acquire(&self) -> Option<Arc<ConnectionSlot>> {
        let eviction = Eviction::default();
        let id = {
            let mut queue = self.queue();
            if queue.len() >= self.shared.limits.connections && !self.evict_from(&mut queue) {
                drop(queue);
                self.shared.metrics.rejected_connection();
                return None;
            }
            queue.add(eviction.clone(), Instant::now())
        };
        self.shared.open.send_modify(|open| *open += 1);
        self.shared.metrics.add_connections(1);
        Some(Arc::new(ConnectionSlot { id, eviction, requests: watch::Sender::default(), limiter: self.clone() }))
    }

    /// Evicts one connection, if one can be evicted.
    pub(super) fn evict(&self) {
        let _ = self.evict_from(&mut self.queue());
    }

    /// Waits until all connections have closed.
    pub(super) async fn all_closed(&self) {
        // `wait_for` fails only after the sender is dropped, and `self` holds the sender. The same is true below.
        let _ = self.shared.open.subscribe().wait_for(|open| *open == 0).await;
    }

    fn evict_from(&self, queue: &mut EvictionQueue<Eviction>) -> bool {
        let Some((eviction, rank)) = queue.evict(Instant::now(), self.shared.limits.grace) else { return false };
        self.shared.metrics.evicted_connection(rank);
        // The slot is given away already, so a slow sender must not keep its connection until it has sent everything.
        eviction.at_once.store(rank == EvictionRank::Sending, Ordering::Relaxed);
        eviction.evicted.cancel();
        true
    }

    fn queue(&self) -> MutexGuard<'_, EvictionQueue<Eviction>> {
        // No code panics halfway through a change while it holds this lock, so the content is consistent.
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionSlot {
    /// Registers a request whose headers have arrived.
    pub(super) fn begin_request(self: Arc<Self>) -> RequestGuard {
        self.update(|activity| {
            activity.had_request = true;
            activity.receiving += 1;
        });
        self.requests.send_modify(|requests| {
            requests.begun += 1;
            requests.in_progress += 1;
        });
        RequestGuard { slot: self, has_arrived: AtomicBool::new(false) }
    }

    /// Waits until the connection is evicted and has no request in progress. A request that an idle connection sends before it
    /// hears of its eviction is answered.
    pub(super) async fn evicted(&self) {
        self.eviction.evicted.cancelled().await;
        if self.eviction.at_once.load(Ordering::Relaxed) {
            return;
        }
        let _ = self.requests.subscribe().wait_for(|requests| requests.in_progress == 0).await;
    }

    /// Waits until the first request has begun.
    pub(super) async fn first_request(&self) {
        let _ = self.requests.subscribe().wait_for(|requests| requests.begun > 0).await;
    }

    /// Whether any request has begun so far.
    pub(super) fn had_request(&self) -> bool {
        self.requests.borrow().begun > 0
    }

    /// Waits until no request has been in progress for `duration`.
    pub(super) async fn idle_for(&self, duration: Duration) {
        let mut requests = self.requests.subscribe();
        loop {
            let changed = tokio::time::timeout(duration, requests.changed()).await;
            if changed.is_err() && requests.borrow().in_progress == 0 {
                return;
            }
        }
    }

    fn update(&self, change: impl FnOnce(&mut Activity)) {
        self.limiter.queue().update(self.id, Instant::now(), change);
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.limiter.queue().remove(self.id);
        self.limiter.shared.metrics.add_connections(-1);
        self.limiter.shared.open.send_modify(|open| *open -= 1);
    }
}

impl RequestGuard {
    /// Notes that the body has arrived: from now on the client waits for us, and the connection is not evicted.
    pub(super) fn set_arrived(&self) {
        if !self.has_arrived.swap(true, Ordering::Relaxed) {
            self.slot.update(|activity| {
                activity.receiving -= 1;
                activity.answering += 1;
            });
        }
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let has_arrived = *self.has_arrived.get_mut();
        self.slot.update(|activity| if has_arrived { activity.answering -= 1 } else { activity.receiving -= 1 });
        self.slot.requests.send_modify(|requests| requests.in_progress -= 1);
    }
}
