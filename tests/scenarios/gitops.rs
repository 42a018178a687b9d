//! What Argo CD and Flux report, by their own diff engines.

use anyhow::{Result, ensure};
use rstest::rstest;
use serde_json::{Value, json};
use warden_testbed::DiffEngine;

use crate::manifests::{self, Module};
use crate::scene::{Scene, shared};

fn plain(scene: &Scene<'_>) -> Value {
    Module::new("orders", "1.0.0", &scene.base).deployment(2)
}

fn tutorial(scene: &Scene<'_>) -> Value {
    manifests::tutorial(&scene.namespace, &scene.base).expect("the tutorial's manifest is YAML")
}

/// With lists of its own, which a tool compares as a whole.
fn own_lists(scene: &Scene<'_>) -> Value {
    let mut manifest = plain(scene);
    let spec = &mut manifest["spec"]["template"]["spec"];
    spec["tolerations"] = json!([{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}]);
    let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "noisy"}}});
    spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = json!([term]);
    manifest
}

fn stateful_set(scene: &Scene<'_>) -> Value {
    Module::new("orders", "1.0.0", &scene.base).workload("StatefulSet", json!({"replicas": 2, "serviceName": "orders"}))
}

fn daemon_set(scene: &Scene<'_>) -> Value {
    Module::new("orders", "1.0.0", &scene.base).workload("DaemonSet", json!({}))
}

/// Whose tolerations are those of git and more.
fn daemon_set_with_own_list(scene: &Scene<'_>) -> Value {
    let mut manifest = daemon_set(scene);
    manifest["spec"]["template"]["spec"]["tolerations"] =
        own_lists(scene)["spec"]["template"]["spec"]["tolerations"].take();
    manifest
}

/// A peer as the documentation says: without a number in git.
fn peer(scene: &Scene<'_>) -> Value {
    let mut manifest = scene.peer("orders");
    if let Some(spec) = manifest["spec"].as_object_mut() {
        spec.remove("replicas");
    }
    manifest
}

fn peer_with_a_number(scene: &Scene<'_>) -> Value {
    scene.peer("orders")
}

/// Given two bases, when a manifest is applied and warden has done its part, then this is what the engine reports.
#[rstest]
#[case::plain(plain, false)]
#[case::tutorial(tutorial, false)]
#[case::own_lists(own_lists, false)]
#[case::stateful_set(stateful_set, false)]
#[case::daemon_set(daemon_set, false)]
#[case::daemon_set_with_own_list(daemon_set_with_own_list, true)]
#[case::peer(peer, false)]
#[case::peer_with_a_number(peer_with_a_number, true)]
#[tokio::test]
async fn what_is_reported_is_documented(
    #[case] manifest: fn(&Scene<'_>) -> Value,
    #[case] argo_reports: bool,
    #[values(DiffEngine::Argo, DiffEngine::Flux)] engine: DiffEngine,
) -> Result<()> {
    // Flux compares with what the webhooks make of the manifest.
    reports(manifest, engine, argo_reports && engine == DiffEngine::Argo).await
}

#[rstest]
#[case::plain(plain)]
#[case::tutorial(tutorial)]
#[case::own_lists(own_lists)]
#[case::stateful_set(stateful_set)]
#[case::daemon_set(daemon_set)]
#[case::daemon_set_with_own_list(daemon_set_with_own_list)]
#[case::peer(peer)]
#[case::peer_with_a_number(peer_with_a_number)]
#[tokio::test]
async fn a_server_side_diff_reports_nothing(#[case] manifest: fn(&Scene<'_>) -> Value) -> Result<()> {
    reports(manifest, DiffEngine::ArgoServerSide, false).await
}

async fn reports(manifest: fn(&Scene<'_>) -> Value, engine: DiffEngine, drift: bool) -> Result<()> {
    // Given
    let scene = Scene::with_bases(shared().await?, 2).await?;
    let manifest = manifest(&scene);
    // When
    let server_side = ["apply", "--server-side", "--field-manager=argocd-controller"];
    match engine {
        DiffEngine::Argo => scene.kubectl_with(&["apply"], &manifest).await?.expect_success()?,
        DiffEngine::ArgoServerSide => scene.kubectl_with(&server_side, &manifest).await?.expect_success()?,
        DiffEngine::Flux => String::new(),
    };
    let is_peer = manifest["metadata"]["labels"]["virtual-kubelet.koupleless.io/strategy"] == "peer";
    if engine == DiffEngine::Flux {
        scene.stage.plane.drift(engine, &scene.namespace, &manifest).await?;
    }
    if is_peer {
        scene.replicas_become("orders", 2).await?;
    }
    // Then
    let reported = scene.stage.plane.drift(engine, &scene.namespace, &manifest).await?;
    ensure!(reported.drift == drift, "{reported:#?}");
    Ok(())
}
