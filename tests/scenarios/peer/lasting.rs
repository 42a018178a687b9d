//! A hold that should pass within moments lasts.

use anyhow::Result;
use serde_json::json;
use warden_testbed::Options;

use crate::scene::{Scene, raise};

/// How many Deployments are held for this reason.
const HELD: &str = r#"warden_peer_held{reason="pods_unseen"}"#;

#[tokio::test]
async fn a_quota_that_keeps_replicas_from_following_is_told() -> Result<()> {
    // Given four bases with the module, and a quota that lets none of its Pods be made again
    let mut stage = raise(Options::new()).await?;
    stage.serve(&[]).await?;
    let scene = Scene::with_peers(&stage, 4, "orders").await?;
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": scene.namespace},
        "spec": {"hard": {"pods": "2"}},
    });
    scene.apply(&quota).await?;
    let gone = scene.nodes[..1].to_vec();
    // When a base goes
    stage.plane.delete_bases(&gone).await?;
    scene
        .kubectl(&[
            "delete",
            "pod",
            "--field-selector",
            &format!("spec.nodeName={}", gone[0]),
            "--grace-period=0",
            "--force",
        ])
        .await?
        .expect_success()?;
    // Then people hear of it after a while
    scene.hears("orders", "SyncHeld", "replicas stay 4 for now: not all Pods have been made and seen yet").await?;
    scene.says("orders", "4/3 bases, held: not all Pods have been made and seen yet, ").await?;
    scene.metric_becomes(HELD, 1).await?;
    scene.show(&["describe", "deployment/orders"]).await?;
    // When the quota is gone, then it goes on
    scene.kubectl(&["delete", "resourcequota/few"]).await?.expect_success()?;
    scene.hears("orders", "SyncResumed", "no longer held").await?;
    scene.metric_becomes(HELD, 0).await?;
    scene.show(&["describe", "deployment/orders"]).await
}
