//! Workers, their keys, and the turns of groups.

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
