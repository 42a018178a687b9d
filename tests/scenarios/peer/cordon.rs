//! Bases that are cordoned: they keep what they have, and get nothing new.

use anyhow::{Context as _, Result};

use crate::scene::{Scene, shared};

#[tokio::test]
async fn a_cordoned_base_keeps_the_module_and_one_without_it_does_not_count() -> Result<()> {
    // Given three bases with the module
    let stage = shared().await?;
    let mut scene = Scene::with_peers(stage, 3, "orders").await?;
    let (since, before) = (stage.plane.ledger().mark(), scene.pods_by_node("orders").await?);
    let staying = scene.nodes.clone();
    // When one of them is cordoned, and another base, which is cordoned already, gets the version that the module is for
    scene.kubectl(&["cordon", &scene.nodes[0]]).await?.expect_success()?;
    let late = stage.plane.add_base(scene.a_base("late").version("0.9.0")).await?;
    scene.kubectl(&["cordon", &late]).await?.expect_success()?;
    stage.plane.relabel(&late, &[("base.koupleless.io/version", Some("1.0.0"))]).await?;
    // And one comes that is not cordoned
    scene.one_comes("open").await?;
    // Then that one counts, the cordoned one with the module as well, and the one without it does not
    scene.ends_right("orders").await?;
    scene.kept("orders", &before).await?;
    // When that is uncordoned, then it counts, and gets the module
    scene.kubectl(&["uncordon", &late]).await?.expect_success()?;
    scene.nodes.push(late);
    scene.ends_right("orders").await?;
    scene.kept("orders", &before).await?;
    scene.untouched(&staying, "orders", since).await
}

#[tokio::test]
async fn a_cordoned_base_whose_pod_is_deleted_counts_no_more() -> Result<()> {
    // Given three bases with the module, one of them cordoned
    let stage = shared().await?;
    let mut scene = Scene::with_peers(stage, 3, "orders").await?;
    let cordoned = scene.nodes.remove(1);
    scene.kubectl(&["cordon", &cordoned]).await?.expect_success()?;
    let (since, before) = (stage.plane.ledger().mark(), scene.pods_by_node("orders").await?);
    // When its Pod is deleted, as a drain does it
    let pods = scene.list("pods").await?;
    let pod = pods.iter().find(|pod| pod["spec"]["nodeName"] == cordoned.as_str()).context("it has no Pod")?;
    scene.kubectl(&["delete", "pod", pod["metadata"]["name"].as_str().unwrap()]).await?.expect_success()?;
    // Then there is one replica less, no Pod waits for a place, and the others have the very same Pods
    scene.ends_right("orders").await?;
    scene.kept("orders", &before).await?;
    scene.untouched(&scene.nodes, "orders", since).await?;
    // When it is uncordoned, then it gets the module again
    let staying = scene.nodes.clone();
    scene.kubectl(&["uncordon", &cordoned]).await?.expect_success()?;
    scene.nodes.push(cordoned);
    scene.ends_right("orders").await?;
    scene.untouched(&staying, "orders", since).await
}
