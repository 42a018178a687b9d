//! Bases that share a host name, by which anti-affinity tells nodes apart.

use anyhow::{Context as _, Result, ensure};

use crate::scene::{LONG, Scene, shared};

/// How many Deployments count fewer bases for that. No other test of the shared stage makes any.
const SHARED: &str = "warden_peer_shared_hostname_deployments";

#[tokio::test]
async fn of_bases_that_share_a_host_name_one_counts() -> Result<()> {
    // Given two bases of one host name, and one of its own
    let stage = shared().await?;
    let mut scene = Scene::with_bases(stage, 1).await?;
    let host = format!("host-of-{}", scene.namespace);
    let pair = ["left", "right"].map(|name| scene.a_base(name).hostname(&host));
    let mut pair = stage.plane.add_bases(pair).await?;
    // When a peer Deployment comes
    scene.apply(&scene.peer("orders")).await?;
    // Then it counts two of the three, and says why in every way
    scene.says("orders", "2/2 bases").await?;
    scene.hears("orders", "SharedHostname", &format!("several bases have the host name {host}")).await?;
    scene.metric_becomes(SHARED, 1).await?;
    // And no Pod waits for a place that it can never have
    scene.rolled_out("deployment/orders").await?;
    let pods = scene.pods_by_node("orders").await?;
    ensure!(pods.len() == 2 && pods.iter().all(|(node, _)| !node.is_empty()), "{pods:?}");
    let since = stage.plane.ledger().mark();
    // When the one of the pair goes that has the module, then the other one gets it
    let carries = pair.iter().position(|node| pods.iter().any(|(on, _)| on == node)).context("neither has it")?;
    stage.plane.delete_base(&pair.remove(carries)).await?;
    stage.plane.ledger().wait_until_runs(&pair[0], &[("orders", "1.0.0")], LONG).await?;
    scene.metric_becomes(SHARED, 0).await?;
    // And the base with a host name of its own never lost it
    scene.never_without("orders", since).await?;
    scene.nodes.append(&mut pair);
    scene.ends_right("orders").await
}
