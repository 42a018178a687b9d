//! A peer Deployment that another controller owns is a peer like any other.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::time::{Instant, sleep};
use warden_testbed::Options;

use super::ends::in_haste;
use crate::scene::{LONG, Scene, raise};

/// How long, and how often, its owner writes what it wants.
const OWNER_WRITES: Duration = Duration::from_secs(20);
const EACH: Duration = Duration::from_secs(1);

#[tokio::test]
async fn an_owned_peer_follows_its_bases_and_keeps_its_number() -> Result<()> {
    // Given a peer on three bases that belongs to another object
    let mut stage = raise(Options::new()).await?;
    stage.serve(&in_haste()).await?;
    let mut scene = Scene::with_bases(&stage, 3).await?;
    scene.kubectl(&["create", "configmap", "owner"]).await?.expect_success()?;
    let owner = scene.get("configmap/owner").await?;
    let mut peer = scene.peer("orders");
    peer["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"], "controller": true,
    }]);
    // Its webhook fills in nothing on it, so its owner says where its Pods run.
    peer["spec"]["template"]["metadata"]["annotations"] = peer["metadata"]["annotations"].clone();
    scene.apply(&peer).await?;
    scene.replicas_become("orders", 3).await?;
    scene.some_run(3, "orders", "1.0.0").await?;
    let since = stage.plane.ledger().mark();
    // When its owner writes another number each second, then no base loses the module
    let end = Instant::now() + OWNER_WRITES;
    while Instant::now() < end {
        let one = json!({"spec": {"replicas": 1}}).to_string();
        scene.kubectl(&["patch", "deployment/orders", "--type=merge", "-p", &one]).await?.expect_success()?;
        sleep(EACH).await;
    }
    ensure!(scene.replicas("orders").await? == 3, "its owner's number is stored");
    scene.untouched(&scene.nodes, "orders", since).await?;
    // When a base joins, it gets the module
    scene.one_comes("joins").await?;
    scene.replicas_become("orders", 4).await?;
    scene.some_run(4, "orders", "1.0.0").await?;
    // When a Pod is deleted, its base gets another one
    let pods = scene.list("pods").await?;
    let pod = pods.first().and_then(|pod| pod["metadata"]["name"].as_str()).context("no Pod")?;
    scene.kubectl(&["delete", "pod", pod, "--wait=true"]).await?.expect_success()?;
    scene.some_run(4, "orders", "1.0.0").await?;
    // When a base goes, the others keep theirs
    let since = stage.plane.ledger().mark();
    scene.one_goes(0).await?;
    scene.replicas_become("orders", 3).await?;
    scene.each_runs(&scene.nodes, "orders", "1.0.0").await?;
    stage.plane.ledger().catch_up(LONG).await?;
    scene.untouched(&scene.nodes, "orders", since).await
}
