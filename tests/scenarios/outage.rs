//! ModuleController is down: its nodes are unreachable, and the bases serve on.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use warden_testbed::Options;

use crate::manifests::Module;
use crate::scene::{LONG, Scene, raise};

/// A pod for one base that is no module, and that an outage evicts.
pub(crate) fn canary(number: usize, node: &str) -> Value {
    let taint = |key: &str| json!({"key": format!("schedule.koupleless.io/{key}"), "operator": "Exists"});
    let only_here = json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}]);
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": format!("canary-{number}"), "labels": {"app": "canary"}},
        "spec": {
            "containers": [{"name": "canary", "image": "nginx"}],
            "affinity": {"nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": only_here},
            }},
            "tolerations": [taint("virtual-node"), taint("node-env")],
        },
    })
}

pub(crate) fn is_canary(pod: &Value) -> bool {
    pod["metadata"]["labels"]["app"] == "canary"
}

#[tokio::test]
async fn an_outage_of_module_controller_evicts_no_module() -> Result<()> {
    // Given a cluster that evicts after 3 s instead of 300, with an ordinary node that stays Ready
    let options = Options::new()
        .node_monitor_grace_period(Duration::from_secs(4))
        .api_server_arg("--default-unreachable-toleration-seconds=3")
        .api_server_arg("--default-not-ready-toleration-seconds=3");
    let mut stage = raise(options).await?;
    stage.serve(&["--default-toleration-seconds=3".to_owned()]).await?;
    stage.plane.add_ordinary_node("ordinary").await?;
    let scene = Scene::with_bases(&stage, 2).await?;
    // And a module on both bases, and beside it on each a pod that tolerates the bases and is no module
    scene.apply(&Module::new("stays", "1.0.0", &scene.base).deployment(2)).await?;
    scene.each_runs(&scene.nodes, "stays", "1.0.0").await?;
    scene.rolled_out("deployment/stays").await?;
    let modules = scene.pod_uids().await?;
    for (number, node) in scene.nodes.iter().enumerate() {
        scene.apply(&canary(number, node)).await?;
    }
    let bound = ["wait", "pods", "--selector=app=canary", "--for=jsonpath={.spec.nodeName}", "--timeout=60s"];
    scene.kubectl(&bound).await?.expect_success()?;
    let since = stage.plane.ledger().mark();
    // When the nodes of both bases fall silent, for longer than the eviction takes: both canaries are gone
    for node in &scene.nodes {
        stage.plane.make_not_ready(node).await?;
    }
    scene
        .until("the canaries are evicted", "pods", |pods| {
            pods.iter().all(|pod| !is_canary(pod) || pod["metadata"].get("deletionTimestamp").is_some())
        })
        .await?;
    // Then the modules' pods are the very same, and no base was ever without the module
    let pods = scene.list("pods").await?;
    let evicted = pods.iter().filter(|pod| !is_canary(pod) && pod["metadata"].get("deletionTimestamp").is_some());
    ensure!(evicted.count() == 0, "{pods:?}");
    let kept: Vec<String> = scene.pod_uids().await?.into_iter().filter(|uid| modules.contains(uid)).collect();
    ensure!(kept == modules, "{kept:?} of {modules:?}");
    scene.never_without("stays", since).await?;
    // When ModuleController is back, then nothing happens
    for node in &scene.nodes {
        stage.plane.make_ready(node).await?;
    }
    stage.plane.ledger().catch_up(LONG).await?;
    scene.never_without("stays", since).await
}
