//! Boots a control plane and keeps it until it is dropped.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rustix::process::Signal;
use tokio::sync::{OnceCell, Semaphore};

use crate::binaries::Binaries;
use crate::components::{Component, Layout};
use crate::ledger::LiveLedger;
use crate::options::Options;
use crate::process::Process;
use crate::processes::Processes;
use crate::watchdog::Watchdog;
use crate::{data_dir, namespace, ports, webhooks};

/// How often a boot is tried when another process took one of our ports first.
const BOOT_TRIES: u32 = 3;

/// Lets two control planes of this process boot at a time. A boot takes all that a core can give, and many at once would
/// slow down the tests that are on their way.
static BOOTS: Semaphore = Semaphore::const_new(2);

/// A running control plane. Dropping it ends all its processes and removes its data.
pub struct ControlPlane {
    // Fields are dropped in this order: first who talks to the API server, then the API server itself.
    ledger: LiveLedger,
    processes: Processes,
    options: Options,
    watchdog: Arc<Watchdog>,
    layout: Layout,
    binaries: Binaries,
    config: Config,
    kubeconfig: PathBuf,
    server: String,
    webhook_address: SocketAddr,
    names: AtomicU32,
}

impl ControlPlane {
    /// Boots one and waits until pods can be created and run.
    pub async fn start(options: Options) -> Result<Self> {
        let binaries = tokio::task::spawn_blocking(Binaries::find_or_build).await??;
        let _turn = BOOTS.acquire().await?;
        let mut tries = 1;
        loop {
            match Self::boot(&binaries, &options).await {
                Err(error) if tries < BOOT_TRIES && error.to_string().contains("address already in use") => tries += 1,
                result => return result,
            }
        }
    }

    /// The control plane that the tests of this process share. The first caller boots it; it ends with the process.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();
        SHARED.get_or_try_init(|| Self::start(Options::new())).await
    }

    async fn boot(binaries: &Binaries, options: &Options) -> Result<Self> {
        let dir = data_dir::create()?;
        let watchdog = Arc::new(Watchdog::start(&dir)?);
        let layout = Layout::prepare(dir)?;
        let processes = Processes::default();
        // etcd and the API server one after the other, each needs the one before; the rest side by side.
        for stage in [&[Component::Etcd][..], &[Component::ApiServer], &Component::ALL[2..]] {
            let start = |&component| processes.start(component, &layout, binaries, options, &watchdog);
            futures::future::try_join_all(stage.iter().map(start)).await?;
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
            options: options.clone(),
            processes,
            watchdog,
            ledger,
            layout,
            config,
            kubeconfig,
        })
    }

    /// A client with all rights, on the caller's runtime: a client does not survive the runtime it was made on.
    pub fn client(&self) -> Result<Client> {
        Ok(Client::try_from(self.config.clone())?)
    }

    /// The configuration of [`Self::client`], for clients that differ from it.
    pub(crate) fn config(&self) -> &Config {
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

    /// The process id of a component, unless it has been killed.
    pub fn pid(&self, component: Component) -> Option<u32> {
        self.processes.ask(component, Process::pid).ok()
    }

    /// Sends a signal to a component.
    pub fn signal(&self, component: Component, signal: Signal) -> Result<()> {
        self.processes.ask(component, |process| process.signal(signal))?
    }

    /// Ends a component at once, as a crash of its machine would. It stays away until [`Self::restart`].
    pub fn kill(&self, component: Component) -> Result<()> {
        self.processes.kill(component)
    }

    /// Ends a component at once, where it runs, and starts it again with the same data and arguments. Returns when it is
    /// ready. What it was asked meanwhile has failed.
    pub async fn restart(&self, component: Component) -> Result<()> {
        if self.pid(component).is_some() {
            self.kill(component)?;
        }
        self.processes.start(component, &self.layout, &self.binaries, &self.options, &self.watchdog).await
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

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
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
