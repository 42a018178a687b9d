//! The number of replicas is warden's in peer mode, and the user's out of it.

use anyhow::{Result, ensure};
use rstest::rstest;
use serde_json::json;
use warden_testbed::{KubectlOutput, eventually};

use crate::scene::{LONG, Scene, shared};

#[tokio::test]
async fn applying_the_manifest_again_deletes_no_pod() -> Result<()> {
    // Given a peer Deployment on three bases, whose manifest says one replica
    let scene = Scene::with_bases(shared().await?, 3).await?;
    let manifest = scene.peer("orders");
    scene.apply(&manifest).await?;
    scene.each_runs(&scene.nodes, "orders", "1.0.0").await?;
    let (since, pods) = (scene.stage.plane.ledger().mark(), scene.pods_by_node("orders").await?);
    // When it is applied again, as it is and with another number, by either kind of apply
    for replicas in [1, 7] {
        let mut again = manifest.clone();
        again["spec"]["replicas"] = json!(replicas);
        scene.apply(&again).await?;
        let server_side = ["apply", "--server-side", "--force-conflicts", "--field-manager=argocd"];
        scene.kubectl_with(&server_side, &again).await?.expect_success()?;
        // Then the number is the same, the very same Pods are there, and no base was without
        ensure!(scene.replicas("orders").await? == 3);
    }
    scene.has_pods("orders", &pods).await?;
    scene.never_without("orders", since).await
}

#[tokio::test]
async fn scaling_by_hand_is_refused_and_says_how_to_leave_peer_mode() -> Result<()> {
    // Given a peer Deployment on two bases
    let scene = Scene::with_bases(shared().await?, 2).await?;
    scene.apply(&scene.peer("orders")).await?;
    scene.each_runs(&scene.nodes, "orders", "1.0.0").await?;
    // When it is scaled by hand, up or down
    for replicas in ["--replicas=1", "--replicas=9"] {
        let scaled = scene.kubectl(&["scale", "deployment/orders", replicas]).await?;
        // Then that is refused, with the way out
        ensure!(!scaled.success, "{}", scaled.stdout);
        ensure!(scaled.stderr.contains("virtual-kubelet.koupleless.io/strategy"), "{}", scaled.stderr);
        ensure!(scaled.stderr.contains("warden.koupleless.io/peer-paused"), "{}", scaled.stderr);
    }
    // And the number is what it was
    ensure!(scene.replicas("orders").await? == 2);
    Ok(())
}

#[rstest]
#[case::paused(&["annotate", "deployment/mine", "warden.koupleless.io/peer-paused=true"])]
#[case::skipped(&["label", "deployment/mine", "virtual-kubelet.koupleless.io/replicas-control=true"])]
#[case::left(&["label", "deployment/mine", "virtual-kubelet.koupleless.io/strategy-"])]
#[tokio::test]
async fn who_leaves_peer_mode_has_the_number_back(#[case] leave: &[&str]) -> Result<()> {
    // Given a peer Deployment on three bases
    let scene = Scene::with_bases(shared().await?, 3).await?;
    scene.apply(&scene.peer("mine")).await?;
    scene.each_runs(&scene.nodes, "mine", "1.0.0").await?;
    // When its user takes the number back
    scene.kubectl(leave).await?.expect_success()?;
    // Then it can be scaled
    eventually("it can be scaled", LONG, async || {
        let scaled = scene.kubectl(&["scale", "deployment/mine", "--replicas=2"]).await;
        scaled.and_then(KubectlOutput::expect_success).map_err(|error| error.to_string())
    })
    .await?;
    scene.some_run(2, "mine", "1.0.0").await?;
    // And a base that comes changes nothing, as another peer Deployment that follows it shows
    scene.apply(&scene.peer("witness")).await?;
    scene.replicas_become("witness", 3).await?;
    scene.stage.plane.add_base(scene.a_base("late")).await?;
    scene.replicas_become("witness", 4).await?;
    ensure!(scene.replicas("mine").await? == 2);
    Ok(())
}
