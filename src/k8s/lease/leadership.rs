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
    term: watch::Receiver<Term>,
}

/// Publishes the term of a candidate to its writers.
#[derive(Debug)]
pub(super) struct TermSender(watch::Sender<Term>);

/// A term of leadership. A renewal in time prolongs it; after a lapse, another one begins.
#[derive(Debug, Clone, Copy, Default)]
struct Term {
    /// Tells it from those before and after.
    number: u64,
    /// When it ends or ended; none where none began.
    end: Option<Instant>,
}

impl TermSender {
    /// Publishes the end of the term, or that there is none.
    pub(super) fn publish(&self, end: Option<Instant>) {
        self.0.send_modify(|term| {
            // A lapse may be over before a task that waits for it runs, but not unseen: a reconcile may have found that it must
            // not write.
            if left(term.end, Instant::now()).is_none() {
                term.number += 1;
            }
            term.end = end;
        });
    }
}

impl Leadership {
    /// A leadership that is not acquired yet, and the sender that publishes the end of its term.
    pub(super) fn new() -> (TermSender, Self) {
        let (sender, term) = watch::channel(Term::default());
        (TermSender(sender), Self { term })
    }

    /// How long this process may still write; none when it is not the leader. The time ends `renew_deadline` after the last
    /// successful renewal was sent. A write that takes longer may run beside the next leader's.
    pub fn left(&self) -> Option<Duration> {
        left(self.term.borrow().end, Instant::now())
    }

    /// Waits until this process is the leader; for ever if the election has ended.
    pub async fn acquired(&self) {
        self.acquired_term().await;
    }

    /// Waits until this process is not the leader, or has not been for a moment; returns at once if it is not.
    pub async fn lost(&self) {
        let number = self.term.borrow().number;
        self.lost_term(number).await;
    }

    /// Runs `work` from its beginning each time that this process becomes the leader, and drops it when the leadership is lost:
    /// what it kept in memory is then gone, since another process may write in the meantime. Work that has seen that it does not
    /// lead ([`Self::left`]) is always begun anew. Returns only if `work` itself ends.
    pub async fn while_leading<W: Future<Output = ()>>(&self, mut work: impl FnMut() -> W) {
        loop {
            let number = self.acquired_term().await;
            tokio::select! {
                () = work() => return,
                () = self.lost_term(number) => {}
            }
        }
    }

    /// Waits until this process is the leader, and returns the number of its term.
    async fn acquired_term(&self) -> u64 {
        let mut term = self.term.clone();
        loop {
            let Term { number, end } = *term.borrow_and_update();
            if left(end, Instant::now()).is_some() {
                return number;
            }
            if term.changed().await.is_err() {
                future::pending().await
            }
        }
    }

    /// Waits until the term of this number is over.
    async fn lost_term(&self, number: u64) {
        let mut term = self.term.clone();
        loop {
            let now = *term.borrow_and_update();
            let left = left(now.end, Instant::now()).filter(|_| now.number == number);
            let Some(left) = left else { return };
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
    use rstest::rstest;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_term_that_is_not_renewed_runs_out() {
        // Given a leader
        let (term, leadership) = Leadership::new();
        assert_eq!(leadership.left(), None);
        assert!(leadership.lost().now_or_never().is_some());
        term.publish(Some(Instant::now() + MOMENT));
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
        term.publish(Some(Instant::now() + MOMENT));
        let waiting = tokio::spawn({
            let leadership = leadership.clone();
            async move { leadership.lost().await }
        });
        tokio::task::yield_now().await;
        // When the term is renewed
        term.publish(Some(Instant::now() + LONG));
        tokio::time::sleep(MOMENT * 2).await;
        // Then it goes on
        assert!(!waiting.is_finished() && leadership.left().is_some());
        // When it is given up
        term.publish(None);
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
        term.publish(Some(Instant::now() + LONG));
        assert_eq!(state(), (1, true));
        term.publish(None);
        // Then the work is dropped, and begun again
        assert_eq!(state(), (1, false));
        term.publish(Some(Instant::now() + LONG));
        assert_eq!(state(), (2, true));
    }

    #[rstest]
    #[case::renewed_in_time(Duration::ZERO, 1)]
    #[case::renewed_too_late(MOMENT * 2, 2)]
    #[tokio::test]
    async fn work_begins_anew_after_a_lapse_that_no_task_waited_for(#[case] pause: Duration, #[case] begun: u32) {
        // Given work under way
        let (term, leadership) = Leadership::new();
        term.publish(Some(Instant::now() + MOMENT));
        let begins = Cell::new(0);
        let mut run = pin!(leadership.while_leading(|| {
            begins.set(begins.get() + 1);
            future::pending()
        }));
        assert!(run.as_mut().now_or_never().is_none());
        // When the term has ended before the next one begins, and the task runs only then
        std::thread::sleep(pause);
        assert_eq!(leadership.left().is_none(), begun == 2);
        term.publish(Some(Instant::now() + LONG));
        std::thread::sleep(MOMENT * 2);
        // Then the work, which may have seen that it did not lead, is begun again
        assert!(run.as_mut().now_or_never().is_none());
        assert_eq!(begins.get(), begun);
    }

    #[tokio::test]
    async fn what_is_left_stays_when_the_election_is_dropped() {
        let (term, leadership) = Leadership::new();
        term.publish(Some(Instant::now() + MOMENT));
        drop(term);
        assert!(leadership.left().is_some());
        leadership.lost().await;
        assert_eq!(leadership.left(), None);
    }
}
