//! The program under test, as a process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Result;

use crate::control_plane::wait_until_ready;
use crate::process::Process;
use crate::{ControlPlane, ServingCertificate, ports, probe};

/// A `warden serve` that listens where the API server looks for the webhook. Dropping it kills it.
#[derive(Debug)]
pub struct WardenProcess {
    process: Process,
    ops: SocketAddr,
}

impl WardenProcess {
    /// Starts `<command> <leading_args> serve …` with a kubeconfig and a certificate, and waits until it is ready.
    pub async fn start(
        plane: &ControlPlane,
        command: &Path,
        leading_args: &[&str],
        kubeconfig: &Path,
        certificate: &ServingCertificate,
        extra_args: &[String],
    ) -> Result<Self> {
        let ops = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
        let mut args: Vec<String> = leading_args.iter().map(|&arg| arg.to_owned()).collect();
        args.extend([
            "serve".to_owned(),
            format!("--listen={}", plane.webhook_address()),
            format!("--ops-listen={ops}"),
            format!("--tls-cert={}", certificate.cert_path.display()),
            format!("--tls-key={}", certificate.key_path.display()),
        ]);
        args.extend_from_slice(extra_args);
        let name = plane.unique_name("warden");
        let log = plane.dir().join(format!("{name}.log"));
        let process = Process::start(&name, command, &args, &[("KUBECONFIG", kubeconfig)], log, plane.watchdog())?;
        let mut warden = Self { process, ops };
        let ready = format!("http://{ops}/readyz");
        wait_until_ready(&mut warden.process, &ready).await?;
        Ok(warden)
    }

    /// Where it serves health and metrics.
    pub fn ops_address(&self) -> SocketAddr {
        self.ops
    }

    /// Its metrics, as text.
    pub async fn metrics(&self) -> Result<String> {
        probe::get(&format!("http://{}/metrics", self.ops)).await
    }

    /// Ends it at once, as a crash of its machine would.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Asks it to end (SIGTERM), and waits for that.
    pub async fn terminate(&mut self, timeout: Duration) -> Result<ExitStatus> {
        self.process.terminate(timeout).await
    }

    /// The process: its id, its log, signals to it.
    pub fn process(&self) -> &Process {
        &self.process
    }
}
