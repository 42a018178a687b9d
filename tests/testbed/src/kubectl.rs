//! kubectl, as users have it.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::ControlPlane;

/// The outcome of a kubectl command.
#[derive(Clone, Debug)]
pub struct KubectlOutput {
    /// Whether it exited with 0.
    pub success: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error: warnings and refusals.
    pub stderr: String,
}

impl KubectlOutput {
    /// The standard output of a call that must have succeeded.
    pub fn expect_success(self) -> Result<String> {
        if !self.success {
            bail!("kubectl failed: {}", self.stderr);
        }
        Ok(self.stdout)
    }
}

impl ControlPlane {
    /// Runs kubectl as the cluster's administrator.
    pub async fn kubectl(&self, args: &[&str]) -> Result<KubectlOutput> {
        self.kubectl_with_stdin(args, "").await
    }

    /// Runs kubectl as the cluster's administrator with `text` as its standard input, for `-f -`.
    pub async fn kubectl_with_stdin(&self, args: &[&str], text: &str) -> Result<KubectlOutput> {
        let mut command = Command::new(self.binaries().kubectl());
        command
            .args(args)
            .env("KUBECONFIG", self.kubeconfig())
            // The settings of the user's own clusters must not change what a test sees.
            .env("KUBECACHEDIR", self.dir().join("kubectl-cache"))
            .env("KUBERC", "off")
            .env_remove("KUBECTL_EXTERNAL_DIFF")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let text = text.to_owned();
        tokio::task::spawn_blocking(move || run(command, &text)).await?
    }

    /// The path of kubectl, for a person's own shell.
    pub fn kubectl_path(&self) -> PathBuf {
        self.binaries().kubectl().to_owned()
    }
}

fn run(mut command: Command, text: &str) -> Result<KubectlOutput> {
    let mut child = command.spawn().context("cannot start kubectl")?;
    let mut stdin = child.stdin.take().context("kubectl has no standard input")?;
    // Written from here, read after: kubectl reads its input to the end before it says anything of length.
    // One that refuses its arguments closes the pipe, and says why on stderr.
    let _ = stdin.write_all(text.as_bytes());
    drop(stdin);
    let output = child.wait_with_output()?;
    Ok(KubectlOutput {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
