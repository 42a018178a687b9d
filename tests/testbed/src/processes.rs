//! The components of a control plane as processes: started, killed, started again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::binaries::Binaries;
use crate::components::{Component, Layout};
use crate::options::Options;
use crate::probe;
use crate::process::Process;
use crate::watchdog::Watchdog;

/// A component that is not ready after this long never will be. An API server takes 3 s on a quiet machine, and was seen to
/// take 48 s beside 50 busy processes.
const BOOT_TIMEOUT: Duration = Duration::from_secs(120);

/// Those that run. Dropping it ends them in an order that leaves none of them hanging: etcd last.
#[derive(Debug, Default)]
pub(crate) struct Processes(Mutex<BTreeMap<Component, Process>>);

impl Processes {
    /// Starts a component and waits until it is ready.
    pub(crate) async fn start(
        &self,
        component: Component,
        layout: &Layout,
        binaries: &Binaries,
        options: &Options,
        watchdog: &Arc<Watchdog>,
    ) -> Result<()> {
        if self.running().contains_key(&component) {
            bail!("{} runs already", component.name());
        }
        let (program, args) = layout.command(component, binaries, options);
        let log = layout.log(component);
        let env: Vec<_> = Layout::env(component).iter().map(|&(name, value)| (name, Path::new(value))).collect();
        let mut process = Process::start(component.name(), &program, &args, &env, log, Arc::clone(watchdog))?;
        wait_until_ready(&mut process, &layout.health_url(component)).await?;
        self.running().insert(component, process);
        Ok(())
    }

    /// Ends a component at once.
    pub(crate) fn kill(&self, component: Component) -> Result<()> {
        // Dropping it kills it, and tells the watchdog.
        self.running().remove(&component).map(drop).with_context(|| format!("{} does not run", component.name()))
    }

    /// Asks the process of a component.
    pub(crate) fn ask<T>(&self, component: Component, question: impl FnOnce(&Process) -> T) -> Result<T> {
        let running = self.running();
        let process = running.get(&component).with_context(|| format!("{} does not run", component.name()))?;
        Ok(question(process))
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<Component, Process>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        let mut running = self.running();
        for component in Component::ALL.iter().rev() {
            running.remove(component);
        }
    }
}

/// Asks a component's health endpoint until it answers well; an end of the process ends the waiting.
pub(crate) async fn wait_until_ready(process: &mut Process, url: &str) -> Result<()> {
    let deadline = Instant::now() + BOOT_TIMEOUT;
    loop {
        let answer = probe::get(url).await;
        // Checked after the probe: another process that has the port may have answered it.
        if let Some(status) = process.exited()? {
            return Err(process.failure(&format!("ended with {status}")));
        }
        let last_seen = match answer {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        if Instant::now() > deadline {
            return Err(process.failure(&format!("was not ready within {BOOT_TIMEOUT:?} ({last_seen:#})")));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
