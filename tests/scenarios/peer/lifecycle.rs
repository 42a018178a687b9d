//! Bases come, go, and get another version.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::scene::{LONG, Scene, shared};

/// Upstream's own scenario (ModuleController's peer controller), told by the ledger.
#[tokio::test]
async fn replicas_follow_bases_that_come_and_go() -> Result<()> {
    // Given no base, and a peer Deployment whose manifest says one replica
    let stage = shared().await?;
    let mut scene = Scene::with_bases(stage, 0).await?;
    scene.apply(&scene.peer("orders")).await?;
    // Then it has none, from the beginning
    ensure!(scene.replicas("orders").await? == 0);
    // When base A joins, then it has one, and A runs the module
    let a = stage.plane.add_base(scene.a_base("a")).await?;
    stage.plane.ledger().wait_until_runs(&a, &[("orders", "1.0.0")], LONG).await?;
    ensure!(scene.replicas("orders").await? == 1);
    let since = stage.plane.ledger().mark();
    // When base B joins, then it has two, and B runs it as well
    let b = stage.plane.add_base(scene.a_base("b")).await?;
    stage.plane.ledger().wait_until_runs(&b, &[("orders", "1.0.0")], LONG).await?;
    ensure!(scene.replicas("orders").await? == 2);
    // When a Deployment for another cluster of bases is made, then that one has none
    let mut other = scene.peer("elsewhere");
    other["metadata"]["annotations"]["base.koupleless.io/cluster-name"] = json!("another");
    scene.apply(&other).await?;
    ensure!(scene.replicas("elsewhere").await? == 0);
    // When B goes, then one is left, and A has never been without
    stage.plane.delete_base(&b).await?;
    scene.replicas_become("orders", 1).await?;
    scene.nodes = vec![a.clone()];
    scene.never_without("orders", since).await?;
    // When A goes, then none is left
    stage.plane.delete_base(&a).await?;
    scene.replicas_become("orders", 0).await?;
    ensure!(scene.replicas("elsewhere").await? == 0);
    Ok(())
}

#[tokio::test]
async fn a_departing_base_never_costs_a_healthy_one_its_module() -> Result<()> {
    // Given five bases with the module
    let stage = shared().await?;
    let mut scene = Scene::with_bases(stage, 5).await?;
    scene.apply(&scene.peer("steady")).await?;
    scene.each_runs(&scene.nodes, "steady", "1.0.0").await?;
    scene.rolled_out("deployment/steady").await?;
    for round in 0..20 {
        let since = stage.plane.ledger().mark();
        let before = scene.pods_by_node("steady").await?;
        // When one of them goes
        let gone = scene.nodes.remove(round % 5);
        stage.plane.delete_base(&gone).await?;
        // Then there is a replica less, and its Pod is the one that is deleted
        scene.replicas_become("steady", 4).await?;
        let kept: Vec<_> = before.into_iter().filter(|(node, _)| *node != gone).collect();
        scene
            .until("four pods are left", "pods", |pods| {
                pods.iter().filter(|pod| pod["metadata"].get("deletionTimestamp").is_none()).count() == 4
            })
            .await?;
        // And the four others have the very same Pods
        scene.has_pods("steady", &kept).await?;
        // When another base comes in its place, it gets the module
        let new = stage.plane.add_base(scene.a_base(&format!("new{round}"))).await?;
        stage.plane.ledger().wait_until_runs(&new, &[("steady", "1.0.0")], LONG).await?;
        scene.rolled_out("deployment/steady").await?;
        // And no other base has ever lost it
        scene.never_without("steady", since).await?;
        scene.nodes.insert(round % 5, new);
    }
    Ok(())
}

#[tokio::test]
async fn a_rolling_upgrade_of_the_bases_moves_each_to_the_deployment_of_its_version() -> Result<()> {
    // Given two bases of version 1.0.0 with a module, and a Deployment for 1.1.0, of which there is no base yet
    let stage = shared().await?;
    let scene = Scene::with_bases(stage, 2).await?;
    scene.apply(&scene.peer("before")).await?;
    let mut incompatible = scene.peer("after");
    incompatible["metadata"]["annotations"]["base.koupleless.io/version"] = json!("1.1.0");
    scene.apply(&incompatible).await?;
    scene.each_runs(&scene.nodes, "before", "1.0.0").await?;
    ensure!(scene.replicas("after").await? == 0);
    // When one base after the other gets version 1.1.0
    for (moved, node) in scene.nodes.iter().enumerate() {
        let since = stage.plane.ledger().mark();
        stage.plane.relabel(node, &[("base.koupleless.io/version", Some("1.1.0"))]).await?;
        // Then each Deployment follows its own
        stage.plane.ledger().wait_until_runs(node, &[("after", "1.0.0")], LONG).await?;
        scene.replicas_become("before", 1 - moved).await?;
        scene.replicas_become("after", moved + 1).await?;
        // And the other base keeps what it has
        let other = &scene.nodes[1 - moved];
        let module = if moved == 0 { "before" } else { "after" };
        stage.plane.ledger().catch_up(LONG).await?;
        let gap = stage.plane.ledger().was_ever_without(other, module, since);
        ensure!(gap.is_none(), "{gap:?}");
    }
    Ok(())
}
