//! ModuleController is down: all nodes of bases are unreachable, and the bases serve on.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::time::sleep;
use warden_testbed::{AuditLine, Options, Stage};

use crate::outage::{canary, is_canary};
use crate::scene::{Scene, raise};

/// An hour, in a cluster that evicts after 3 s instead of 300.
const HOUR: Duration = Duration::from_secs(36);

const WARDEN: &str = "system:serviceaccount:koupleless-warden:koupleless-warden";

/// The writes since then that could cost a base its module: every write of warden but those of its lease, and by any user
/// those of the Deployment (but for its status), of its scale, and those that end a module's Pod.
fn writes_that_count(stage: &Stage, since: usize, deployment: &str) -> Result<Vec<AuditLine>> {
    let counts = |line: &AuditLine| {
        let of_deployment = line.uri.contains(&format!("/deployments/{deployment}")) && !line.uri.contains("/status");
        let ends_pod =
            line.uri.contains("/eviction") || (line.uri.contains("/pods") && line.verb.starts_with("delete"));
        (line.user == WARDEN && !line.uri.contains("/leases/"))
            || of_deployment
            || (ends_pod && !line.uri.contains("/pods/canary-"))
    };
    Ok(stage.plane.audit()?.into_iter().skip(since).filter(counts).collect())
}

#[tokio::test]
async fn an_outage_of_module_controller_changes_nothing() -> Result<()> {
    // Given a cluster in which a second stands for a hundred, with so many ordinary nodes that stay Ready that Kubernetes
    // evicts from the others (it stops where more than 55 % of a zone are unhealthy, from three on)
    let options = Options::new()
        .audit_writes()
        .node_monitor_grace_period(Duration::from_secs(4))
        .api_server_arg("--default-unreachable-toleration-seconds=3")
        .api_server_arg("--default-not-ready-toleration-seconds=3");
    let mut stage = raise(options).await?;
    stage.serve(&["--default-toleration-seconds=3".to_owned()]).await?;
    for number in 0..3 {
        stage.plane.add_ordinary_node(&format!("ordinary-{number}")).await?;
    }
    // And a peer Deployment on three bases, beside pods that are no modules
    let mut scene = Scene::with_peers(&stage, 3, "orders").await?;
    for (number, node) in scene.nodes.iter().enumerate() {
        scene.apply(&canary(number, node)).await?;
    }
    let bound = ["wait", "pods", "--selector=app=canary", "--for=jsonpath={.spec.nodeName}", "--timeout=60s"];
    scene.kubectl(&bound).await?.expect_success()?;
    let (since, before) = (stage.plane.ledger().mark(), scene.pods_by_node("orders").await?);
    let audited = stage.plane.audit()?.len();
    // When the nodes of all bases fall silent until all Pods that can be evicted are, and then for an hour
    for node in &scene.nodes {
        stage.plane.make_not_ready(node).await?;
    }
    scene
        .until("the canaries are evicted", "pods", |pods| {
            pods.iter().all(|pod| !is_canary(pod) || pod["metadata"].get("deletionTimestamp").is_some())
        })
        .await?;
    sleep(HOUR).await;
    // Then nothing was written, the Pods are the very same, and no base was ever without the module
    scene.show(&["get", "nodes"]).await?;
    scene.show(&["get", "deployment/orders"]).await?;
    scene.show(&["get", "pods", "--selector=app=orders", "-o", "wide"]).await?;
    scene.has_pods("orders", &before).await?;
    scene.never_without("orders", since).await?;
    let written = writes_that_count(&stage, audited, "orders")?;
    println!("by the audit log, of {} writes in the outage:", stage.plane.audit()?.len() - audited);
    println!("  by warden but for its lease, to the Deployment, or ending a module's Pod: {}", written.len());
    ensure!(written.is_empty(), "{written:#?}");
    // And warden was there all the time
    ensure!(scene.metric("warden_leads{lease=\"koupleless-warden\"}").await? == 1);
    // When ModuleController is back, then nothing happens either
    for node in &scene.nodes {
        stage.plane.make_ready(node).await?;
    }
    sleep(HOUR / 10).await;
    scene.has_pods("orders", &before).await?;
    let written = writes_that_count(&stage, audited, "orders")?;
    println!("the same, when it is back: {}", written.len());
    ensure!(written.is_empty(), "{written:#?}");
    // When another base comes, then it is the first thing to be written for, and gets the module
    let staying = scene.nodes.clone();
    scene.one_comes("after").await?;
    scene.ends_right("orders").await?;
    let written = writes_that_count(&stage, audited, "orders")?;
    let first = written.iter().find(|line| line.user == WARDEN).context("warden has written nothing")?;
    ensure!(first.uri.contains("/scale"), "{written:#?}");
    scene.kept("orders", &before).await?;
    scene.untouched(&staying, "orders", since).await
}
