//! A loopback proxy between one warden and the API server, for what a network and a slow API server do to it: watches that
//! stand still, answers that are lost, connections that are cut; and for killing it at one certain write.

mod faults;
mod forward;
mod log;
mod request;
mod switches;
mod watch;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use http::HeaderValue;
use kube::Client;
use kube::config::AuthInfo;
use tokio::net::TcpListener;

pub use self::faults::Fault;
pub use self::log::{Moment, Write};
pub use self::request::What;

use self::faults::Faults;
use self::log::Log;
use self::switches::Switches;
use crate::ControlPlane;
use crate::background::Background;

/// The proxy of one warden. Plain HTTP on its side; the warden's own token is passed on, so its rights are its own.
///
/// Dropping it cuts everything.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Forwards for as long as this is here.
    _forwarder: Background,
}

/// What a test sets and what the connections go by.
struct Shared {
    switches: Switches,
    faults: Faults,
    log: Log,
}

impl Proxy {
    /// Starts one in front of the API server of `plane`, on a thread of its own.
    pub async fn start(plane: &ControlPlane) -> Result<Self> {
        let mut config = plane.config().clone();
        // Requests bring the credentials of their client.
        config.auth_info = AuthInfo::default();
        // One request of the warden is one request here, or the count of writes would mean nothing.
        config.default_retry = false;
        let shared = Arc::new(Shared { switches: Switches::new(), faults: Faults::default(), log: Log::default() });
        let background = Background::start()?;
        let for_forwarder = Arc::clone(&shared);
        let address = background
            .run(async move {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                let address = listener.local_addr()?;
                // A client belongs to the runtime it was made on.
                let client = Client::try_from(config)?;
                tokio::spawn(forward::accept(listener, client, for_forwarder));
                anyhow::Ok(address)
            })
            .await??;
        Ok(Self { address, shared, _forwarder: background })
    }

    /// A kubeconfig that leads through here, with a token of this service account.
    pub async fn kubeconfig(&self, plane: &ControlPlane, namespace: &str, account: &str) -> Result<PathBuf> {
        plane.kubeconfig_through(&format!("http://{}", self.address), namespace, account).await
    }

    /// The User-Agent of all requests from now on, by which the API server's audit log tells two wardens apart.
    pub fn call_itself(&self, name: &str) -> Result<()> {
        let name = HeaderValue::from_str(name)?;
        self.shared.switches.set(|state| state.user_agent = Some(name));
        Ok(())
    }

    /// Holds the events of all watches back, also of those that begin now. Lists pass, and so do the headers of a watch.
    pub fn freeze_watches(&self) {
        self.shared.switches.set(|state| state.frozen = switches::Frozen::All);
    }

    /// Holds the events of watches of these resources back, named as in a path: `nodes`, `deployments`.
    pub fn freeze_watches_of(&self, resources: &[&str]) {
        let resources = resources.iter().map(|&resource| resource.to_owned()).collect();
        self.shared.switches.set(|state| state.frozen = switches::Frozen::Only(resources));
    }

    /// Lets frozen events go, in the order they came.
    pub fn thaw_watches(&self) {
        self.shared.switches.set(|state| state.frozen = switches::Frozen::Nothing);
    }

    /// Cuts every open watch in the middle. Frozen events of theirs are lost.
    pub fn cut_watches(&self) {
        self.shared.switches.set(|state| state.watch_cuts += 1);
    }

    /// Cuts every connection and refuses new ones until it is called with `false`.
    pub fn cut(&self, cut: bool) {
        self.shared.switches.set(|state| {
            state.is_cut = cut;
            state.generation += u64::from(cut);
        });
    }

    /// Every answer and every watch event arrives this much later; requests are forwarded at once. Zero ends it.
    pub fn delay(&self, delay: Duration) {
        self.shared.switches.set(|state| state.delay = delay);
    }

    /// The next `times` [`What::Main`] writes go wrong. Several calls queue up.
    pub fn fail_writes(&self, fault: Fault, times: usize) {
        self.fail_writes_of(What::Main, fault, times);
    }

    /// The next `times` writes of one kind go wrong. Several calls queue up.
    pub fn fail_writes_of(&self, what: What, fault: Fault, times: usize) {
        self.shared.faults.add(what, fault, times);
    }

    /// How many of the ordered faults have not struck yet.
    pub fn faults_left(&self) -> usize {
        self.shared.faults.left()
    }

    /// The [`What::Main`] writes that arrived, in order.
    pub fn writes(&self) -> Vec<Write> {
        self.writes_of(What::Main)
    }

    /// The writes of one kind that arrived, in order.
    pub fn writes_of(&self, what: What) -> Vec<Write> {
        self.shared.log.of(what)
    }

    /// Forgets the writes so far. Numbers begin at 1 again.
    pub fn forget_writes(&self) {
        self.shared.log.forget();
    }

    /// At the [`What::Main`] write of this number (the first is 1) everything stops until [`Self::release`]: this write is
    /// not forwarded, or its answer is not delivered, and nothing else passes either. A number that has been is never
    /// reached.
    pub fn stop_at(&self, number: usize, moment: Moment) {
        self.shared.log.stop_at(number, moment);
    }

    /// Waits until everything has stopped at the write of [`Self::stop_at`]. This is when the test kills the warden.
    pub async fn reached(&self, timeout: Duration) -> Result<Write> {
        match tokio::time::timeout(timeout, self.shared.switches.stopped()).await {
            Ok(write) => Ok(write),
            Err(_) => {
                let writes: Vec<String> = self.writes().iter().map(ToString::to_string).collect();
                bail!("the write to stop at did not come within {timeout:?}; these did:\n{}", writes.join("\n"))
            }
        }
    }

    /// Ends a stop. What it held is cut and never forwarded: it comes from a process that is dead by now. New connections
    /// pass.
    pub fn release(&self) {
        self.shared.log.stop_nowhere();
        self.shared.switches.set(|state| {
            state.is_stopping = false;
            state.stopped_by = None;
            // Nor do events come that were held.
            state.watch_cuts += 1;
            state.generation += 1;
        });
    }
}
