//! `warden review` beside the two that it stands in for: kubectl, which reads the same files, and the API server, which judges
//! the same objects.

mod fields;
mod reading;
mod schema;
mod server;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// What a run of `warden review` came to.
#[derive(Debug)]
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs `warden review -f -` with `text` as its input. `kubeconfig`: the cluster that `--server` asks.
fn review(text: &str, arguments: &[&str], kubeconfig: &Path) -> Result<Run> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_warden"));
    command.args(["review", "-f", "-"]).args(arguments).env("KUBECONFIG", kubeconfig);
    command.env_remove("WARDEN_DEFAULT_ENV").env_remove("WARDEN_CONFIG");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().context("no standard input")?.write_all(text.as_bytes())?;
    let output = child.wait_with_output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Run { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
}

impl Run {
    /// That the run ended with `code`, and standard error has all of `parts` in it.
    fn says(self, code: i32, parts: &[&str]) -> Result<Self> {
        ensure!(self.code == Some(code), "not {code}: {self:#?}");
        for part in parts {
            ensure!(self.stderr.contains(part), "nothing of {part:?} in {self:#?}");
        }
        Ok(self)
    }
}
