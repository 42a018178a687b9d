//! The controllers, which work while this process holds the lease, and their end in the right order.

use futures::FutureExt as _;
use futures::future::{BoxFuture, select_all};
use kube::Client;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

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
    /// Stands for election once `warm` is over, for before that others can do more. `work` is what is done with the
    /// leadership, none of which may end.
    pub(super) fn start(
        client: Client,
        warm: impl Future<Output = ()> + Send + 'static,
        lease: LeaseSettings,
        work: impl FnOnce(&Leadership) -> Vec<BoxFuture<'static, ()>>,
    ) -> Self {
        let (stop_work, stop_election) = (CancellationToken::new(), CancellationToken::new());
        let (leadership, elected) = elect(client, lease, stop_election.clone());
        let gives_up = stop_election.clone();
        let election = tokio::spawn(async move {
            if gives_up.run_until_cancelled_owned(warm).await.is_some() {
                elected.await;
            }
        });
        let first_end = select_all(work(&leadership)).map(|_| ());
        let work = tokio::spawn(stop_work.clone().run_until_cancelled_owned(first_end));
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
