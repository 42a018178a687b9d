//! A control plane with the program under test in it, installed from the files that ship.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::warden::WardenProgram;
use crate::webhooks::SERVICE_DNS_NAME;
use crate::{ControlPlane, Options, Proxy, ServingCertificate, WardenProcess, ports};

/// Namespace and name of the program's service account in `deploy/manifests/`.
const ACCOUNT: (&str, &str) = ("koupleless-warden", "koupleless-warden");

/// The folder of the manifests that ship, below the repository.
const MANIFESTS: &str = "deploy/manifests";

/// The manifests that make the program's account.
const ACCOUNT_FILES: [&str; 3] = ["namespace.yaml", "serviceaccount.yaml", "rbac.yaml"];

/// The folder of the webhook configurations that ship, which make the API server call it.
const WEBHOOKS: &str = "webhook-config";

/// A control plane on which `warden serve` can be started, killed and started again, always with the same certificate and
/// with no other rights than those that ship.
pub struct Stage {
    /// The control plane.
    pub plane: ControlPlane,
    warden: Option<WardenProcess>,
    program: WardenProgram,
    kubeconfig: PathBuf,
    webhooks: PathBuf,
}

impl Stage {
    /// Boots a control plane and makes the program's account there, from `deploy/manifests/` below `root`. The program is
    /// not started and its webhooks are not registered yet.
    pub async fn raise(options: Options, program: &Path, leading_args: &[&str], root: &Path) -> Result<Self> {
        let plane = ControlPlane::start(options).await?;
        let manifests = root.join(MANIFESTS);
        for file in ACCOUNT_FILES {
            let file = manifests.join(file);
            let file = file.to_str().context("the folder's name is not UTF-8")?;
            plane.kubectl(&["apply", "-f", file]).await?.expect_success()?;
        }
        Ok(Self {
            kubeconfig: plane.kubeconfig_for_service_account(ACCOUNT.0, ACCOUNT.1).await?,
            program: WardenProgram {
                path: program.to_owned(),
                leading_args: leading_args.iter().map(|&arg| arg.to_owned()).collect(),
                certificate: ServingCertificate::issue(&plane, &[SERVICE_DNS_NAME])?,
            },
            webhooks: root.join(WEBHOOKS),
            warden: None,
            plane,
        })
    }

    /// Starts the program, registers its webhooks from `webhook-config/`, and waits until the API server calls them.
    pub async fn serve(&mut self, extra_args: &[String]) -> Result<()> {
        self.serve_with(&self.kubeconfig.clone(), extra_args).await
    }

    /// As [`Self::serve`], with the program's own requests by way of `proxy`. The API server calls it directly.
    pub async fn serve_through(&mut self, proxy: &Proxy, extra_args: &[String]) -> Result<()> {
        let kubeconfig = proxy.kubeconfig(&self.plane, ACCOUNT.0, ACCOUNT.1).await?;
        self.serve_with(&kubeconfig, extra_args).await
    }

    async fn serve_with(&mut self, kubeconfig: &Path, extra_args: &[String]) -> Result<()> {
        let listen = self.plane.webhook_address();
        let warden = WardenProcess::start(&self.plane, &self.program, kubeconfig, listen, extra_args).await?;
        self.warden = Some(warden);
        self.plane.register_webhooks(&self.webhooks, &self.program.certificate.ca_pem).await?;
        self.plane.webhooks_in_effect("default").await
    }

    /// Starts the program once more, beside the one that is served, as a second replica: same account, same certificate.
    /// The API server does not call this one. Returns when it is ready.
    pub async fn another(&self, extra_args: &[String]) -> Result<WardenProcess> {
        self.another_with(&self.kubeconfig, extra_args).await
    }

    /// As [`Self::another`], by way of a proxy of its own.
    pub async fn another_through(&self, proxy: &Proxy, extra_args: &[String]) -> Result<WardenProcess> {
        self.another_with(&proxy.kubeconfig(&self.plane, ACCOUNT.0, ACCOUNT.1).await?, extra_args).await
    }

    async fn another_with(&self, kubeconfig: &Path, extra_args: &[String]) -> Result<WardenProcess> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
        WardenProcess::start(&self.plane, &self.program, kubeconfig, listen, extra_args).await
    }

    /// The program, while it is served.
    pub fn warden(&self) -> Result<&WardenProcess> {
        self.warden.as_ref().context("warden is not served")
    }

    /// Ends the program at once, as a crash of its machine would. Its webhooks stay registered.
    pub fn kill_warden(&mut self) -> Result<()> {
        self.warden.take().context("warden is not served")?.kill()
    }
}
