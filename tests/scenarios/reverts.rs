//! Modules from before warden that are released and taken back: the old ReplicaSet is used again, and no base is ever without the
//! module. Judged by the ledger; `kubectl` shows every Pod Ready in each of these cases.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warden_testbed::{Options, READY_ANNOTATION, Stage};

use crate::manifests::Module;
use crate::scene::{Scene, raise};

/// A module as it ran before warden: it selects its bases and tolerates them by itself, and prefers to be spread.
fn by_hand(scene: &Scene<'_>, kind: &str, version: &str) -> Value {
    let mut manifest = Module::new("orders", version, &scene.base).workload(kind, json!({"replicas": 3}));
    if kind == "Deployment" {
        manifest["spec"]["strategy"] = json!({"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}});
    }
    manifest["metadata"]["annotations"] = json!({});
    // The annotation is there in both versions: kubectl's first server-side apply after client-side ones removes nothing at once.
    manifest["spec"]["template"]["metadata"]["annotations"] = json!({READY_ANNOTATION: "at once"});
    let spec = &mut manifest["spec"]["template"]["spec"];
    spec["tolerations"] = json!([
        {"key": "schedule.koupleless.io/virtual-node", "operator": "Exists", "effect": "NoExecute"},
        {"key": "schedule.koupleless.io/node-env", "operator": "Equal", "value": "dev", "effect": "NoExecute"},
    ]);
    spec["nodeSelector"] = json!({"base.koupleless.io/name": scene.base});
    let term = json!({
        "topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "orders"}},
    });
    spec["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] =
        json!([{"weight": 100, "podAffinityTerm": term}]);
    manifest
}

/// Version 2, whose Pods never get Ready.
fn stalling(mut manifest: Value) -> Value {
    manifest["spec"]["template"]["metadata"]["annotations"][READY_ANNOTATION] = json!("never");
    manifest
}

/// The same as a plain manifest: its base is declared, and its own selection and tolerations are gone.
fn plain(scene: &Scene<'_>, version: &str) -> Value {
    let mut manifest = Module::new("orders", version, &scene.base).deployment(3);
    manifest["spec"]["strategy"] = json!({"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}});
    manifest
}

/// How version 1 comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Back {
    Apply,
    ServerSide,
    Replace,
    Undo,
}

const WAYS: [Back; 4] = [Back::Apply, Back::ServerSide, Back::Replace, Back::Undo];

async fn send(scene: &Scene<'_>, back: Back, manifest: &Value) -> Result<()> {
    let workload = format!("{}/orders", manifest["kind"].as_str().unwrap_or_default().to_lowercase());
    let sent = match back {
        Back::Apply => scene.kubectl_with(&["apply"], manifest).await?,
        Back::ServerSide => scene.kubectl_with(&["apply", "--server-side", "--force-conflicts"], manifest).await?,
        Back::Replace => scene.kubectl_with(&["replace"], manifest).await?,
        Back::Undo => scene.kubectl(&["rollout", "undo", &workload]).await?,
    };
    sent.expect_success().map(|_| ())
}

/// Scenes on one stage, each with three bases that run version 1, from before warden.
async fn scenes(stage: &Stage, kind: &str, count: usize) -> Result<Vec<(String, String, Vec<String>)>> {
    let mut scenes = Vec::new();
    for _ in 0..count {
        let scene = Scene::with_bases(stage, 3).await?;
        scene.apply(&by_hand(&scene, kind, "1.0.0")).await?;
        scenes.push((scene.namespace, scene.base, scene.nodes));
    }
    for (namespace, base, nodes) in &scenes {
        let scene = on(stage, (namespace, base, nodes));
        scene.rolled_out(&format!("{}/orders", kind.to_lowercase())).await?;
        scene.each_runs(&scene.nodes, "orders", "1.0.0").await?;
    }
    Ok(scenes)
}

fn on<'s>(stage: &'s Stage, (namespace, base, nodes): (&str, &str, &[String])) -> Scene<'s> {
    Scene { stage, namespace: namespace.to_owned(), base: base.to_owned(), nodes: nodes.to_vec() }
}

/// Waits until a Pod of version 2 is on a base: the release has begun, and stalls.
async fn stalls(scene: &Scene<'_>) -> Result<()> {
    scene.some_run(1, "orders", "2.0.0").await.map(|_| ())
}

/// That version 1 runs on each base alone, was on each all the time, and is of its first revision.
async fn is_back(scene: &Scene<'_>, kind: &str, since: warden_testbed::ledger::Mark, template: &Value) -> Result<()> {
    scene.rolled_out(&format!("{}/orders", kind.to_lowercase())).await?;
    scene.each_runs(&scene.nodes, "orders", "1.0.0").await?;
    scene.never_without("orders", since).await?;
    let stored = scene.get(&format!("{}/orders", kind.to_lowercase())).await?;
    ensure!(stored["spec"]["template"] == *template, "{}, before: {template}", stored["spec"]["template"]);
    let revisions = if kind == "Deployment" { "replicasets" } else { "controllerrevisions" };
    let revisions = scene.list(revisions).await?;
    ensure!(revisions.len() == 2, "{} revisions: {revisions:?}", revisions.len());
    Ok(())
}

async fn template(scene: &Scene<'_>, kind: &str) -> Result<Value> {
    Ok(scene.get(&format!("{}/orders", kind.to_lowercase())).await?["spec"]["template"].clone())
}

#[tokio::test]
async fn a_release_over_a_deployment_from_before_warden_can_be_taken_back_in_every_way() -> Result<()> {
    // Given Deployments from before warden, and among them some in mid-rollout when it is installed
    let mut stage = raise(Options::new()).await?;
    let given = scenes(&stage, "Deployment", 3 * WAYS.len()).await?;
    let mut templates = Vec::new();
    for (number, (namespace, base, nodes)) in given.iter().enumerate() {
        let scene = on(&stage, (namespace, base, nodes));
        templates.push(template(&scene, "Deployment").await?);
        if number < WAYS.len() {
            scene.apply(&stalling(by_hand(&scene, "Deployment", "2.0.0"))).await?;
            stalls(&scene).await?;
        }
    }
    stage.serve(&[]).await?;
    let since = stage.plane.ledger().mark();
    // When version 2 is applied to the others, as the first was written or as a plain manifest, and stalls
    for (number, (namespace, base, nodes)) in given.iter().enumerate().skip(WAYS.len()) {
        let scene = on(&stage, (namespace, base, nodes));
        let release =
            if number < 2 * WAYS.len() { by_hand(&scene, "Deployment", "2.0.0") } else { plain(&scene, "2.0.0") };
        scene.apply(&stalling(release)).await?;
        stalls(&scene).await?;
    }
    // And version 1 comes back, this way or that
    for (number, (namespace, base, nodes)) in given.iter().enumerate() {
        let scene = on(&stage, (namespace, base, nodes));
        let back = WAYS[number % WAYS.len()];
        send(&scene, back, &by_hand(&scene, "Deployment", "1.0.0")).await.context(format!("{number}: {back:?}"))?;
        let stored = template(&scene, "Deployment").await?;
        ensure!(stored == templates[number], "{number}: {back:?}: {stored}, before: {}", templates[number]);
    }
    // Then its ReplicaSet is used again, there is no third, and no base was ever without the module
    for (number, (namespace, base, nodes)) in given.iter().enumerate() {
        let scene = on(&stage, (namespace, base, nodes));
        let back = WAYS[number % WAYS.len()];
        is_back(&scene, "Deployment", since, &templates[number]).await.context(format!("{number}: {back:?}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn a_release_over_a_stateful_set_from_before_warden_can_be_taken_back() -> Result<()> {
    // Given StatefulSets from before warden
    let mut stage = raise(Options::new()).await?;
    let given = scenes(&stage, "StatefulSet", WAYS.len()).await?;
    stage.serve(&[]).await?;
    for ((namespace, base, nodes), back) in given.iter().zip(WAYS) {
        let scene = on(&stage, (namespace, base, nodes));
        let before = template(&scene, "StatefulSet").await?;
        // When version 2 is applied and stalls at its first Pod
        scene.apply(&stalling(by_hand(&scene, "StatefulSet", "2.0.0"))).await?;
        stalls(&scene).await?;
        let since = stage.plane.ledger().mark();
        // And version 1 comes back. A StatefulSet does not replace a Pod that is not Ready by itself (a known issue of Kubernetes)
        send(&scene, back, &by_hand(&scene, "StatefulSet", "1.0.0")).await.context(format!("{back:?}"))?;
        let pods = scene.list("pods").await?;
        let stalled = pods.iter().find(|pod| pod["metadata"]["annotations"][READY_ANNOTATION] == "never");
        if let Some(name) = stalled.and_then(|pod| pod["metadata"]["name"].as_str()) {
            scene.kubectl(&["delete", "pod", name, "--wait=false"]).await?.expect_success()?;
        }
        // Then it is its old revision, on each base alone, and nothing was taken from the other bases
        scene.rolled_out("statefulset/orders").await?;
        scene.each_runs(&scene.nodes, "orders", "1.0.0").await?;
        scene.never_two(since).await?;
        ensure!(template(&scene, "StatefulSet").await? == before, "{back:?}");
        let revisions = scene.list("controllerrevisions").await?;
        ensure!(revisions.len() == 2, "{back:?}: {revisions:?}");
    }
    Ok(())
}

/// A chart with the manifest as its only template.
fn chart(folder: &std::path::Path, manifest: &Value) -> Result<()> {
    std::fs::create_dir_all(folder.join("templates"))?;
    std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: orders\nversion: 1.0.0\n")?;
    std::fs::write(folder.join("templates/orders.json"), manifest.to_string())?;
    Ok(())
}

#[tokio::test]
async fn a_helm_release_from_before_warden_is_rolled_back() -> Result<()> {
    // Given a release of a chart from before warden, on three bases
    let mut stage = raise(Options::new()).await?;
    let scene = Scene::with_bases(&stage, 3).await?;
    let folder = stage.plane.dir().join("chart");
    let path = folder.to_str().context("the path is not UTF-8")?.to_owned();
    chart(&folder, &by_hand(&scene, "Deployment", "1.0.0"))?;
    stage.plane.helm(&["install", "orders", &path, "-n", &scene.namespace]).await?;
    scene.rolled_out("deployment/orders").await?;
    scene.each_runs(&scene.nodes, "orders", "1.0.0").await?;
    let before = template(&scene, "Deployment").await?;
    let Scene { namespace, base, nodes, .. } = scene;
    stage.serve(&[]).await?;
    let scene = on(&stage, (&namespace, &base, &nodes));
    let since = stage.plane.ledger().mark();
    // When an upgrade stalls, and is rolled back
    chart(&folder, &stalling(by_hand(&scene, "Deployment", "2.0.0")))?;
    stage.plane.helm(&["upgrade", "orders", &path, "-n", &namespace]).await?;
    stalls(&scene).await?;
    stage.plane.helm(&["rollback", "orders", "1", "-n", &namespace]).await?;
    // Then its ReplicaSet is used again, and no base was ever without the module
    is_back(&scene, "Deployment", since, &before).await
}
