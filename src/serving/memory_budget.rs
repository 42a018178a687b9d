//! Limits the memory that the headers and bodies of all requests take together.

use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection_limiter::RequestGuard;
use super::heap_estimate::heap_estimate;
use super::{Limits, Metrics};

/// How much of each body is reserved from the budget for ordinary bodies, in bytes of memory. The review of a module is
/// estimated at about 100 KiB, the review of an update at about 300 KiB.
const ORDINARY_BODY: usize = 1024 * 1024;

/// The memory budget of one server. Clones share it.
///
/// What a body takes beyond [`ORDINARY_BODY`] comes from a second budget, so that clients with large bodies get in the way of
/// each other only.
#[derive(Debug, Clone)]
pub(super) struct MemoryBudget {
    ordinary: Pool,
    large: Pool,
    metrics: Metrics,
}

/// Bytes of memory that can be reserved.
#[derive(Debug, Clone)]
struct Pool {
    size: usize,
    free: Arc<Semaphore>,
}

/// The memory that is reserved for one request, until this is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    budget: MemoryBudget,
    reserved: Mutex<Reserved>,
}

#[derive(Debug, Default)]
struct Reserved {
    bytes: usize,
    ordinary: Option<OwnedSemaphorePermit>,
    large: Option<OwnedSemaphorePermit>,
    denied: Option<Denied>,
}

/// Why a request gets no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// Other requests hold the memory now.
    Exhausted,
    /// The request needs more than the whole budget.
    TooLarge,
}

/// A body that reserves memory for each of its chunks before it passes the chunk on.
#[derive(Debug)]
pub(super) struct MeteredBody {
    body: Incoming,
    reservation: Arc<Reservation>,
    request: Arc<RequestGuard>,
}

impl MemoryBudget {
    pub(super) fn new(limits: &Limits, metrics: Metrics) -> Self {
        Self { ordinary: Pool::new(limits.body_memory), large: Pool::new(limits.large_body_memory), metrics }
    }

    /// Returns an empty reservation for one request.
    pub(super) fn reservation(&self) -> Reservation {
        Reservation { budget: self.clone(), reserved: Mutex::default() }
    }

    /// Records the first time that memory is denied.
    fn deny(&self, reserved: &mut Reserved, fits_alone: bool) -> Denied {
        *reserved.denied.get_or_insert_with(|| {
            self.metrics.refused_body();
            if fits_alone { Denied::Exhausted } else { Denied::TooLarge }
        })
    }
}

impl Pool {
    fn new(size: usize) -> Self {
        Self { size, free: Arc::new(Semaphore::new(size)) }
    }

    /// Adds `bytes` of this pool to `held`. Returns false and adds nothing if that much is not free.
    fn reserve(&self, held: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> bool {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        match Arc::clone(&self.free).try_acquire_many_owned(bytes) {
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
}

impl Reservation {
    /// Why memory was denied; none if everything that has arrived so far has its memory.
    pub(super) fn denied(&self) -> Option<Denied> {
        self.reserved().denied
    }

    /// Reserves memory for headers that take `bytes`. They come from the budget for ordinary bodies, and do not count as a part of
    /// the body.
    ///
    /// Without this, 64 requests on each of 1,024 connections over HTTP/2, each with 16 KiB of headers and a body that does not
    /// end, would hold 1 GiB.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub(super) fn add_headers(&self, bytes: usize) -> Result<(), Denied> {
        let (mut reserved, ordinary) = (self.reserved(), &self.budget.ordinary);
        if ordinary.reserve(&mut reserved.ordinary, bytes) {
            return Ok(());
        }
        Err(self.budget.deny(&mut reserved, bytes <= ordinary.size))
    }

    /// Reserves memory for one more chunk. Returns false if there is not enough.
    fn extend(&self, chunk: &[u8]) -> bool {
        let (mut reserved, bytes) = (self.reserved(), heap_estimate(chunk));
        let MemoryBudget { ordinary, large, metrics } = &self.budget;
        let first = bytes.min(ORDINARY_BODY.saturating_sub(reserved.bytes));
        let granted =
            ordinary.reserve(&mut reserved.ordinary, first) && large.reserve(&mut reserved.large, bytes - first);
        if granted {
            reserved.bytes += bytes;
            metrics.add_body_memory(signed(bytes));
        } else {
            let fits_alone = reserved.bytes + bytes <= ORDINARY_BODY.min(ordinary.size) + large.size;
            self.budget.deny(&mut reserved, fits_alone);
        }
        granted
    }

    fn reserved(&self) -> MutexGuard<'_, Reserved> {
        // No code panics halfway through a change while it holds this lock, so the content is consistent.
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.metrics.add_body_memory(-signed(self.reserved().bytes));
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

impl MeteredBody {
    pub(super) fn new(body: Incoming, reservation: Arc<Reservation>, request: Arc<RequestGuard>) -> Self {
        Self { body, reservation, request }
    }
}

impl Body for MeteredBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(match ready!(Pin::new(&mut self.body).poll_frame(context)?) {
            Some(frame) if frame.data_ref().is_none_or(|chunk| self.reservation.extend(chunk)) => Some(Ok(frame)),
            Some(_) => Some(Err("no memory for the body".into())),
            None => {
                self.request.set_arrived();
                None
            }
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
