//! What works while this process holds a lease, and its end in the right order.

use futures::FutureExt as _;
use futures::future::select_all;
use kube::Client;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::k8s::{LeaderMetrics, Leadership, LeaseSettings, elect};

/// Work that is done by one process at a time.
#[derive(Debug)]
pub(super) struct Controllers {
    work: JoinHandle<Option<()>>,
    stop_work: CancellationToken,
    election: JoinHandle<()>,
    stop_election: CancellationToken,
}

impl Controllers {
    /// Stands for election once `warm` is over, for before that others can do more. `work` is what is done with the
    /// leadership, and must not end.
    pub(super) fn start<W>(
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
        let shown = lease.name.clone();
        let (leadership, elected) = elect(client, lease, stop_election.clone());
        let gives_up = stop_election.clone();
        let election = tokio::spawn(async move {
            if gives_up.run_until_cancelled_owned(warm).await.is_some() {
                elected.await;
            }
        });
        let shown = metrics.show(shown, leadership.clone());
        let work = work(leadership);
        let work = async {
            tokio::select! {
                () = work => {}
                () = shown => {}
            }
        };
        let work = tokio::spawn(stop_work.clone().run_until_cancelled_owned(work));
        Self { work, stop_work, election, stop_election }
    }

    /// Waits until something of any of these has ended, which nothing should, and says what.
    pub(super) async fn first_end_of(all: &mut [Self]) -> String {
        if all.is_empty() {
            return std::future::pending().await;
        }
        select_all(all.iter_mut().map(|controllers| controllers.first_end().boxed())).await.0
    }

    async fn first_end(&mut self) -> String {
        tokio::select! {
            ended = &mut self.work => format!("the controllers ended: {ended:?}"),
            ended = &mut self.election => format!("the election ended: {ended:?}"),
        }
    }

    /// Ends the work, and then gives the lease to whoever comes next. What had ended already has been told.
    pub(super) async fn stop(self) {
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
