//! Most bases go at once.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rstest::rstest;
use warden_testbed::{Options, eventually};

use crate::scene::{Scene, raise, shared};

/// The Pod garbage collector looks every 20 s, and again 40 s after it has missed a Node.
const GARBAGE_COLLECTION: Duration = Duration::from_secs(150);

/// How many times replicas were written.
const SCALES: &str = r#"warden_writes_total{controller="peer",what="scale",outcome="written"}"#;
/// How many Deployments are held for this reason.
const HELD: &str = r#"warden_peer_held{reason="mass_loss"}"#;

#[tokio::test]
async fn most_bases_that_go_at_once_are_waited_for() -> Result<()> {
    // Given ten bases with the module
    let mut stage = raise(Options::new()).await?;
    stage.serve(&[]).await?;
    let mut scene = Scene::with_peers(&stage, 10, "orders").await?;
    let (since, written) = (stage.plane.ledger().mark(), scene.metric(SCALES).await?);
    let gone = scene.nodes.split_off(4);
    let staying = scene.nodes.clone();
    let pods = scene.pods_by_node("orders").await?;
    let before: Vec<_> = pods.into_iter().filter(|(node, _)| staying.contains(node)).collect();
    // When six of them go
    stage.plane.delete_bases(&gone).await?;
    // Then that is held, and people are told in every way
    scene.hears("orders", "SyncHeld", "replicas stay 10 for now: 6 of 10 bases went at once").await?;
    scene.says("orders", "10/4 bases, held: 6 of 10 bases went at once").await?;
    scene.metric_becomes(HELD, 1).await?;
    // When Kubernetes itself collects the Pods of Nodes that are not there, then the new ones wait for a base
    eventually("six Pods wait", GARBAGE_COLLECTION, async || {
        let pods = scene.pods_by_node("orders").await.map_err(|error| error.to_string())?;
        let waiting = pods.iter().filter(|(node, _)| node.is_empty()).count();
        if (waiting, pods.len()) == (6, 10) { Ok(()) } else { Err(format!("{pods:?}")) }
    })
    .await?;
    // And the other four are untouched
    println!("six of ten bases are gone:");
    shown(&scene).await?;
    scene.kept("orders", &before).await?;
    scene.untouched(&staying, "orders", since).await?;
    // When the six come back
    let back = (4..10).map(|number| scene.a_base(&format!("b{number}")));
    scene.nodes.extend(stage.plane.add_bases(back).await?);
    // Then it goes on, every base runs the module, and the replicas were not written for that
    scene.hears("orders", "SyncResumed", "no longer held, with replicas 10").await?;
    scene.ends_right("orders").await?;
    scene.metric_becomes(HELD, 0).await?;
    println!("they are back:");
    shown(&scene).await?;
    ensure!(scene.metric(SCALES).await? == written, "the replicas were written");
    scene.kept("orders", &before).await?;
    scene.untouched(&staying, "orders", since).await
}

async fn shown(scene: &Scene<'_>) -> Result<()> {
    let line = r"jsonpath={.spec.replicas} replicas, {.metadata.annotations.state\.warden\.koupleless\.io/peer}{'\n'}";
    scene.show(&["get", "deployment/orders", "-o", line]).await?;
    scene.show(&["get", "pods", "-o", "wide"]).await?;
    let events = "custom-columns=TYPE:.type,REASON:.reason,MESSAGE:.message";
    scene.show(&["get", "events", "--field-selector=involvedObject.kind=Deployment", "-o", events]).await?;
    for metric in [HELD, SCALES] {
        println!("{metric} {}", scene.metric(metric).await?);
    }
    println!();
    Ok(())
}

#[tokio::test]
async fn a_mass_loss_that_lasts_is_followed() -> Result<()> {
    // Given ten bases with the module, and a warden that waits for five seconds
    let hold = Duration::from_secs(5);
    let mut stage = raise(Options::new()).await?;
    stage.serve(&[format!("--mass-loss-hold={}", hold.as_secs())]).await?;
    let mut scene = Scene::with_peers(&stage, 10, "orders").await?;
    let (since, before) = (stage.plane.ledger().mark(), scene.pods_by_node("orders").await?);
    // When six of them go
    let gone = scene.nodes.split_off(4);
    let began = Instant::now();
    stage.plane.delete_bases(&gone).await?;
    // Then that is held for so long, and followed after it
    scene.replicas_become("orders", 4).await?;
    let followed = began.elapsed();
    println!("six of ten bases gone, --mass-loss-hold=5: followed after {followed:?}");
    ensure!(followed >= hold, "followed after {followed:?}");
    scene.hears("orders", "SyncHeld", "6 of 10 bases went at once").await?;
    scene.hears("orders", "ReplicasSynced", "replicas 10 -> 4: 4 bases fit").await?;
    scene.metric_becomes(HELD, 0).await?;
    // And the other four have the very same Pods
    scene.ends_right("orders").await?;
    scene.kept("orders", &before).await?;
    scene.untouched(&scene.nodes, "orders", since).await
}

#[rstest]
#[case::two_of_three(3, 2)]
#[case::half_of_them(8, 4)]
#[tokio::test]
async fn fewer_are_followed_at_once(#[case] bases: usize, #[case] go: usize) -> Result<()> {
    // Given bases with the module
    let stage = shared().await?;
    let mut scene = Scene::with_peers(stage, bases, "orders").await?;
    let (since, before) = (stage.plane.ledger().mark(), scene.pods_by_node("orders").await?);
    // When some of them go, but not most or not many
    let gone = scene.nodes.split_off(bases - go);
    stage.plane.delete_bases(&gone).await?;
    // Then that is followed long before a mass loss would be
    scene.replicas_become("orders", bases - go).await?;
    scene.ends_right("orders").await?;
    scene.kept("orders", &before).await?;
    scene.untouched(&scene.nodes, "orders", since).await
}
