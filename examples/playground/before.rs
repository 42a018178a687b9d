//! The part of the tour about a Deployment that was made before warden, and is reverted under it.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use warden_testbed::ledger::{Mark, Module};
use warden_testbed::{READY_ANNOTATION, Stage};

use super::{LONG, heading, indented, kubectl, runs_on};

const FILE: &str = "examples/samples/early.yaml";
const NAME: &str = "biz6";

/// Applies it, while warden is not there yet.
pub(super) async fn apply(stage: &Stage, root: &Path) -> Result<()> {
    heading(&format!("kubectl apply -f {FILE}, before warden is installed"));
    print!("{}", indented(&send(stage, &manifest(root)?).await?));
    run(stage, "1.0.0", 3).await
}

/// Releases a version that stalls, and applies the old manifest again. `bases` are there.
pub(super) async fn visit(stage: &Stage, root: &Path, bases: usize) -> Result<()> {
    heading("A release over a Deployment from before warden stalls, and is taken back");
    println!("Version 2.0.0, whose Pods never get Ready, and then the old manifest again.\n");
    let since = stage.plane.ledger().mark();
    let old = manifest(root)?;
    let mut new: Value = serde_json::from_str(&old.to_string().replace("1.0.0-ark", "2.0.0-ark"))?;
    new["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = json!("2.0.0");
    new["spec"]["template"]["metadata"]["annotations"][READY_ANNOTATION] = json!("never");
    print!("{}", indented(&send(stage, &new).await?));
    run(stage, "2.0.0", 1).await?;
    print!("{}", indented(&send(stage, &old).await?));
    kubectl(stage, &["rollout", "status", "deployment/early", "--timeout=60s"]).await?;
    run(stage, "1.0.0", bases).await?;
    never_without(stage, since).await?;
    let sets = kubectl(stage, &["get", "replicasets", "-l", "app=early", "-o", "name"]).await?;
    ensure!(sets.lines().count() == 2, "there are other ReplicaSets than those of the two versions: {sets}");
    println!("No base was without it at any time, and the old ReplicaSet is used again: there is no third.");
    Ok(())
}

fn manifest(root: &Path) -> Result<Value> {
    Ok(serde_saphyr::from_str(&fs::read_to_string(root.join(FILE))?)?)
}

async fn send(stage: &Stage, manifest: &Value) -> Result<String> {
    stage.plane.kubectl_with_stdin(&["apply", "-f", "-"], &manifest.to_string()).await?.expect_success()
}

async fn run(stage: &Stage, version: &str, bases: usize) -> Result<()> {
    println!("{}.", runs_on(stage, &Module::new(NAME, version), bases).await?);
    Ok(())
}

async fn never_without(stage: &Stage, since: Mark) -> Result<()> {
    let ledger = stage.plane.ledger();
    ledger.catch_up(LONG).await?;
    for base in ledger.now().bases() {
        let gap = ledger.was_ever_without(base, NAME, since);
        ensure!(gap.is_none(), "{gap:?}");
    }
    Ok(())
}
