//! A HorizontalPodAutoscaler on a peer Deployment.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use warden_testbed::Options;

use crate::scene::{Scene, raise};

#[tokio::test]
async fn an_autoscaler_is_refused_and_passes_the_reason_on() -> Result<()> {
    // Given a peer Deployment on three bases, and autoscalers that look every second
    let options = Options::new().controller_manager_arg("--horizontal-pod-autoscaler-sync-period=1s");
    let mut stage = raise(options).await?;
    stage.serve(&[]).await?;
    let scene = Scene::with_peers(&stage, 3, "orders").await?;
    let (since, before) = (stage.plane.ledger().mark(), scene.pods_by_node("orders").await?);
    // When an autoscaler wants more replicas, or fewer
    for (min, max, wanted) in [(5, 9, 5), (1, 2, 2)] {
        scene.apply(&autoscaler(min, max)).await?;
        // Then it is refused, and says why
        scene
            .until("the autoscaler is refused", "horizontalpodautoscalers", |hpas| hpas.iter().any(is_refused))
            .await?;
        heard(&scene, wanted).await?;
    }
    scene.show(&["get", "hpa/orders"]).await?;
    let condition = r#"jsonpath={range .status.conditions[?(@.type=="AbleToScale")]}{.type}={.status} {.reason}{"\n"}{.message}{"\n"}{end}"#;
    scene.show(&["get", "hpa/orders", "-o", condition]).await?;
    // And the number and the Pods are what they were
    scene.show(&["get", "deployment/orders"]).await?;
    ensure!(scene.replicas("orders").await? == 3);
    scene.has_pods("orders", &before).await?;
    scene.never_without("orders", since).await?;
    // When the Deployment leaves peer mode, then the autoscaler has its way
    scene
        .kubectl(&["label", "deployment/orders", "virtual-kubelet.koupleless.io/strategy-"])
        .await?
        .expect_success()?;
    scene.replicas_become("orders", 2).await
}

fn autoscaler(min: u32, max: u32) -> Value {
    json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "orders"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "orders"},
            "minReplicas": min,
            "maxReplicas": max,
        },
    })
}

fn is_refused(hpa: &Value) -> bool {
    let conditions = hpa["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| {
        let message = condition["message"].as_str().unwrap_or_default();
        condition["type"] == "AbleToScale"
            && condition["status"] == "False"
            && message.contains("orders has one replica per base (strategy peer), and warden keeps that number")
            && message.contains("warden.koupleless.io/peer-paused")
    })
}

/// Waits until the autoscaler has said in an Event that it could not scale to so many.
async fn heard(scene: &Scene<'_>, wanted: u32) -> Result<()> {
    let says = format!("New size: {wanted}; ");
    scene
        .until(&format!("an Event of the autoscaler says {says:?}"), "events", |events| {
            events.iter().any(|event| {
                event["reason"] == "FailedRescale" && event["message"].as_str().is_some_and(|said| said.contains(&says))
            })
        })
        .await
        .map(|_| ())
}
