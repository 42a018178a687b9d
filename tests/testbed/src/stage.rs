//! A control plane with the program under test in it, installed from the files that ship.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::webhooks::SERVICE_DNS_NAME;
use crate::{ControlPlane, Options, ServingCertificate, WardenProcess};

/// Who the program is to the API server: the service account in `deploy/rbac.yaml`.
const ACCOUNT: (&str, &str) = ("koupleless-warden", "koupleless-warden");

/// A control plane on which `warden serve` can be started, killed and started again, always with the same certificate and
/// with no other rights than those that ship.
pub struct Stage {
    /// The control plane.
    pub plane: ControlPlane,
    warden: Option<WardenProcess>,
    certificate: ServingCertificate,
    kubeconfig: PathBuf,
    program: PathBuf,
    leading_args: Vec<String>,
    webhook_config: PathBuf,
}

impl Stage {
    /// Boots a control plane and makes the program's account there, from `deploy/rbac.yaml` below `root`. The program is
    /// not started and its webhooks are not registered yet.
    pub async fn raise(options: Options, program: &Path, leading_args: &[&str], root: &Path) -> Result<Self> {
        let plane = ControlPlane::start(options).await?;
        let rbac = root.join("deploy/rbac.yaml");
        let rbac = rbac.to_str().context("the folder's name is not UTF-8")?;
        plane.kubectl(&["apply", "-f", rbac]).await?.expect_success()?;
        Ok(Self {
            kubeconfig: plane.kubeconfig_for_service_account(ACCOUNT.0, ACCOUNT.1).await?,
            certificate: ServingCertificate::issue(&plane, &[SERVICE_DNS_NAME])?,
            webhook_config: root.join("webhook-config"),
            program: program.to_owned(),
            leading_args: leading_args.iter().map(|&arg| arg.to_owned()).collect(),
            warden: None,
            plane,
        })
    }

    /// Starts the program, registers its webhooks from `webhook-config/`, and waits until the API server calls them.
    pub async fn serve(&mut self, extra_args: &[String]) -> Result<()> {
        let leading_args: Vec<&str> = self.leading_args.iter().map(String::as_str).collect();
        let warden = WardenProcess::start(
            &self.plane,
            &self.program,
            &leading_args,
            &self.kubeconfig,
            &self.certificate,
            extra_args,
        );
        self.warden = Some(warden.await?);
        self.plane.register_webhooks(&self.webhook_config, &self.certificate.ca_pem).await?;
        self.plane.webhooks_in_effect("default").await
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
