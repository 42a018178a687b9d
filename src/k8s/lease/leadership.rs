//! What a writer asks before every write.

use std::future;
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Whether this process is the leader, and for how long at least.
///
/// It compares the monotonic clock with the end of the term at every question, so that it is right also while the election
/// itself is stuck, or has been dropped.
#[derive(Debug, Clone)]
pub struct Leadership {
    term: watch::Receiver<Option<Instant>>,
}

impl Leadership {
    /// A leadership that nobody holds yet, and where the end of its term is told.
    pub(super) fn new() -> (watch::Sender<Option<Instant>>, Self) {
        let (sender, term) = watch::channel(None);
        (sender, Self { term })
    }

    /// How long this process may still write; none when it is not the leader. The time ends `renew_deadline` after the
    /// beginning of the last successful renewal. A write that takes longer than this may hit the next leader's.
    pub fn left(&self) -> Option<Duration> {
        left(*self.term.borrow(), Instant::now())
    }

    /// Waits until this process is the leader; for ever where the election has ended.
    pub async fn acquired(&self) {
        let mut term = self.term.clone();
        while left(*term.borrow_and_update(), Instant::now()).is_none() {
            if term.changed().await.is_err() {
                future::pending().await
            }
        }
    }

    /// Waits until this process is not the leader; returns at once where it is not.
    pub async fn lost(&self) {
        let mut term = self.term.clone();
        loop {
            let Some(left) = left(*term.borrow_and_update(), Instant::now()) else { return };
            let ended = tokio::select! {
                () = tokio::time::sleep(left) => false,
                changed = term.changed() => changed.is_err(),
            };
            if ended {
                // Nobody renews any more: what is left runs out.
                tokio::time::sleep(left).await;
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
    use std::time::Duration;

    use futures::FutureExt as _;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_term_that_nobody_renews_runs_out() {
        // Given a leader
        let (term, leadership) = Leadership::new();
        assert_eq!(leadership.left(), None);
        assert!(leadership.lost().now_or_never().is_some());
        term.send_replace(Some(Instant::now() + MOMENT));
        leadership.acquired().await;
        assert!(leadership.lost().now_or_never().is_none());
        // When the election is stuck
        leadership.lost().await;
        // Then the leader knows all the same
        assert_eq!(leadership.left(), None);
        assert!(leadership.acquired().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_renewed_term_goes_on_and_one_given_up_ends_at_once() {
        // Given somebody who waits for the end
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
    async fn what_is_left_stays_when_the_election_is_dropped() {
        let (term, leadership) = Leadership::new();
        term.send_replace(Some(Instant::now() + MOMENT));
        drop(term);
        assert!(leadership.left().is_some());
        leadership.lost().await;
        assert_eq!(leadership.left(), None);
    }
}
