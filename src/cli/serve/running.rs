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
    /// releases its leases, serves for the shutdown delay, and drains its connections. A second signal ends it at once. If it is
    /// the webhook that has ended, the process ends as soon as its leases are released.
    ///
    /// # Errors
    /// If something has ended that must not.
    pub(super) async fn until_stopped(self, mut signals: StopSignals) -> Result<(), Failure> {
        let Self { mut webhook, mut background, mut leading, not_shutting_down, shutdown, shutdown_delay } = self;
        let mut serves = true;
        let fault: Option<Failure> = tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, delay = ?shutdown_delay, "shutting down");
                None
            }
            ended = &mut webhook => {
                serves = false;
                Some(format!("the webhook ended: {ended:?}").into())
            }
            ended = background.first_end() => Some(ended.into()),
            ended = LeaderTask::first_end_of(&mut leading) => Some(ended.into()),
        };
        if let Some(error) = &fault {
            tracing::error!(%error, delay = ?shutdown_delay, "a task has ended that must not; shutting down");
        }
        not_shutting_down.set(false);
        shutdown.leaving.cancel();
        let drained = async {
            // The next leader can start while this process still answers reviews.
            for task in leading {
                task.stop().await;
            }
            if !serves {
                return Ok(());
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

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::{Arc, Mutex};

    use tokio::sync::Notify;

    use super::*;
    use crate::k8s::testing::lease_server;
    use crate::k8s::{LeaderMetrics, LeaseSettings};
    use crate::runtime::Readiness;

    /// Longer than anything takes here.
    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_webhook_that_ends_is_a_fault_and_its_process_releases_the_lease() {
        // Given a process that leads
        let (holders, leads) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
        let written = Arc::clone(&holders);
        let client = lease_server(move |holder| written.lock().unwrap().push(holder.to_owned()));
        let settings = LeaseSettings::new("default", "warden", "me");
        let leading = LeaderTask::start(client, ready(()), settings, LeaderMetrics::default(), |leadership| {
            let leads = Arc::clone(&leads);
            async move {
                leadership.acquired().await;
                leads.notify_one();
                pending().await
            }
        });
        // When its webhook ends
        let running = Running {
            webhook: tokio::spawn(async move { leads.notified().await }),
            background: BackgroundTasks::default(),
            leading: vec![leading],
            not_shutting_down: Readiness::default().condition("not-shutting-down"),
            shutdown: Shutdown::default(),
            shutdown_delay: LONG * 100,
        };
        let ended = tokio::time::timeout(LONG, running.until_stopped(StopSignals::listen().unwrap())).await.unwrap();
        // Then the process ends at once, and another one may lead
        assert!(ended.unwrap_err().to_string().contains("the webhook ended"));
        assert_eq!(*holders.lock().unwrap(), ["me", ""]);
    }
}
