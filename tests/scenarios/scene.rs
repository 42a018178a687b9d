//! A test's own bases and namespace on a stage.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;
use tokio::sync::OnceCell;
use warden_testbed::ledger::{Change, Mark};
use warden_testbed::{Base, KubectlOutput, Objects, Options, Stage, eventually};

/// Long enough for anything that a cluster does on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A test's part of a stage: a namespace, and bases whose base name no other test uses.
pub(crate) struct Scene<'s> {
    pub(crate) stage: &'s Stage,
    pub(crate) namespace: String,
    pub(crate) base: String,
    /// The nodes of the bases.
    pub(crate) nodes: Vec<String>,
}

/// The stage that tests share.
pub(crate) async fn shared() -> Result<&'static Stage> {
    static SHARED: OnceCell<Stage> = OnceCell::const_new();
    SHARED
        .get_or_try_init(|| async {
            let mut stage = raise(Options::new()).await?;
            stage.serve(&[]).await?;
            Ok(stage)
        })
        .await
}

/// A stage for one test, on which warden does not run yet.
pub(crate) async fn raise(options: Options) -> Result<Stage> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    Stage::raise(options, Path::new(env!("CARGO_BIN_EXE_warden")), &[], root).await
}

impl<'s> Scene<'s> {
    /// `count` bases of version 1.0.0, in environment dev.
    pub(crate) async fn with_bases(stage: &'s Stage, count: usize) -> Result<Self> {
        let namespace = stage.plane.namespace("scene").await?;
        let mut scene = Self { stage, base: format!("base-of-{namespace}"), namespace, nodes: Vec::new() };
        for number in 0..count {
            let base = scene.a_base(&format!("b{number}"));
            scene.nodes.push(stage.plane.add_base(base).await?);
        }
        Ok(scene)
    }

    /// A base of this scene, to be added.
    pub(crate) fn a_base(&self, name: &str) -> Base {
        Base::new(format!("{name}-{}", self.namespace)).name(&self.base)
    }

    pub(crate) async fn kubectl(&self, args: &[&str]) -> Result<KubectlOutput> {
        self.stage.plane.kubectl(&[&["-n", &self.namespace], args].concat()).await
    }

    /// `kubectl <args> -f -` with `manifest`.
    pub(crate) async fn kubectl_with(&self, args: &[&str], manifest: &Value) -> Result<KubectlOutput> {
        let args = [&["-n", &self.namespace], args, &["-f", "-"]].concat();
        self.stage.plane.kubectl_with_stdin(&args, &manifest.to_string()).await
    }

    /// `kubectl apply`, which must succeed. Gives its standard error: warnings.
    pub(crate) async fn apply(&self, manifest: &Value) -> Result<String> {
        let output = self.kubectl_with(&["apply"], manifest).await?;
        let warnings = output.stderr.clone();
        output.expect_success()?;
        Ok(warnings)
    }

    /// An object as it is stored, by kind and name: `deployment/orders`.
    pub(crate) async fn get(&self, what: &str) -> Result<Value> {
        self.objects()?.get(what).await
    }

    /// All objects of a kind in the namespace.
    pub(crate) async fn list(&self, kind: &str) -> Result<Vec<Value>> {
        self.objects()?.list(kind).await
    }

    /// Reads the namespace: for a question that is asked again and again over one connection.
    pub(crate) fn objects(&self) -> Result<Objects> {
        self.stage.plane.objects(&self.namespace)
    }

    /// The uids of all pods that are not being deleted.
    pub(crate) async fn pod_uids(&self) -> Result<Vec<String>> {
        let pods = self.list("pods").await?;
        let living = pods.iter().filter(|pod| pod["metadata"].get("deletionTimestamp").is_none());
        let mut uids: Vec<String> = living.map(|pod| pod["metadata"]["uid"].to_string()).collect();
        uids.sort();
        Ok(uids)
    }

    /// Waits until each of these nodes runs exactly the module.
    pub(crate) async fn each_runs(&self, nodes: &[String], name: &str, version: &str) -> Result<()> {
        for node in nodes {
            self.stage.plane.ledger().wait_until_runs(node, &[(name, version)], LONG).await?;
        }
        Ok(())
    }

    /// Waits until exactly `count` of the scene's bases run the module; gives their nodes.
    pub(crate) async fn some_run(&self, count: usize, name: &str, version: &str) -> Result<Vec<String>> {
        let what = format!("{count} bases run {name}:{version}");
        let wanted = warden_testbed::ledger::Module::new(name, version);
        let waited = self
            .stage
            .plane
            .ledger()
            .wait_until(&what, LONG, |ledger| {
                let runs = |node: &&String| ledger.runs(node).contains(&wanted);
                let running: Vec<String> = self.nodes.iter().filter(runs).cloned().collect();
                if running.len() == count { Ok(running) } else { Err(format!("{running:?} do")) }
            })
            .await;
        match waited {
            Ok(nodes) => Ok(nodes),
            Err(error) => Err(error.context(self.kubectl(&["get", "pods,events", "-o", "wide"]).await?.stdout)),
        }
    }

    /// `kubectl rollout status` to its end.
    pub(crate) async fn rolled_out(&self, workload: &str) -> Result<()> {
        self.kubectl(&["rollout", "status", workload, "--timeout=120s"]).await?.expect_success()?;
        Ok(())
    }

    /// Waits until `ask` of the list of `kind` is answered by true.
    pub(crate) async fn until(
        &self,
        what: &str,
        kind: &str,
        mut ask: impl FnMut(&[Value]) -> bool,
    ) -> Result<Vec<Value>> {
        let objects = self.objects()?;
        eventually(what, LONG, async || {
            let list = objects.list(kind).await.map_err(|error| error.to_string())?;
            if ask(&list) { Ok(list) } else { Err(serde_json::to_string(&list).unwrap_or_default()) }
        })
        .await
    }

    /// No base of the scene was without the module since, nor had it twice.
    pub(crate) async fn never_without(&self, name: &str, since: Mark) -> Result<()> {
        let ledger = self.stage.plane.ledger();
        ledger.catch_up(LONG).await?;
        for node in &self.nodes {
            let gap = ledger.was_ever_without(node, name, since);
            ensure!(gap.is_none(), "{gap:?}\n{}", ledger.now());
        }
        self.never_two(since).await
    }

    /// No two living pods had the same module on one base of the scene since. The bases of other tests are theirs to judge.
    pub(crate) async fn never_two(&self, since: Mark) -> Result<()> {
        let ledger = self.stage.plane.ledger();
        ledger.catch_up(LONG).await?;
        let now = ledger.now();
        ensure!(!self.nodes.is_empty(), "the scene has no bases to judge");
        let two = now
            .since(since)
            .iter()
            .find(|entry| matches!(entry.change, Change::TwoAtOnce { .. }) && self.nodes.contains(&entry.base));
        ensure!(two.is_none(), "{}\n{now}", two.map(ToString::to_string).unwrap_or_default());
        Ok(())
    }
}

/// The tolerations of a pod spec as sorted text, to compare and to find doubles in.
pub(crate) fn tolerations(spec: &Value) -> Vec<String> {
    let list = spec["tolerations"].as_array().cloned().unwrap_or_default();
    let mut texts: Vec<String> = list.iter().map(Value::to_string).collect();
    texts.sort();
    texts
}
