//! The part of the tour about peer Deployments: a base joins, one leaves, a user scales by hand.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use warden_testbed::ledger::Module;
use warden_testbed::{Base, Stage, eventually};

use super::{LONG, heading, indented, kubectl, runs_on};

const FILE: &str = "examples/samples/peer.yaml";

/// Visits all of it. `bases` are there already.
pub(super) async fn visit(stage: &Stage, root: &Path, bases: usize) -> Result<()> {
    heading(&format!("kubectl apply -f {FILE}"));
    println!("A peer Deployment: a module on every base that it fits. The manifest does not say how many those are.\n");
    let file = root.join(FILE);
    print!("{}", indented(&kubectl(stage, &["apply", "-f", file.to_str().context("the path is not UTF-8")?]).await?));
    stands(stage, bases).await?;

    heading("A base joins");
    let joined = stage.plane.add_base(Base::new("10.0.0.4")).await?;
    println!("{joined} is there.");
    stands(stage, bases + 1).await?;

    heading("A base leaves");
    let gone = stage.plane.ledger().now().bases().next().context("there are no bases")?.to_owned();
    let since = stage.plane.ledger().mark();
    stage.plane.delete_base(&gone).await?;
    println!("{gone} is gone. Scaled down blindly, a ReplicaSet would take the Pod of a healthy base 5 times in 6.");
    stands(stage, bases).await?;
    stage.plane.ledger().catch_up(LONG).await?;
    for base in stage.plane.ledger().now().bases() {
        let gap = stage.plane.ledger().was_ever_without(base, MODULE.0, since);
        ensure!(gap.is_none(), "{gap:?}");
    }
    println!("No other base was without it at any time.");

    heading("kubectl scale deployment/peer --replicas=1");
    println!("What would be a mass uninstall is refused.\n");
    let scaled = stage.plane.kubectl(&["scale", "deployment/peer", "--replicas=1"]).await?;
    print!("{}", indented(&scaled.stderr));
    ensure!(!scaled.success, "a peer Deployment was scaled by hand");
    Ok(())
}

const MODULE: (&str, &str) = ("biz5", "1.0.0");

/// Waits until so many bases run the module and its Deployment says so, and prints both.
async fn stands(stage: &Stage, bases: usize) -> Result<()> {
    let what = runs_on(stage, &Module::new(MODULE.0, MODULE.1), bases).await?;
    let state = eventually("the state on the Deployment says so", LONG, async || {
        let path = "jsonpath={.metadata.annotations.state\\.warden\\.koupleless\\.io/peer}";
        let state = kubectl(stage, &["get", "deployment/peer", "-o", path]).await.map_err(|error| error.to_string())?;
        let message = message(&state).unwrap_or_default();
        if message == format!("{bases}/{bases} bases") { Ok(message) } else { Err(state) }
    });
    println!("deployment/peer: {}.\n{what}.", state.await?);
    Ok(())
}

fn message(state: &str) -> Option<String> {
    let state: Value = serde_json::from_str(state).ok()?;
    Some(state["message"].as_str()?.to_owned())
}
