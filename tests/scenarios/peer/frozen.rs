//! What warden sees is old, or what it writes goes wrong, while bases come and go.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use koupleless_warden::vocabulary as keys;
use serde_json::Value;
use tokio::time::sleep;
use warden_testbed::{Fault, Moment, Options, Proxy, What, eventually};

use super::ends::{in_haste, numbers_written, told, webhooks_only};
use crate::scene::{LONG, Scene, raise};

/// How long watches stand still.
const FROZEN: Duration = Duration::from_secs(10);

#[tokio::test]
async fn watches_that_stand_still_lead_to_no_wrong_write() -> Result<()> {
    // Given five bases with the module
    let mut stage = raise(Options::new()).await?;
    webhooks_only(&mut stage).await?;
    let proxy = Proxy::start(&stage.plane).await?;
    let _warden = stage.another_through(&proxy, &in_haste()).await?;
    let mut scene = Scene::with_peers(&stage, 5, "steady").await?;
    for resources in [&["nodes"][..], &["pods"], &["deployments"], &["nodes", "pods"], &[]] {
        freeze(&mut scene, &proxy, resources).await.with_context(|| format!("{resources:?}: {}", told(&proxy)))?;
    }
    println!("watches of nodes, pods, deployments, nodes and pods, all: frozen for {FROZEN:?} each, no wrong write");
    Ok(())
}

/// How often warden wanted to delete a Pod and did not.
const SPARED: &str = r#"warden_writes_total{controller="peer",what="delete",outcome="conflict"}"#;

#[tokio::test]
async fn a_base_that_is_back_unseen_keeps_its_pod() -> Result<()> {
    // Given three bases with the module
    let mut stage = raise(Options::new()).await?;
    webhooks_only(&mut stage).await?;
    let proxy = Proxy::start(&stage.plane).await?;
    let warden = stage.another_through(&proxy, &in_haste()).await?;
    let mut scene = Scene::with_peers(&stage, 3, "steady").await?;
    let before = scene.pods_by_node("steady").await?;
    // When one goes, and is back while the watch of Nodes stands still
    proxy.forget_writes();
    proxy.stop_at(1, Moment::Before);
    scene.one_goes(0).await?;
    let mark = proxy.reached(LONG).await?;
    proxy.freeze_watches_of(&["nodes"]);
    scene.one_comes("b0").await?;
    proxy.release();
    // Then warden asks about it before it deletes
    eventually("the Pod is spared", LONG, async || {
        let metrics = warden.metrics().await.map_err(|error| error.to_string())?;
        let spared = metrics.lines().find_map(|line| line.strip_prefix(SPARED)).unwrap_or(" 0");
        if spared == " 0" { Err(metrics) } else { Ok(()) }
    })
    .await
    .with_context(|| format!("{mark}, {}", told(&proxy)))?;
    // And when it sees it, the Pod is as before
    proxy.thaw_watches();
    eventually("no Pod is marked", LONG, async || {
        let pods = scene.list("pods").await.map_err(|error| error.to_string())?;
        let is_marked = |pod: &&Value| pod["metadata"]["annotations"].get(keys::DEPARTED).is_some();
        pods.iter().find(is_marked).map_or(Ok(()), |pod| Err(pod.to_string()))
    })
    .await?;
    scene.kept("steady", &before).await
}

