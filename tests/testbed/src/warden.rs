//! The program under test, as a process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Result;

use crate::process::Process;
use crate::processes::wait_until_ready;
use crate::{ControlPlane, ServingCertificate, ports, probe};

/// How many seconds after a base's departure warden follows it, where a test does not pass `--peer-departure`. By default it waits for
/// more than a heartbeat of ModuleController, of which the testbed has none.
const DEPARTURE: &str = "2";

/// The program under test, and with what all its processes serve.
#[derive(Clone, Debug)]
pub struct WardenProgram {
    /// The executable.
    pub path: PathBuf,
    /// Arguments before the subcommand.
    pub leading_args: Vec<String>,
    /// The certificate that it serves the webhooks with.
    pub certificate: ServingCertificate,
}

/// A running `warden serve`. Dropping it kills it.
#[derive(Debug)]
pub struct WardenProcess {
    process: Process,
    ops: SocketAddr,
}

impl WardenProcess {
    /// Starts `<program> <leading_args> serve …` and waits until it is ready. The API server calls it where it listens on
    /// [`ControlPlane::webhook_address`].
    pub async fn start(
        plane: &ControlPlane,
        program: &WardenProgram,
        kubeconfig: &Path,
        listen: SocketAddr,
        extra_args: &[String],
    ) -> Result<Self> {
        let ops = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
        let mut args = program.leading_args.clone();
        args.extend([
            "serve".to_owned(),
            format!("--listen={listen}"),
            format!("--ops-listen={ops}"),
            format!("--tls-cert={}", program.certificate.cert_path.display()),
            format!("--tls-key={}", program.certificate.key_path.display()),
        ]);
        args.extend_from_slice(extra_args);
        let name = plane.unique_name("warden");
        let log = plane.dir().join(format!("{name}.log"));
        let process = Process::start(&name, &program.path, &args, &variables(kubeconfig), log, plane.watchdog())?;
        Self::when_ready(process, ops).await
    }

    /// Starts `<program> serve <args>` and waits for nothing: it may never be ready. Its metrics are at a port of their own.
    pub fn launch(plane: &ControlPlane, program: &Path, kubeconfig: &Path, args: &[String]) -> Result<Self> {
        let ops = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
        let args = [&["serve".to_owned(), format!("--ops-listen={ops}")], args].concat();
        let name = plane.unique_name("warden");
        let log = plane.dir().join(format!("{name}.log"));
        let process = Process::start(&name, program, &args, &variables(kubeconfig), log, plane.watchdog())?;
        Ok(Self { process, ops })
    }

    /// One that was started, once it is ready. Its metrics are at `ops`.
    pub(crate) async fn when_ready(mut process: Process, ops: SocketAddr) -> Result<Self> {
        wait_until_ready(&mut process, &format!("http://{ops}/readyz")).await?;
        Ok(Self { process, ops })
    }

    /// Where it serves probes and metrics.
    pub fn ops(&self) -> SocketAddr {
        self.ops
    }

    /// Its metrics, as text.
    pub async fn metrics(&self) -> Result<String> {
        probe::get(&format!("http://{}/metrics", self.ops)).await
    }

    /// Whether it is ready. The error tells the conditions that do not hold.
    pub async fn is_ready(&self) -> Result<()> {
        probe::get(&format!("http://{}/readyz", self.ops)).await.map(drop)
    }

    /// Ends it at once, as a crash of its machine would.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Waits until it has ended by itself, or because it was told to.
    pub async fn ended(&mut self, timeout: Duration) -> Result<ExitStatus> {
        self.process.ended(timeout).await
    }

    /// The process: its id, its log, signals to it.
    pub fn process(&self) -> &Process {
        &self.process
    }
}

/// The environment of a process of warden. Arguments override what is set by it.
fn variables(kubeconfig: &Path) -> [(&'static str, &Path); 2] {
    [("KUBECONFIG", kubeconfig), ("WARDEN_PEER_DEPARTURE", Path::new(DEPARTURE))]
}
