//! A thread with a runtime of its own, for work that must outlive the runtime of the test that began it.

use std::future::Future;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Runs what is spawned on it until it is dropped.
#[derive(Debug)]
pub(crate) struct Background {
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts the thread.
    pub(crate) fn start() -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build().context("cannot start a runtime")?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new()
            .name("warden-testbed".to_owned())
            .spawn(move || {
                // Ends with an order or when the sender is gone: either way it is over.
                let _ = runtime.block_on(stopped);
            })
            .context("cannot start a thread")?;
        Ok(Self { runtime: handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Runs `work` until it ends or this is dropped.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Runs `work` there and hands back what it comes to.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T> {
        self.runtime.spawn(work).await.context("background work failed")
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It panicked: its work was lost, and the tasks that waited for it have received an error.
            let _ = thread.join();
        }
    }
}
