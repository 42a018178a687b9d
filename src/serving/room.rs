//! The connections there are.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::line::{Doing, Line, Rank};
use super::{Limits, Metrics};

/// All connections of a server; clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Room {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limits: Limits,
    metrics: Metrics,
    line: Mutex<Line<Door>>,
    /// How many there are, those included that were shown the door and are not through it yet.
    present: watch::Sender<usize>,
}

/// The place of one connection, for as long as this is held.
#[derive(Debug)]
pub(super) struct Seat {
    number: u64,
    door: Door,
    requests: watch::Sender<Requests>,
    room: Room,
}

/// How a connection learns that it has to leave.
#[derive(Debug, Clone, Default)]
struct Door {
    shown: CancellationToken,
    /// What it has under way is not waited for.
    at_once: Arc<AtomicBool>,
}

/// The requests of a connection.
#[derive(Debug, Clone, Copy, Default)]
struct Requests {
    /// All there ever were. A request may come and be answered before anybody looks: this tells.
    begun: u64,
    /// Those that have no answer yet.
    under_way: usize,
}

/// A request from its headers to its answer, or until it is given up.
#[derive(Debug)]
pub(super) struct UnderWay {
    seat: Arc<Seat>,
    is_sent: AtomicBool,
}

impl Room {
    pub(super) fn new(limits: Limits, metrics: Metrics) -> Self {
        let shared = Shared { limits, metrics, line: Mutex::default(), present: watch::Sender::new(0) };
        Self { shared: Arc::new(shared) }
    }

    /// A place for one more connection: somebody else's, where all are taken. None where nobody else can leave.
    pub(super) fn enter(&self) -> Option<Arc<Seat>> {
        let door = Door::default();
        let number = {
            let mut line = self.line();
            if line.len() >= self.shared.limits.connections && !self.show_one_out(&mut line) {
                drop(line);
                self.shared.metrics.turned_away();
                return None;
            }
            line.join(door.clone(), Instant::now())
        };
        self.shared.present.send_modify(|present| *present += 1);
        self.shared.metrics.connections(1);
        Some(Arc::new(Seat { number, door, requests: watch::Sender::default(), room: self.clone() }))
    }

    /// Shows one connection the door, where one can leave.
    pub(super) fn make_room(&self) {
        let _ = self.show_one_out(&mut self.line());
    }

    /// Waits until all have left.
    pub(super) async fn is_empty(&self) {
        // It cannot fail: the sender lives in what we hold. So it is below.
        let _ = self.shared.present.subscribe().wait_for(|present| *present == 0).await;
    }

    fn show_one_out(&self, line: &mut Line<Door>) -> bool {
        let Some((door, rank)) = line.show_one_out(Instant::now(), self.shared.limits.grace) else { return false };
        self.shared.metrics.shown_out(rank);
        // Its place is given away already: who takes long to send must not be waited for.
        door.at_once.store(rank == Rank::Sending, Ordering::Relaxed);
        door.shown.cancel();
        true
    }

    fn line(&self) -> MutexGuard<'_, Line<Door>> {
        // Nothing can be left half done under this lock.
        self.shared.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// A request, its headers just read.
    pub(super) fn begins(self: Arc<Self>) -> UnderWay {
        self.changes(|doing| {
            doing.asked = true;
            doing.sending += 1;
        });
        self.requests.send_modify(|requests| {
            requests.begun += 1;
            requests.under_way += 1;
        });
        UnderWay { seat: self, is_sent: AtomicBool::new(false) }
    }

    /// Waits until the connection is shown the door and has nothing under way. What an idle one began to ask before it heard
    /// of that is answered.
    pub(super) async fn is_shown_out(&self) {
        self.door.shown.cancelled().await;
        if self.door.at_once.load(Ordering::Relaxed) {
            return;
        }
        let _ = self.requests.subscribe().wait_for(|requests| requests.under_way == 0).await;
    }

    /// Waits until there was a request.
    pub(super) async fn has_asked(&self) {
        let _ = self.requests.subscribe().wait_for(|requests| requests.begun > 0).await;
    }

    /// Whether there was a request.
    pub(super) fn asked_before(&self) -> bool {
        self.requests.borrow().begun > 0
    }

    /// Waits until nothing was under way for so long.
    pub(super) async fn is_quiet_for(&self, patience: Duration) {
        let mut requests = self.requests.subscribe();
        loop {
            let news = tokio::time::timeout(patience, requests.changed()).await;
            if news.is_err() && requests.borrow().under_way == 0 {
                return;
            }
        }
    }

    fn changes(&self, change: impl FnOnce(&mut Doing)) {
        self.room.line().change(self.number, Instant::now(), change);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.line().leave(self.number);
        self.room.shared.metrics.connections(-1);
        self.room.shared.present.send_modify(|present| *present -= 1);
    }
}

impl UnderWay {
    /// Its body has come: from now on it is we who are waited for.
    pub(super) fn is_sent(&self) {
        if !self.is_sent.swap(true, Ordering::Relaxed) {
            self.seat.changes(|doing| {
                doing.sending -= 1;
                doing.answering += 1;
            });
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let is_sent = *self.is_sent.get_mut();
        self.seat.changes(|doing| if is_sent { doing.answering -= 1 } else { doing.sending -= 1 });
        self.seat.requests.send_modify(|requests| requests.under_way -= 1);
    }
}