async fn freeze(scene: &mut Scene<'_>, proxy: &Proxy, resources: &[&str]) -> Result<()> {
    let ledger = scene.stage.plane.ledger();
    let (since, before) = (ledger.mark(), scene.pods_by_node("steady").await?);
    let bases = scene.nodes.len();
    let names = if resources.is_empty() { "all".to_owned() } else { resources.join("-") };
    proxy.forget_writes();
    // When watches stand still, and two bases go and one comes meanwhile
    if resources.is_empty() {
        proxy.freeze_watches();
    } else {
        proxy.freeze_watches_of(resources);
    }
    scene.one_goes(0).await?;
    sleep(FROZEN / 3).await;
    scene.one_comes(&format!("while-{names}-stand")).await?;
    sleep(FROZEN / 3).await;
    scene.one_goes(1).await?;
    sleep(FROZEN / 3).await;
    // Then no other base has lost the module so far
    let throughout: Vec<String> =
        scene.nodes.iter().filter(|node| before.iter().any(|(there, _)| there == *node)).cloned().collect();
    scene.untouched(&throughout, "steady", since).await?;
    // When they go on, then it ends right, and with the same Pods on the others
    proxy.thaw_watches();
    scene.ends_right("steady").await?;
    scene.kept("steady", &before).await?;
    // When the third of them comes, then that ends right too
    scene.one_comes(&format!("after-{names}")).await?;
    scene.ends_right("steady").await?;
    scene.kept("steady", &before).await?;
    scene.untouched(&throughout, "steady", since).await?;
    // And no number was ever written that is less than the bases that were there
    let written = numbers_written(proxy);
    println!("frozen {names}: replicas written {written:?}, {} writes in all", proxy.writes().len());
    let right = bases as u64 - 2..=bases as u64;
    ensure!(written.iter().all(|number| right.contains(number)), "{written:?}");
    Ok(())
}

#[tokio::test]
async fn writes_that_go_wrong_are_made_good() -> Result<()> {
    // Given five bases with the module
    let mut stage = raise(Options::new()).await?;
    webhooks_only(&mut stage).await?;
    let proxy = Proxy::start(&stage.plane).await?;
    let _warden = stage.another_through(&proxy, &in_haste()).await?;
    let mut scene = Scene::with_peers(&stage, 5, "steady").await?;
    let faults = [Fault::Status(409), Fault::Status(429), Fault::Status(500), Fault::CutBefore, Fault::CutAfter];
    for (number, fault) in faults.into_iter().enumerate() {
        go_wrong(&mut scene, &proxy, number, &[(What::Main, fault, 3)])
            .await
            .with_context(|| format!("{fault:?}: {}", told(&proxy)))?;
    }
    // And with all of them mixed, also where warden holds its lease by
    let mixed: Vec<_> = faults.into_iter().map(|fault| (What::Main, fault, 1)).collect();
    let lease = [Fault::Status(500), Fault::CutBefore, Fault::CutAfter].map(|fault| (What::Lease, fault, 1));
    go_wrong(&mut scene, &proxy, faults.len(), &[&mixed[..], &lease].concat())
        .await
        .with_context(|| format!("mixed: {}", told(&proxy)))
}

async fn go_wrong(scene: &mut Scene<'_>, proxy: &Proxy, number: usize, faults: &[(What, Fault, usize)]) -> Result<()> {
    let (since, before) = (scene.stage.plane.ledger().mark(), scene.pods_by_node("steady").await?);
    proxy.forget_writes();
    // When a base goes and another one comes, and writes go wrong
    for (what, fault, times) in faults {
        proxy.fail_writes_of(*what, *fault, *times);
    }
    scene.one_goes(number % 5).await?;
    scene.ends_right("steady").await?;
    let staying = scene.nodes.clone();
    scene.one_comes(&format!("new{number}")).await?;
    // Then it ends right, and the others have kept their Pods
    scene.ends_right("steady").await?;
    scene.kept("steady", &before).await?;
    scene.untouched(&staying, "steady", since).await?;
    // And everything did go wrong that was to
    let left = async || if proxy.faults_left() == 0 { Ok(()) } else { Err(proxy.faults_left().to_string()) };
    eventually("all faults have struck", LONG, left).await?;
    scene.ends_right("steady").await?;
    let written = numbers_written(proxy);
    println!("{faults:?}: replicas written {written:?}, {} writes in all", proxy.writes().len());
    ensure!(written.iter().all(|number| [4, 5].contains(number)), "{written:?}");
    Ok(())
}
