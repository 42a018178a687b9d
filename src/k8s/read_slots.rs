//! How many reads of lists run at a time, where users of Namespaces decide how often they are read.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many reads run at a time: each takes up to some pages of memory.
const READS_AT_ONCE: usize = 4;
/// How many of these may be of one Namespace: who has thousands of large objects there keeps no other Namespace waiting.
const READS_PER_NAMESPACE: usize = 1;

/// The slots of one kind of reads.
#[derive(Debug)]
pub(crate) struct ReadSlots {
    all: Arc<Semaphore>,
    of_namespaces: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// One read may run while this is held.
#[derive(Debug)]
pub(crate) struct ReadSlot {
    _of_namespace: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl ReadSlots {
    /// Waits until a read in `namespace` may run.
    pub(crate) async fn acquire(&self, namespace: &str) -> ReadSlot {
        let of_namespace = permit(self.of(namespace)).await;
        let of_all = permit(Arc::clone(&self.all)).await;
        ReadSlot { _of_namespace: of_namespace, _of_all: of_all }
    }

    fn of(&self, namespace: &str) -> Arc<Semaphore> {
        let mut of_namespaces = self.of_namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        of_namespaces.retain(|_, slots| slots.strong_count() > 0);
        if let Some(slots) = of_namespaces.get(namespace).and_then(Weak::upgrade) {
            return slots;
        }
        let slots = Arc::new(Semaphore::new(READS_PER_NAMESPACE));
        of_namespaces.insert(namespace.to_owned(), Arc::downgrade(&slots));
        slots
    }
}

async fn permit(semaphore: Arc<Semaphore>) -> OwnedSemaphorePermit {
    match semaphore.acquire_owned().await {
        Ok(permit) => permit,
        // Only a semaphore that is closed gives an error, and these never are.
        Err(_) => pending().await,
    }
}

impl Default for ReadSlots {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(READS_AT_ONCE)), of_namespaces: Mutex::default() }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_namespace_has_its_own_slots() {
        let slots = ReadSlots::default();
        let acquire = |namespace| slots.acquire(namespace).now_or_never();
        let reading = acquire("tenant").unwrap();
        assert!(acquire("tenant").is_none());
        assert!(acquire("shop").is_some());
        drop(reading);
        assert!(acquire("tenant").is_some());
    }

    #[test]
    fn reads_of_all_namespaces_together_are_bounded_too() {
        let slots = ReadSlots::default();
        let reading: Vec<_> =
            (0..READS_AT_ONCE).map(|number| slots.acquire(&number.to_string()).now_or_never().unwrap()).collect();
        assert!(slots.acquire("one more").now_or_never().is_none());
        drop(reading);
        assert!(slots.acquire("one more").now_or_never().is_some());
    }
}
