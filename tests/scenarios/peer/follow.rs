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

/// The same under another name, and without Pods.
fn named(mut manifest: Value, name: &str) -> Value {
    manifest["metadata"]["name"] = json!(name);
    manifest["spec"]["replicas"] = json!(0);
    manifest["spec"]["selector"]["matchLabels"] = json!({"app": name});
    manifest["spec"]["template"]["metadata"]["labels"]["app"] = json!(name);
    manifest
}

/// All that a user of the follower's namespace can read about what it follows: number, annotations and Events.
async fn seen(scene: &Scene<'_>) -> Result<Value> {
    let objects = scene.objects()?;
    let deployment = objects.get("deployment/orders").await?;
    let events = objects.list("events").await?;
    let events: Vec<_> = events
        .iter()
        .filter(|event| event["involvedObject"]["kind"] == "Deployment" && event["involvedObject"]["name"] == "orders")
        .map(|event| json!([event["reason"], event["message"], event["series"]["count"]]))
        .collect();
    Ok(json!([deployment["spec"]["replicas"], deployment["metadata"]["annotations"], events]))
}

async fn followed(stage: &Stage, kind: &str, elsewhere: Option<&str>) -> Result<()> {
    let scene = Scene::with_bases(stage, 0).await?;
    let namespace = elsewhere.unwrap_or(&scene.namespace);
    let workload = elsewhere.map_or(format!("{kind}/base"), |namespace| format!("{namespace}/{kind}/base"));
    // When a peer Deployment follows what is not there, then the number stays what the user said, and people are told
    scene.apply(&follower(&scene, &workload)).await?;
    let consent = ", or it does not consent by the annotation warden.koupleless.io/followers on it or on its Namespace";
    let consent = if elsewhere.is_some() { consent } else { "" };
    let nothing = format!("there is no {workload} to follow{consent}");
    scene.hears("orders", "SyncHeld", &format!("replicas stay 2 for now: {nothing}")).await?;
    scene.says("orders", &format!("2/? ready of {workload}, held: {nothing}")).await?;
    scene.metric_becomes(HELD, 1).await?;
    let in_namespace = ["-n", namespace, "apply", "-f", "-"];
    let come =
        async || stage.plane.kubectl_with_stdin(&in_namespace, &bases(kind, 3).to_string()).await?.expect_success();
    if elsewhere.is_some() {
        // When it comes, and its namespace does not consent, then nothing at all changes that can be read in this one
        let before = seen(&scene).await?;
        come().await?;
        let base = format!("{kind}/base");
        stage.plane.kubectl(&["-n", namespace, "rollout", "status", &base, "--timeout=60s"]).await?.expect_success()?;
        // A second peer Deployment that follows is created after it, so that all that was shown before has been seen by then.
        scene.apply(&named(follower(&scene, &workload), "later")).await?;
        scene.says("later", &format!("0/? ready of {workload}, held: {nothing}")).await?;
        similar_asserts::assert_eq!(seen(&scene).await?, before);
        scene.kubectl(&["delete", "deployment/later"]).await?.expect_success()?;
        scene.metric_becomes(HELD, 1).await?;
        // and when it does
        let consent = format!("warden.koupleless.io/followers={}", scene.namespace);
        stage.plane.kubectl(&["annotate", "namespace", namespace, &consent]).await?.expect_success()?;
    } else {
        // When it comes
        come().await?;
    }
    // Then the number is that of its ready replicas, and each module has a node
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
