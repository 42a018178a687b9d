//! How much memory bodies take at a time.

use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Metrics;
use super::room::UnderWay;
use super::weight::weight;

/// So much of every body's weight counts as small. The review of a module weighs some 100 KiB, that of an update some
/// 300 KiB.
const SMALL: usize = 1024 * 1024;

/// For all bodies together, each up to [`SMALL`]: a hundred ordinary reviews at a time, each of which is answered within a
/// millisecond or two of its last byte.
const ROOM_FOR_SMALL: usize = 32 * 1024 * 1024;

/// For all that bodies weigh beyond [`SMALL`]. Any one object that etcd stores has room here, though not two of the worst at
/// a time: the update of a Deployment with 10,000 variables weighs 90 MiB, for its managed fields alone are 80,000 small
/// objects. These have no part in the room of the others, so that whoever sends large ones is in nobody's way but theirs. Both
/// rooms and the 30 MiB of an idle process are less than the chart's limit of memory.
const ROOM_FOR_LARGE: usize = 160 * 1024 * 1024;

/// The room for bodies of a server; clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Bodies {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    metrics: Metrics,
}

/// What is held for one request, until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    bodies: Bodies,
    parts: Mutex<Parts>,
}

#[derive(Debug, Default)]
struct Parts {
    weight: usize,
    small: Option<OwnedSemaphorePermit>,
    large: Option<OwnedSemaphorePermit>,
    refused: Option<Refused>,
}

/// Why a body finds no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Others have taken it.
    ForNow,
    /// There is not so much even where there are no others.
    ForGood,
}

/// A body on its way in, which counts.
#[derive(Debug)]
pub(super) struct Counted {
    body: Incoming,
    held: Arc<Held>,
    under_way: Arc<UnderWay>,
}

impl Bodies {
    pub(super) fn new(metrics: Metrics) -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { small: semaphore(ROOM_FOR_SMALL), large: semaphore(ROOM_FOR_LARGE), metrics }
    }

    /// Nothing yet, for one request.
    pub(super) fn hold(&self) -> Held {
        Held { bodies: self.clone(), parts: Mutex::default() }
    }
}

impl Held {
    /// Why there was no room for all of the body; none where there was.
    pub(super) fn refused(&self) -> Option<Refused> {
        self.parts().refused
    }

    /// A part more; false where there is no room for it.
    fn takes(&self, part: &[u8]) -> bool {
        let (mut parts, weight) = (self.parts(), weight(part));
        let small = weight.min(SMALL.saturating_sub(parts.weight));
        let has_room = more(&self.bodies.small, &mut parts.small, small)
            && more(&self.bodies.large, &mut parts.large, weight - small);
        if has_room {
            parts.weight += weight;
            self.bodies.metrics.body_memory(signed(weight));
        } else if parts.refused.is_none() {
            let ever = parts.weight + weight <= SMALL + ROOM_FOR_LARGE;
            parts.refused = Some(if ever { Refused::ForNow } else { Refused::ForGood });
            self.bodies.metrics.refused_body();
        }
        has_room
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        // Nothing can be left half done under this lock.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.bodies.metrics.body_memory(-signed(self.parts().weight));
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Adds `bytes` of `room` to what is held of it.
fn more(room: &Arc<Semaphore>, held: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> bool {
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    match Arc::clone(room).try_acquire_many_owned(bytes) {
        Ok(permit) => {
            match held {
                Some(held) => held.merge(permit),
                None => *held = Some(permit),
            }
            true
        }
        Err(_) => false,
    }
}

impl Counted {
    pub(super) fn new(body: Incoming, held: Arc<Held>, under_way: Arc<UnderWay>) -> Self {
        Self { body, held, under_way }
    }
}

impl Body for Counted {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(match ready!(Pin::new(&mut self.body).poll_frame(context)?) {
            Some(frame) if frame.data_ref().is_none_or(|data| self.held.takes(data)) => Some(Ok(frame)),
            Some(_) => Some(Err("no room for the body".into())),
            None => {
                self.under_way.is_sent();
                None
            }
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
