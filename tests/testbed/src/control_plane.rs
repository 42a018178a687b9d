//! Boots a control plane and keeps it for as long as it is wanted.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rustix::process::Signal;
use tokio::sync::OnceCell;

use crate::binaries::Binaries;
use crate::components::{Component, Layout, Options};
use crate::ledger::LiveLedger;
use crate::process::Process;
use crate::watchdog::Watchdog;
use crate::{data_dir, namespace, ports, probe, webhooks};

/// A component that is not ready after this long never will be.
const BOOT_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a boot is tried when somebody took one of our ports first.
const BOOT_TRIES: u32 = 3;

/// A running control plane. Dropping it ends all its processes and removes its data.
pub struct ControlPlane {
    // Fields are dropped in this order: first who talks to the API server, then the API server itself.
    ledger: LiveLedger,
    processes: Processes,
    watchdog: Arc<Watchdog>,
    layout: Layout,
    binaries: Binaries,
    config: Config,
    kubeconfig: PathBuf,
    server: String,
    webhook_address: SocketAddr,
    names: AtomicU32,
}

/// The components, ended in an order that leaves none of them hanging: etcd last.
struct Processes(BTreeMap<Component, Process>);

impl Drop for Processes {
    fn drop(&mut self) {
        for component in Component::ALL.iter().rev() {
            self.0.remove(component);
        }
    }
}

impl ControlPlane {
    /// Boots one and waits until pods can be created and run.
    pub async fn start(options: Options) -> Result<Self> {
        let binaries = tokio::task::spawn_blocking(Binaries::find_or_build).await??;
        let mut tries = 1;
        loop {
            match Self::boot(&binaries, &options).await {
                Err(error) if tries < BOOT_TRIES && error.to_string().contains("address already in use") => tries += 1,
                result => return result,
            }
        }
    }

    /// The one that all tests of this process share. It is booted for the first that asks; it ends with the process.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();
        SHARED.get_or_try_init(|| Self::start(Options::new())).await
    }

    async fn boot(binaries: &Binaries, options: &Options) -> Result<Self> {
        let dir = data_dir::create()?;
        let watchdog = Arc::new(Watchdog::start(&dir)?);
        let layout = Layout::prepare(dir)?;
        let mut processes = Processes(BTreeMap::new());
        let start = |component: Component| {
            let (program, args) = layout.command(component, binaries, options);
            Process::start(component.name(), &program, &args, &[], layout.log(component), Arc::clone(&watchdog))
        };
        // etcd and the API server one after the other, each needs the one before; the rest side by side.
        for stage in [&[Component::Etcd][..], &[Component::ApiServer], &Component::ALL[2..]] {
            for &component in stage {
                processes.0.insert(component, start(component)?);
            }
            for &component in stage {
                let process = processes.0.get_mut(&component).context("just started")?;
                wait_until_ready(process, &layout.health_url(component)).await?;
            }
        }

        let kubeconfig = layout.kubeconfig("admin");
        let config =
            Config::from_custom_kubeconfig(Kubeconfig::read_from(&kubeconfig)?, &KubeConfigOptions::default()).await?;
        namespace::wait_for_default_service_account(Client::try_from(config.clone())?, "default").await?;
        let ledger = LiveLedger::watch(config.clone()).await?;
        Ok(Self {
            server: layout.server(),
            webhook_address: ports::own_loopback_address(webhooks::PORT),
            names: AtomicU32::new(0),
            binaries: binaries.clone(),
            processes,
            watchdog,
            ledger,
            layout,
            config,
            kubeconfig,
        })
    }

    /// A client with all rights, on the runtime of whoever asks: a client does not survive the runtime it was made on.
    pub fn client(&self) -> Result<Client> {
        Ok(Client::try_from(self.config.clone())?)
    }

    /// What [`Self::client`] is made from, for a client that is to be different.
    pub fn client_config(&self) -> &Config {
        &self.config
    }

    /// What each base really runs.
    pub fn ledger(&self) -> &LiveLedger {
        &self.ledger
    }

    /// The address of the API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// A kubeconfig of the cluster's administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The folder with certificates, data and logs. It goes with the control plane.
    pub fn dir(&self) -> &Path {
        &self.layout.dir
    }

    /// The process id of a component.
    pub fn pid(&self, component: Component) -> Option<u32> {
        self.processes.0.get(&component).map(Process::pid)
    }

    /// Sends a signal to a component.
    pub fn signal(&self, component: Component, signal: Signal) -> Result<()> {
        self.processes.0.get(&component).context("no such component")?.signal(signal)
    }

    /// Stops a component where it stands, as a long pause of its machine would.
    pub fn pause(&self, component: Component) -> Result<()> {
        self.signal(component, Signal::STOP)
    }

    /// Lets a paused component go on.
    pub fn resume(&self, component: Component) -> Result<()> {
        self.signal(component, Signal::CONT)
    }

    /// The log of a component.
    pub fn log(&self, component: Component) -> PathBuf {
        self.layout.log(component)
    }

    /// Where the API server looks for the webhook: the program under test has to listen here.
    pub fn webhook_address(&self) -> SocketAddr {
        self.webhook_address
    }

    /// The authority that signed the API server's certificate.
    pub(crate) fn ca_path(&self) -> PathBuf {
        self.layout.ca()
    }

    pub(crate) fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    pub(crate) fn watchdog(&self) -> Arc<Watchdog> {
        Arc::clone(&self.watchdog)
    }

    /// A name that this control plane has not given before.
    pub(crate) fn unique_name(&self, prefix: &str) -> String {
        format!("{prefix}-{}", self.names.fetch_add(1, Ordering::Relaxed))
    }
}

/// Asks a component's health endpoint until it answers well; an end of the process ends the waiting.
pub(crate) async fn wait_until_ready(process: &mut Process, url: &str) -> Result<()> {
    let deadline = Instant::now() + BOOT_TIMEOUT;
    loop {
        let answer = probe::get(url).await;
        // Asked after the probe: an answer may come from somebody else who has the port.
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
