//! The process while it serves, and its orderly end.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::Failure;
use super::background_tasks::BackgroundTasks;
use crate::k8s::LeaderTask;
use crate::runtime::{Condition, StopSignals};
use crate::serving::Shutdown;

/// Everything that runs.
pub(super) struct Running {
    pub(super) webhook: JoinHandle<()>,
    pub(super) background: BackgroundTasks,
    /// What is done while this process holds a lease.
    pub(super) leading: Vec<LeaderTask>,
    /// Holds until the process shuts down.
    pub(super) not_shutting_down: Condition,
    pub(super) shutdown: Shutdown,
    /// How long the webhook goes on serving after the process is not ready any more.
    pub(super) shutdown_delay: Duration,
}

impl Running {
    /// Waits for a signal, or for the end of anything that must not end. Then shuts down: the process is not ready any more,
    /// releases its leases, serves for the shutdown delay, and drains its connections. A second signal ends it at once.
    ///
    /// # Errors
    /// If something has ended that must not.
    pub(super) async fn until_stopped(self, mut signals: StopSignals) -> Result<(), Failure> {
        let Self { mut webhook, mut background, mut leading, not_shutting_down, shutdown, shutdown_delay } = self;
        let fault: Option<Failure> = tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, delay = ?shutdown_delay, "shutting down");
                None
            }
            ended = &mut webhook => return Err(format!("the webhook ended: {ended:?}").into()),
            ended = background.first_end() => Some(ended.into()),
            ended = LeaderTask::first_end_of(&mut leading) => Some(ended.into()),
        };
        if let Some(error) = &fault {
            tracing::error!(%error, delay = ?shutdown_delay, "background task failed; shutting down");
        }
        not_shutting_down.set(false);
        shutdown.leaving.cancel();
        let drained = async {
            // The next leader can start while this process still answers reviews.
            for task in leading {
                task.stop().await;
            }
            tokio::time::sleep(shutdown_delay).await;
            shutdown.stop.cancel();
            webhook.await
        };
        tokio::select! {
            ended = drained => ended?,
            signal = signals.next() => tracing::warn!(signal, "second signal; ending at once"),
        }
        fault.map_or(Ok(()), Err)
    }
}
