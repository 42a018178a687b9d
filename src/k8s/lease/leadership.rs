//! Whether this process leads, and for how long.

use std::future;
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Whether this process is the leader, and for how long at least.
///
/// Every call compares the monotonic clock with the end of the term, so that it is right also while the election is stuck or has
/// been dropped. Clones are about the same Lease: several controllers may share one leadership.
#[derive(Debug, Clone)]
pub struct Leadership {
    term: watch::Receiver<Option<Instant>>,
}

impl Leadership {
    /// A leadership that is not acquired yet, and the sender that publishes the end of its term.
    pub(super) fn new() -> (watch::Sender<Option<Instant>>, Self) {
        let (sender, term) = watch::channel(None);
        (sender, Self { term })
    }

    /// How long this process may still write; none when it is not the leader. The time ends `renew_deadline` after the last
    /// successful renewal was sent. A write that takes longer may run beside the next leader's.
    pub fn left(&self) -> Option<Duration> {
        left(*self.term.borrow(), Instant::now())
    }

    /// Waits until this process is the leader; for ever if the election has ended.
    pub async fn acquired(&self) {
        let mut term = self.term.clone();
        while left(*term.borrow_and_update(), Instant::now()).is_none() {
            if term.changed().await.is_err() {
                future::pending().await
            }
        }
    }

    /// Waits until this process is not the leader; returns at once if it is not.
    pub async fn lost(&self) {
        let mut term = self.term.clone();
        loop {
            let Some(left) = left(*term.borrow_and_update(), Instant::now()) else { return };
            let ended = tokio::select! {
                () = tokio::time::sleep(left) => false,
                changed = term.changed() => changed.is_err(),
            };
            if ended {
                // The election has ended, so no renewal will come: the rest of the term runs out.
                tokio::time::sleep(left).await;
            }
        }
    }

    /// Runs `work` from its beginning each time that this process becomes the leader, and drops it when the leadership is lost:
    /// what it kept in memory is then gone, since another process may write in the meantime. Returns only if `work` itself ends.
    pub async fn while_leading<W: Future<Output = ()>>(&self, mut work: impl FnMut() -> W) {
        loop {
            self.acquired().await;
            tokio::select! {
                () = work() => return,
                () = self.lost() => {}
            }
        }
    }
}

/// What is left at `now` of a term that ends at `end`.
pub(super) fn left(end: Option<Instant>, now: Instant) -> Option<Duration> {
    end?.checked_duration_since(now).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;
    use std::rc::Rc;
    use std::time::Duration;

    use futures::FutureExt as _;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_term_that_is_not_renewed_runs_out() {
        // Given a leader
        let (term, leadership) = Leadership::new();
        assert_eq!(leadership.left(), None);
        assert!(leadership.lost().now_or_never().is_some());
        term.send_replace(Some(Instant::now() + MOMENT));
        leadership.acquired().await;
        assert!(leadership.lost().now_or_never().is_none());
        // When the election is stuck
        leadership.lost().await;
        // Then the leadership is lost all the same
        assert_eq!(leadership.left(), None);
        assert!(leadership.acquired().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_renewed_term_goes_on_and_one_given_up_ends_at_once() {
        // Given a task that waits for the end
        let (term, leadership) = Leadership::new();
        term.send_replace(Some(Instant::now() + MOMENT));
        let waiting = tokio::spawn({
            let leadership = leadership.clone();
            async move { leadership.lost().await }
        });
        tokio::task::yield_now().await;
        // When the term is renewed
        term.send_replace(Some(Instant::now() + LONG));
        tokio::time::sleep(MOMENT * 2).await;
        // Then it goes on
        assert!(!waiting.is_finished() && leadership.left().is_some());
        // When it is given up
        term.send_replace(None);
        // Then it has ended
        tokio::time::timeout(LONG, waiting).await.unwrap().unwrap();
        assert_eq!(leadership.left(), None);
    }

    #[tokio::test]
    async fn work_begins_anew_with_each_leadership_and_is_dropped_at_its_end() {
        // Given work that counts its beginnings, and whether it is under way
        let (term, leadership) = Leadership::new();
        let (begun, under_way) = (Cell::new(0), Rc::new(()));
        let work = || {
            begun.set(begun.get() + 1);
            let under_way = Rc::clone(&under_way);
            async move {
                future::pending::<()>().await;
                drop(under_way);
            }
        };
        let mut run = pin!(leadership.while_leading(work));
        let mut state = || {
            assert!(run.as_mut().now_or_never().is_none());
            (begun.get(), Rc::strong_count(&under_way) > 1)
        };
        assert_eq!(state(), (0, false));
        // When the leadership is acquired, lost and acquired again
        term.send_replace(Some(Instant::now() + LONG));
        assert_eq!(state(), (1, true));
        term.send_replace(None);
        // Then the work is dropped, and begun again
        assert_eq!(state(), (1, false));
        term.send_replace(Some(Instant::now() + LONG));
        assert_eq!(state(), (2, true));
    }

    #[tokio::test]
    async fn what_is_left_stays_when_the_election_is_dropped() {
        let (term, leadership) = Leadership::new();
        term.send_replace(Some(Instant::now() + MOMENT));
        drop(term);
        assert!(leadership.left().is_some());
        leadership.lost().await;
        assert_eq!(leadership.left(), None);
    }
}
