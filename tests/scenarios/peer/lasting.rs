//! What should pass within moments lasts.

use anyhow::Result;
use serde_json::json;
use warden_testbed::{Options, eventually};

use crate::scene::{LONG, Scene, raise};

/// The account of warden.
const WARDEN: &str = "system:serviceaccount:koupleless-warden:koupleless-warden";
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
    scene.hears("orders", "SyncHeld", "replicas stay 4 for now: not all Pods have been created and seen yet").await?;
    scene.says("orders", "4/3 bases, held: not all Pods have been created and seen yet").await?;
    scene.metric_becomes(HELD, 1).await?;
    scene.show(&["describe", "deployment/orders"]).await?;
    // When the quota is gone, then it goes on
    scene.kubectl(&["delete", "resourcequota/few"]).await?.expect_success()?;
    scene.hears("orders", "SyncResumed", "no longer held").await?;
    scene.metric_becomes(HELD, 0).await?;
    scene.show(&["describe", "deployment/orders"]).await
}

#[tokio::test]
async fn a_policy_that_keeps_pods_from_being_deleted_is_told() -> Result<()> {
    // Given three bases with the module, and a policy by which warden may delete none of its Pods
    let mut stage = raise(Options::new()).await?;
    stage.serve(&[]).await?;
    let mut scene = Scene::with_peers(&stage, 3, "orders").await?;
    let since = stage.plane.ledger().mark();
    let name = json!({"name": "pods-stay"});
    let deletions = json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["pods"]});
    scene
        .apply(&json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": name,
            "spec": {
                "matchConstraints": {"resourceRules": [deletions]},
                "validations": [{
                    "expression": format!("request.userInfo.username != '{WARDEN}'"), "message": "Pods stay",
                }],
            },
        }))
        .await?;
    scene
        .apply(&json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": name, "spec": {"policyName": "pods-stay", "validationActions": ["Deny"]},
        }))
        .await?;
    let delete = ["delete", "pod", "-l", "app=orders", "--dry-run=server", &format!("--as={WARDEN}")];
    eventually("the policy is in force", LONG, async || {
        let deleted = scene.kubectl(&delete).await.map_err(|error| error.to_string())?;
        if deleted.stderr.contains("Pods stay") { Ok(()) } else { Err(format!("{deleted:?}")) }
    })
    .await?;
    // When a base goes, then people hear of it
    scene.one_goes(0).await?;
    scene.hears("orders", "DeletionRefused", "Pods stay").await?;
    scene.untouched(&scene.nodes, "orders", since).await?;
    // When the policy is gone, then it goes on
    scene.kubectl(&["delete", "validatingadmissionpolicybinding/pods-stay"]).await?.expect_success()?;
    scene.ends_right("orders").await?;
    scene.untouched(&scene.nodes, "orders", since).await
}
