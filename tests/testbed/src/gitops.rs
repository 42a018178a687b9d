//! The diff engines of Argo CD and Flux, as their controllers use them.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::ControlPlane;
use crate::go_build::Source;

const SOURCE: Source = Source {
    name: "gitops",
    module: "github.com/argoproj/gitops-engine",
    go_mod: include_str!("../go/gitops/go.mod"),
    go_sum: include_str!("../go/gitops/go.sum"),
    main_go: Some(include_str!("../go/gitops/main.go")),
    programs: &[("gitops", ".")],
    duration: "4 minutes",
};

/// An engine that compares a manifest with the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffEngine {
    /// Argo CD's default, by the last applied configuration.
    Argo,
    /// Argo CD's server-side diff, for the field manager `argocd-controller`.
    ArgoServerSide,
    /// Flux's, which applies the manifest first.
    Flux,
}

/// What an engine says of an object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Drift {
    /// Whether the object differs from its manifest.
    pub drift: bool,
    /// The object in the cluster, where it differs.
    #[serde(default)]
    pub live: Value,
    /// What the manifest would make of it, where it differs.
    #[serde(default)]
    pub predicted: Value,
}

impl Drift {
    fn without_status(mut self) -> Self {
        for object in [&mut self.live, &mut self.predicted] {
            object.as_object_mut().map(|object| object.remove("status"));
        }
        Self { drift: self.drift && self.live != self.predicted, ..self }
    }
}

impl ControlPlane {
    /// What `engine` says of the object that `manifest` stands for, as the cluster's administrator. The status is left out, as Argo CD
    /// does (`ignoreResourceStatusField` in its configuration is `all` by default): its server-side diff reads the object before it has
    /// it predicted, and takes a field of the status that goes away in between for one that the manifest removes.
    ///
    /// # Errors
    /// If it fails; the error is what it said.
    pub async fn drift(&self, engine: DiffEngine, namespace: &str, manifest: &Value) -> Result<Drift> {
        let is_flux = engine == DiffEngine::Flux;
        let (kubeconfig, namespace, manifest) =
            (self.kubeconfig().to_owned(), namespace.to_owned(), manifest.to_string());
        let engine = match engine {
            DiffEngine::Argo => "argo",
            DiffEngine::ArgoServerSide => "argo-server-side",
            DiffEngine::Flux => "flux",
        };
        tokio::task::spawn_blocking(move || {
            let mut command = Command::new(program()?);
            command.args([engine, &namespace]).env("KUBECONFIG", kubeconfig);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().context("cannot start the diff engines")?;
            child.stdin.take().context("it has no input")?.write_all(manifest.as_bytes())?;
            let output = child.wait_with_output()?;
            if !output.status.success() {
                bail!("{engine} failed: {}", String::from_utf8_lossy(&output.stderr));
            }
            let reported: Drift = serde_json::from_slice(&output.stdout)?;
            Ok(if is_flux { reported } else { reported.without_status() })
        })
        .await?
    }
}

/// Found as Helm is (see [`helm_program`](crate::helm_program)).
fn program() -> Result<PathBuf> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let find = || SOURCE.find_or_build()?.remove("gitops").context("the diff engines were not built");
    FOUND.get_or_init(|| find().map_err(|error| format!("{error:#}"))).clone().map_err(|error| anyhow!(error))
}
