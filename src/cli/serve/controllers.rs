//! The controllers, which work while this process holds the lease, and their end in the right order.

use kube::Client;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::cluster::PeerCache;
use crate::runtime::{Leadership, LeaseSettings, elect};

/// Controllers at work.
#[derive(Debug)]
pub(super) struct Controllers {
    work: JoinHandle<Option<()>>,
    stop_work: CancellationToken,
    election: JoinHandle<()>,
    stop_election: CancellationToken,
}

impl Controllers {
    /// Stands for election once `cache` is warm, for before that others can do more. `work` is done with the leadership.
    pub(super) fn start<W>(
        client: Client,
        cache: PeerCache,
        lease: LeaseSettings,
        work: impl FnOnce(Leadership) -> W,
    ) -> Self
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let (stop_work, stop_election) = (CancellationToken::new(), CancellationToken::new());
        let (leadership, elected) = elect(client, lease, stop_election.clone());
        let gives_up = stop_election.clone();
        let election = tokio::spawn(async move {
            if gives_up.run_until_cancelled_owned(cache.synced()).await.is_some() {
                elected.await;
            }
        });
        let work = tokio::spawn(stop_work.clone().run_until_cancelled_owned(work(leadership)));
        Self { work, stop_work, election, stop_election }
    }

    /// Waits until one of them has ended, which none should, and says which.
    pub(super) async fn first_end(&mut self) -> String {
        tokio::select! {
            ended = &mut self.work => format!("the controllers ended: {ended:?}"),
            ended = &mut self.election => format!("the election ended: {ended:?}"),
        }
    }

    /// Ends the work, and then gives the lease to whoever comes next.
    ///
    /// # Errors
    /// When one of them had panicked.
    pub(super) async fn stop(self) -> Result<(), JoinError> {
        self.stop_work.cancel();
        self.work.await?;
        self.stop_election.cancel();
        self.election.await
    }
}
