//! Helm, as users have it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail};

use crate::ControlPlane;
use crate::go_build::Source;

const SOURCE: Source = Source {
    name: "helm",
    module: "helm.sh/helm/v4",
    go_mod: include_str!("../go/helm/go.mod"),
    go_sum: include_str!("../go/helm/go.sum"),
    main_go: None,
    programs: &[("helm", "helm.sh/helm/v4/cmd/helm")],
    duration: "3 minutes",
};

/// Where Helm is. Found as the programs of a control plane are (see [`Binaries`](crate::Binaries)), but only when it is
/// asked for: it takes minutes to build, and few tests need it.
pub fn helm_program() -> Result<PathBuf> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let find = || SOURCE.find_or_build()?.remove("helm").context("Helm was not built");
    FOUND.get_or_init(|| find().map_err(|error| format!("{error:#}"))).clone().map_err(|error| anyhow!(error))
}

impl ControlPlane {
    /// Runs Helm as the cluster's administrator. Gives its standard output.
    ///
    /// # Errors
    /// When it fails; the error is what it said.
    pub async fn helm(&self, args: &[&str]) -> Result<String> {
        let (kubeconfig, home) = (self.kubeconfig().to_owned(), self.dir().join("helm"));
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        tokio::task::spawn_blocking(move || {
            let mut command = Command::new(helm_program()?);
            command.args(&args).env("KUBECONFIG", kubeconfig).stdin(Stdio::null());
            // The settings of the user's own clusters must not change what a test sees.
            for (variable, folder) in
                [("HELM_CACHE_HOME", "cache"), ("HELM_CONFIG_HOME", "config"), ("HELM_DATA_HOME", "data")]
            {
                command.env(variable, home.join(folder));
            }
            for variable in ["HELM_NAMESPACE", "HELM_DRIVER", "HELM_KUBECONTEXT"] {
                command.env_remove(variable);
            }
            let output = command.output().context("cannot start Helm")?;
            if !output.status.success() {
                bail!("helm {} failed: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
            }
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        })
        .await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helm_pins_its_version() -> Result<()> {
        assert!(SOURCE.version()?.starts_with("v4."));
        Ok(())
    }
}
