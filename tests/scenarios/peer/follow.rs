//! Replicas that follow those of a workload, for bases that are ordinary pods and no vnodes.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use warden_testbed::{ORDINARY_NODE_LABEL, Options, Stage};

use crate::manifests::web_server;
use crate::scene::{Scene, raise};

const NODES: usize = 5;
/// How many Deployments are held for this reason.
const HELD: &str = r#"warden_peer_held{reason="nothing_to_follow"}"#;

#[tokio::test]
async fn replicas_follow_the_ready_ones_of_a_workload() -> Result<()> {
    // Given a cluster of ordinary nodes
    let mut stage = raise(Options::new()).await?;
    stage.serve(&[]).await?;
    for number in 0..NODES {
        stage.plane.add_ordinary_node(&format!("ordinary-{number}")).await?;
    }
    let elsewhere = stage.plane.namespace("bases").await?;
    followed(&stage, "StatefulSet", None).await?;
    followed(&stage, "Deployment", Some(&elsewhere)).await
}

/// A peer Deployment of modules that run on ordinary nodes and follow `workload`.
fn follower(scene: &Scene<'_>, workload: &str) -> Value {
    let mut manifest = scene.peer("orders");
    manifest["metadata"]["annotations"] = json!({"warden.koupleless.io/follow": workload});
    manifest["spec"]["replicas"] = json!(2);
    manifest["spec"]["template"]["spec"]["nodeSelector"] = json!({ORDINARY_NODE_LABEL: "true"});
    manifest
}

/// The bases, as a workload of pods that are no modules.
fn bases(kind: &str, replicas: u32) -> Value {
    let mut manifest = web_server("base");
    manifest["kind"] = json!(kind);
    manifest["spec"]["replicas"] = json!(replicas);
    // A StatefulSet takes its pods away one after the other.
    manifest["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(1);
    manifest
}

async fn followed(stage: &Stage, kind: &str, elsewhere: Option<&str>) -> Result<()> {
    let scene = Scene::with_bases(stage, 0).await?;
    let namespace = elsewhere.unwrap_or(&scene.namespace);
    let workload = elsewhere.map_or(format!("{kind}/base"), |namespace| format!("{namespace}/{kind}/base"));
    // When a peer Deployment follows what is not there, then the number stays what the user said, and people are told
    scene.apply(&follower(&scene, &workload)).await?;
    let nothing = format!("there is no {workload} to follow");
    scene.hears("orders", "SyncHeld", &format!("replicas stay 2 for now: {nothing}")).await?;
    scene.says("orders", &format!("2/? ready of {workload}, held: {nothing}")).await?;
    scene.metric_becomes(HELD, 1).await?;
    // When it comes, then the number is that of its ready replicas, and each module has a node
    let in_namespace = ["-n", namespace, "apply", "-f", "-"];
    stage.plane.kubectl_with_stdin(&in_namespace, &bases(kind, 3).to_string()).await?.expect_success()?;
    scene.replicas_become("orders", 3).await?;
    scene.hears("orders", "SyncResumed", "no longer held").await?;
    scene.metric_becomes(HELD, 0).await?;
    scene.rolled_out("deployment/orders").await?;
    // When it is scaled, then the number follows, up and down
    for replicas in [5, 4, 1, 2] {
        let (name, number) = (format!("{kind}/base"), format!("--replicas={replicas}"));
        stage.plane.kubectl(&["-n", namespace, "scale", &name, &number]).await?.expect_success()?;
        scene.replicas_become("orders", replicas).await?;
        scene.says("orders", &format!("{replicas}/{replicas} ready of {workload}")).await?;
        scene.rolled_out("deployment/orders").await?;
        println!("{workload} scaled to {replicas}: so is what follows it");
    }
    let pods = scene.pods_by_node("orders").await?;
    let nodes: BTreeSet<&str> = pods.iter().map(|(node, _)| node.as_str()).collect();
    ensure!(nodes.len() == 2 && pods.len() == 2 && nodes.iter().all(|node| node.starts_with("ordinary-")), "{pods:?}");
    // When it is deleted, then the number stays and people are told, and no Pod goes
    stage.plane.kubectl(&["-n", namespace, "delete", kind, "base"]).await?.expect_success()?;
    scene.says("orders", &format!("2/? ready of {workload}, held: {nothing}")).await?;
    scene.metric_becomes(HELD, 1).await?;
    scene.has_pods("orders", &pods).await?;
    let line = r"jsonpath={.spec.replicas} replicas, {.metadata.annotations.state\.warden\.koupleless\.io/peer}{'\n'}";
    scene.show(&["get", "deployment/orders", "-o", line]).await?;
    // When the follower is gone too, then nothing is held any more
    scene.kubectl(&["delete", "deployment/orders"]).await?.expect_success()?;
    scene.metric_becomes(HELD, 0).await
}
