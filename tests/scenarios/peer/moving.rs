//! A new version of the module that is for other bases than the one before.

use std::time::Duration;

use anyhow::{Result, ensure};
use rstest::rstest;
use serde_json::json;
use warden_testbed::{Base, READY_ANNOTATION, eventually};

use super::rollout::release;
use crate::scene::{Scene, shared};

const NEW: &str = "2.0.0";
/// What the rollout may take.
const ROLLOUT: Duration = Duration::from_secs(120);

#[tokio::test]
async fn who_moves_to_other_bases_serves_on_the_old_ones_until_then() -> Result<()> {
    // Given two bases with the module, and two others without
    let stage = shared().await?;
    let mut scene = Scene::with_bases(stage, 2).await?;
    let other = format!("other-{}", scene.base);
    let mut others = Vec::new();
    for number in 0..2 {
        let base = Base::new(format!("other{number}-{}", scene.namespace)).name(&other);
        others.push(stage.plane.add_base(base).await?);
    }
    scene.apply(&release("1.0.0", &scene.base)).await?;
    scene.ends_right("orders").await?;
    let (since, before) = (stage.plane.ledger().mark(), scene.pods_by_node("orders").await?);
    // When a new version is for the others, and does not turn Ready there
    let mut new = release(NEW, &other);
    new["spec"]["template"]["metadata"]["annotations"] = json!({READY_ANNOTATION: "never"});
    scene.apply(&new).await?;
    // Then the old ones are left to the rollout, and keep their Pods
    scene.hears("orders", "SyncHeld", "replicas stay 2 for now: Pods of departed bases have still to go").await?;
    scene.kept("orders", &before).await?;
    scene.untouched(&scene.nodes, "orders", since).await?;
    // When it turns Ready, then it runs on the others and nowhere else
    let moved = eventually("the module has moved", ROLLOUT, async || {
        scene.new_ones_turn_ready().await.map_err(|error| error.to_string())?;
        let runs = stage.plane.ledger().now();
        let has = |node: &String, versions: &[&str]| runs.versions(node, "orders").iter().eq(versions);
        let is_right = others.iter().all(|node| has(node, &[NEW])) && scene.nodes.iter().all(|node| has(node, &[]));
        if is_right { Ok(()) } else { Err(runs.to_string()) }
    });
    moved.await?;
    scene.rolled_out("deployment/orders").await?;
    scene.says("orders", "2/2 bases").await?;
    scene.nodes = others;
    let on: Vec<String> = scene.pods_by_node("orders").await?.into_iter().map(|(node, _)| node).collect();
    ensure!(on.len() == 2 && scene.nodes.iter().all(|node| on.contains(node)), "Pods are on {on:?}");
    Ok(())
}

#[rstest]
#[case::four_to_two(4, 2)]
#[case::two_to_one(2, 1)]
#[tokio::test]
async fn a_move_to_fewer_bases_ends(#[case] from: usize, #[case] to: usize) -> Result<()> {
    // Given bases with the module, and fewer others without
    let stage = shared().await?;
    let mut scene = Scene::with_bases(stage, from).await?;
    let other = format!("other-{}", scene.base);
    let mut others = Vec::new();
    for number in 0..to {
        let base = Base::new(format!("other{number}-{}", scene.namespace)).name(&other);
        others.push(stage.plane.add_base(base).await?);
    }
    scene.apply(&release("1.0.0", &scene.base)).await?;
    scene.ends_right("orders").await?;
    let (since, before) = (stage.plane.ledger().mark(), scene.pods_by_node("orders").await?);
    // When a new version is for the others, and does not turn Ready there, then the old ones keep their Pods
    let mut new = release(NEW, &other);
    new["spec"]["template"]["metadata"]["annotations"] = json!({READY_ANNOTATION: "never"});
    scene.apply(&new).await?;
    scene.hears("orders", "SyncHeld", "Pods of departed bases have still to go").await?;
    scene.kept("orders", &before).await?;
    scene.untouched(&scene.nodes, "orders", since).await?;
    // When it turns Ready, then it ends with one Pod on each of the others, and none elsewhere
    let moved = eventually("the module has moved", ROLLOUT, async || {
        scene.new_ones_turn_ready().await.map_err(|error| error.to_string())?;
        let runs = stage.plane.ledger().now();
        let has = |node: &String, versions: &[&str]| runs.versions(node, "orders").iter().eq(versions);
        let is_right = others.iter().all(|node| has(node, &[NEW])) && scene.nodes.iter().all(|node| has(node, &[]));
        if is_right { Ok(()) } else { Err(runs.to_string()) }
    });
    if let Err(error) = moved.await {
        return Err(error.context(scene.kubectl(&["get", "deploy,rs,pods,events", "-o", "wide"]).await?.stdout));
    }
    scene.rolled_out("deployment/orders").await?;
    scene.says("orders", &format!("{to}/{to} bases")).await?;
    scene.nodes = others;
    scene.untouched(&scene.nodes.clone(), "orders", stage.plane.ledger().mark()).await
}
