//! Tasks in the background. One that ends ends the process: half a warden looks healthy and is not.

use std::fmt::Debug;

use tokio::task::JoinSet;

use crate::runtime::Condition;

/// The tasks, which end with this.
#[derive(Debug, Default)]
pub(super) struct Background {
    tasks: JoinSet<String>,
    waits: JoinSet<()>,
}

impl Background {
    /// Runs a task that must not end.
    pub(super) fn spawn<T: Debug>(&mut self, name: &'static str, task: impl Future<Output = T> + Send + 'static) {
        self.tasks.spawn(async move {
            let ended = task.await;
            format!("the {name} ended: {ended:?}")
        });
    }

    /// Lets the condition hold once `wait` is over.
    pub(super) fn ready_when(&mut self, condition: Condition, wait: impl Future<Output = ()> + Send + 'static) {
        self.waits.spawn(async move {
            wait.await;
            condition.set(true);
        });
    }

    /// Waits until a task has ended, and says which.
    pub(super) async fn first_end(&mut self) -> String {
        match self.tasks.join_next().await {
            Some(Ok(ended)) => ended,
            Some(Err(error)) => format!("a task in the background ended: {error}"),
            None => std::future::pending().await,
        }
    }
}
