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

/// So many bases that a module of the scene can move to. Gives the name by which they are selected, and their nodes.
pub(super) async fn other_bases(scene: &Scene<'_>, count: usize) -> Result<(String, Vec<String>)> {
    let name = format!("other-{}", scene.base);
    let mut nodes = Vec::new();
    for number in 0..count {
        let base = Base::new(format!("other{number}-{}", scene.namespace)).name(&name);
        nodes.push(scene.stage.plane.add_base(base).await?);
    }
    Ok((name, nodes))
}

/// Whether `others` run the new version of the module and nothing else of it, and the scene's own bases nothing.
pub(super) fn has_moved(scene: &Scene<'_>, others: &[String]) -> Result<(), String> {
    let runs = scene.stage.plane.ledger().now();
    let has = |node: &String, versions: &[&str]| runs.versions(node, "orders").iter().eq(versions);
    let is_right = others.iter().all(|node| has(node, &[NEW])) && scene.nodes.iter().all(|node| has(node, &[]));
    if is_right { Ok(()) } else { Err(runs.to_string()) }
}

#[rstest]
#[case::as_many(2, 2)]
#[case::four_to_two(4, 2)]
#[case::two_to_one(2, 1)]
#[tokio::test]
async fn a_move_to_other_bases_serves_on_the_old_ones_until_then(#[case] from: usize, #[case] to: usize) -> Result<()> {
    // Given bases with the module, and others without, not more than these
    let stage = shared().await?;
    let mut scene = Scene::with_bases(stage, from).await?;
    let (other, others) = other_bases(&scene, to).await?;
    scene.apply(&release("1.0.0", &scene.base)).await?;
    scene.ends_right("orders").await?;
    let (since, before) = (stage.plane.ledger().mark(), scene.pods_by_node("orders").await?);
    // When a new version is for the others, and does not turn Ready there
    let mut new = release(NEW, &other);
    new["spec"]["template"]["metadata"]["annotations"] = json!({READY_ANNOTATION: "never"});
    scene.apply(&new).await?;
    // Then the old ones are left to the rollout, and keep their Pods
    let held = format!("replicas stay {from} for now: Pods of departed bases have still to go");
    scene.hears("orders", "SyncHeld", &held).await?;
    scene.kept("orders", &before).await?;
    scene.untouched(&scene.nodes, "orders", since).await?;
    // When it turns Ready, then it runs on the others and nowhere else
    let moved = eventually("the module has moved", ROLLOUT, async || {
        scene.new_ones_turn_ready().await.map_err(|error| error.to_string())?;
        has_moved(&scene, &others)
    });
    if let Err(error) = moved.await {
        return Err(error.context(scene.kubectl(&["get", "deploy,rs,pods,events", "-o", "wide"]).await?.stdout));
    }
    scene.rolled_out("deployment/orders").await?;
    scene.says("orders", &format!("{to}/{to} bases")).await?;
    scene.nodes = others;
    let on: Vec<String> = scene.pods_by_node("orders").await?.into_iter().map(|(node, _)| node).collect();
    ensure!(on.len() == to && scene.nodes.iter().all(|node| on.contains(node)), "Pods are on {on:?}");
    scene.untouched(&scene.nodes, "orders", stage.plane.ledger().mark()).await
}
