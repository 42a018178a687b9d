//! An upgrade from a build that kept its state in the older annotations. It goes with these.

use anyhow::{Context as _, Result, ensure};
use koupleless_warden::vocabulary as keys;
use serde_json::Value;
use warden_testbed::{Options, eventually};

use super::ends::{in_haste, webhooks_only};
use crate::scene::{LONG, Scene, raise};

#[tokio::test]
async fn an_upgrade_forgets_neither_a_mass_loss_nor_a_mark() -> Result<()> {
    // Given four bases with the module, kept by an older build: its state on the Deployment, its mark on one Pod
    let mut stage = raise(Options::new()).await?;
    webhooks_only(&mut stage).await?;
    let mut older = stage.another(&in_haste()).await?;
    let mut scene = Scene::with_peers(&stage, 4, "orders").await?;
    older.kill()?;
    let gone = scene.nodes.split_off(1);
    let staying = scene.nodes.clone();
    let before: Vec<_> =
        scene.pods_by_node("orders").await?.into_iter().filter(|(node, _)| staying.contains(node)).collect();
    let sentence = format!("{}=4/4 bases, 2026-11-01T00:00:00Z", keys::PEER_STATE_OLDER);
    let no_state = format!("{}-", keys::PEER_STATE);
    scene.kubectl(&["annotate", "deployment/orders", &no_state, &sentence]).await?.expect_success()?;
    let pods = scene.list("pods").await?;
    let marked = pods.iter().find(|pod| pod["spec"]["nodeName"] == staying[0].as_str()).context("no Pod to mark")?;
    let marked = format!("pod/{}", marked["metadata"]["name"].as_str().context("a Pod without a name")?);
    let mark = format!("{}={}", keys::DEPARTED_OLDER, staying[0]);
    let cost = format!("{}={}", keys::POD_DELETION_COST, keys::POD_DELETION_COST_LOWEST);
    scene.kubectl(&["annotate", &marked, &mark, &cost]).await?.expect_success()?;
    // When three of the bases go with their Pods, so that only the sentence tells how many there were, and this build starts
    let since = stage.plane.ledger().mark();
    stage.plane.delete_bases(&gone).await?;
    for node in &gone {
        let on_node = format!("spec.nodeName={node}");
        let delete = ["delete", "pod", "--field-selector", &on_node, "--grace-period=0", "--force"];
        scene.kubectl(&delete).await?.expect_success()?;
    }
    let _warden = stage.another(&in_haste()).await?;
    // Then it holds the mass loss, and its own state has taken the place of the sentence
    scene.says("orders", "4/1 bases, held: 3 of 4 bases went at once").await?;
    let deployment = scene.get("deployment/orders").await?;
    ensure!(deployment["metadata"]["annotations"].get(keys::PEER_STATE_OLDER).is_none(), "{deployment}");
    ensure!(deployment["spec"]["replicas"] == 4, "{deployment}");
    // When the bases are back, then all is in order, and the mark is removed
    let back = (1..4).map(|number| scene.a_base(&format!("b{number}")));
    scene.nodes.extend(stage.plane.add_bases(back).await?);
    scene.ends_right("orders").await?;
    eventually("no Pod is marked", LONG, async || {
        let pods = scene.list("pods").await.map_err(|error| error.to_string())?;
        let is_marked = |pod: &&Value| {
            let has = |key| pod["metadata"]["annotations"].get(key).is_some();
            has(keys::DEPARTED_OLDER) || has(keys::POD_DELETION_COST)
        };
        pods.iter().find(is_marked).map_or(Ok(()), |pod| Err(pod.to_string()))
    })
    .await?;
    scene.kept("orders", &before).await?;
    scene.untouched(&staying, "orders", since).await
}
