//! Background tasks that must not end. If one ends, the process shuts down, since it would look healthy with a part missing.

use std::fmt::Debug;

use tokio::task::JoinSet;

use crate::runtime::Condition;

/// The background tasks of the process. They are aborted when this is dropped.
#[derive(Debug, Default)]
pub(super) struct BackgroundTasks {
    tasks: JoinSet<String>,
    waits: JoinSet<()>,
}

impl BackgroundTasks {
    /// Runs a task that must not end.
    pub(super) fn spawn<T: Debug>(&mut self, name: &'static str, task: impl Future<Output = T> + Send + 'static) {
        self.tasks.spawn(async move {
            let output = task.await;
            format!("the task {name:?} ended: {output:?}")
        });
    }

    /// Sets `condition` when `wait` completes.
    pub(super) fn ready_when(&mut self, condition: Condition, wait: impl Future<Output = ()> + Send + 'static) {
        self.waits.spawn(async move {
            wait.await;
            condition.set(true);
        });
    }

    /// Waits until a task has ended, and returns which one and why.
    pub(super) async fn first_end(&mut self) -> String {
        match self.tasks.join_next().await {
            Some(Ok(ended)) => ended,
            Some(Err(error)) => format!("a background task ended: {error}"),
            None => std::future::pending().await,
        }
    }
}
