//! Runs work while this process holds a Lease, and stops both in the right order.

use futures::FutureExt as _;
use futures::future::select_all;
use kube::Client;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{LeaderMetrics, Leadership, LeaseSettings, elect};

/// An election over one Lease, and the work that this process does while it holds it.
///
/// One Lease may stand for several controllers: the work gets one [`Leadership`], which each of them clones, and is the future of
/// all of them. They write while it lasts ([`Leadership::write_within`]), and begin anew when it is acquired again
/// ([`Leadership::while_leading`]).
///
/// # RBAC
/// It needs `get`, `create` and `update` of `leases` in the group `coordination.k8s.io`, in the namespace of the Lease; and what
/// the work needs.
///
/// ```no_run
/// use koupleless_warden::k8s::{LeaderMetrics, LeaderTask, Leadership, LeaseSettings};
///
/// async fn scaler(leadership: Leadership) {
///     leadership.while_leading(async || std::future::pending().await).await;
/// }
/// # async fn cleaner(leadership: Leadership) { scaler(leadership).await }
/// # async fn start(client: kube::Client, lease: LeaseSettings, caches_synced: impl Future<Output = ()> + Send + 'static) {
/// // Two controllers under one Lease; the election begins once the caches are synced.
/// let work = |leadership: Leadership| async {
///     tokio::select! {
///         () = scaler(leadership.clone()) => {}
///         () = cleaner(leadership) => {}
///     }
/// };
/// let mut tasks = [LeaderTask::start(client, caches_synced, lease, LeaderMetrics::default(), work)];
/// tokio::select! {
///     _ = tokio::signal::ctrl_c() => {}
///     ended = LeaderTask::first_end_of(&mut tasks) => eprintln!("{ended}"),
/// }
/// for task in tasks {
///     task.stop().await;
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct LeaderTask {
    lease: String,
    work: JoinHandle<Option<()>>,
    stop_work: CancellationToken,
    election: JoinHandle<()>,
    stop_election: CancellationToken,
}

impl LeaderTask {
    /// Starts `work`, which gets the leadership over `lease` and must not end. Starts the election when `warm` has ended: until
    /// then another process, whose stores are synced, should lead. `metrics` shows whether this process leads.
    ///
    /// It must be called within a tokio runtime. Both go on when this is dropped; [`Self::stop`] ends them.
    pub fn start<W>(
        client: Client,
        warm: impl Future<Output = ()> + Send + 'static,
        lease: LeaseSettings,
        metrics: LeaderMetrics,
        work: impl FnOnce(Leadership) -> W,
    ) -> Self
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let (stop_work, stop_election) = (CancellationToken::new(), CancellationToken::new());
        let name = lease.name.clone();
        let (leadership, election) = elect(client, lease, stop_election.clone());
        let stopped = stop_election.clone();
        let election = tokio::spawn(async move {
            if stopped.run_until_cancelled_owned(warm).await.is_some() {
                election.await;
            }
        });
        let shown = metrics.show(name.clone(), leadership.clone());
        let work = work(leadership);
        let work = async {
            tokio::select! {
                () = work => {}
                () = shown => {}
            }
        };
        let work = tokio::spawn(stop_work.clone().run_until_cancelled_owned(work));
        Self { lease: name, work, stop_work, election, stop_election }
    }

    /// Waits until the work or the election of any of these tasks has ended, which is always a fault, and returns which one. Never
    /// returns if there are no tasks.
    pub async fn first_end_of(tasks: &mut [Self]) -> String {
        if tasks.is_empty() {
            return std::future::pending().await;
        }
        select_all(tasks.iter_mut().map(|task| task.first_end().boxed())).await.0
    }

    async fn first_end(&mut self) -> String {
        tokio::select! {
            ended = &mut self.work => format!("the work under lease {} ended: {ended:?}", self.lease),
            ended = &mut self.election => format!("the election over lease {} ended: {ended:?}", self.lease),
        }
    }

    /// Ends the work, and then releases the Lease. In the other order the next leader could write beside this process. What had
    /// ended before is reported by [`Self::first_end_of`].
    pub async fn stop(self) {
        self.stop_work.cancel();
        if !self.work.is_finished() {
            let _ = self.work.await;
        }
        self.stop_election.cancel();
        if !self.election.is_finished() {
            let _ = self.election.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;
    use crate::k8s::testing::lease_server;

    /// Longer than anything takes here.
    const LONG: Duration = Duration::from_secs(20);

    /// What happened, in order.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<String>>>);

    impl Log {
        fn add(&self, entry: impl Into<String>) {
            self.0.lock().unwrap().push(entry.into());
        }

        fn entries(&self) -> Vec<String> {
            self.0.lock().unwrap().clone()
        }
    }

    /// Work that adds to the log when it is dropped.
    struct Dropped(Log);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.add("the work is dropped");
        }
    }

    /// An API server that logs the holder of each write of the Lease.
    fn api_server(log: Log) -> Client {
        lease_server(move |holder| log.add(format!("the lease is held by {holder:?}")))
    }

    fn lease() -> LeaseSettings {
        LeaseSettings::new("default", "warden", "me")
    }

    #[tokio::test]
    async fn the_election_waits_until_the_caches_are_warm() {
        // Given caches that are not warm
        let log = Log::default();
        let (warm, is_warm) = oneshot::channel();
        let warmed = async { is_warm.await.unwrap() };
        let (leads, is_leading) = oneshot::channel();
        let task =
            LeaderTask::start(api_server(log.clone()), warmed, lease(), LeaderMetrics::default(), |it| async move {
                it.acquired().await;
                leads.send(()).unwrap();
                pending().await
            });
        tokio::task::yield_now().await;
        assert_eq!(log.entries(), [""; 0]);
        // When they are
        warm.send(()).unwrap();
        // Then it leads
        tokio::time::timeout(LONG, is_leading).await.unwrap().unwrap();
        assert_eq!(log.entries(), [r#"the lease is held by "me""#]);
        task.stop().await;
    }

    #[tokio::test]
    async fn the_work_ends_before_the_lease_is_released() {
        // Given work under way
        let log = Log::default();
        let (leads, is_leading) = oneshot::channel();
        let warm = std::future::ready(());
        let dropped = Dropped(log.clone());
        let task =
            LeaderTask::start(api_server(log.clone()), warm, lease(), LeaderMetrics::default(), |it| async move {
                let _dropped = dropped;
                it.acquired().await;
                leads.send(()).unwrap();
                pending().await
            });
        tokio::time::timeout(LONG, is_leading).await.unwrap().unwrap();
        // When it is stopped
        tokio::time::timeout(LONG, task.stop()).await.unwrap();
        // Then the next leader cannot come before the end of the work
        let order = [r#"the lease is held by "me""#, "the work is dropped", r#"the lease is held by """#];
        assert_eq!(log.entries(), order);
    }

    #[tokio::test]
    async fn work_that_ends_is_a_fault_that_names_the_lease() {
        let ends = |_: Leadership| std::future::ready(());
        let warm = std::future::ready(());
        let task = LeaderTask::start(api_server(Log::default()), warm, lease(), LeaderMetrics::default(), ends);

        let ended = tokio::time::timeout(LONG, LeaderTask::first_end_of(&mut [task])).await.unwrap();

        assert!(ended.contains("the work under lease warden ended"), "{ended}");
    }
}
