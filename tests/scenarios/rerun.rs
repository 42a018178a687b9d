//! No rollout without a change: none by applying a manifest again, none when warden is installed.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warden_testbed::Options;

use crate::manifests::{Module, tutorial};
use crate::scene::{Scene, raise, shared};

#[tokio::test]
async fn applying_again_starts_no_rollout() -> Result<()> {
    // Given a module that runs, applied client side; and another, applied server side
    let scene = Scene::with_bases(shared().await?, 2).await?;
    let one = Module::new("again", "1.0.0", &scene.base).deployment(2);
    let two = Module::new("again-ssa", "1.0.0", &scene.base).deployment(2);
    scene.apply(&one).await?;
    scene.kubectl_with(&["apply", "--server-side"], &two).await?.expect_success()?;
    nothing_moves(&scene, &[one, two]).await
}

#[tokio::test]
async fn applying_the_tutorials_manifest_again_starts_no_rollout() -> Result<()> {
    // Given the tutorial's manifest, with tolerations and affinity in lists that are replaced as a whole
    let scene = Scene::with_bases(shared().await?, 2).await?;
    let tutorial = tutorial(&scene.namespace, &scene.base)?;
    scene.apply(&tutorial).await?;
    scene.some_run(1, "biz1", "0.0.1").await?;
    // And warden added to both lists of its Pod, and to neither of its template
    let template = &scene.list("deployments").await?[0]["spec"]["template"];
    let pod = &scene.list("pods").await?[0];
    for list in ["/spec/tolerations", ANTI_AFFINITY] {
        let length = |object: &Value| object.pointer(list).and_then(Value::as_array).map(Vec::len);
        let written = length(&tutorial["spec"]["template"]);
        ensure!(length(template) == written && length(pod) > written, "{list}: {template}, {pod}");
    }
    nothing_moves(&scene, &[tutorial]).await
}

const ANTI_AFFINITY: &str = "/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution";

/// Applies Deployments that are there already every way that kubectl has, again and again: nothing may come of it.
async fn nothing_moves(scene: &Scene<'_>, manifests: &[Value]) -> Result<()> {
    let server_side = &["apply", "--server-side", "--force-conflicts"][..];
    all_rolled_out(scene, manifests).await?;
    let before = state(scene).await?;
    ensure!(before.replica_sets.len() == manifests.len(), "{before:?}");
    // When the same manifests are applied again, this way and that, and at last replaced by the plain ones
    for args in [&["apply"][..], &["apply"], server_side, server_side, &["apply"], &["replace"]] {
        for manifest in manifests {
            scene.kubectl_with(args, manifest).await?.expect_success()?;
        }
        // Then the templates are the very same, and so are ReplicaSets and pods
        let after = state(scene).await?;
        ensure!(after == before, "after {args:?}: {after:?}, before: {before:?}");
    }
    // And the Deployment controller has nothing left to do
    all_rolled_out(scene, manifests).await?;
    let after = state(scene).await?;
    ensure!(after == before, "at last: {after:?}, before: {before:?}");
    Ok(())
}

async fn all_rolled_out(scene: &Scene<'_>, manifests: &[Value]) -> Result<()> {
    for manifest in manifests {
        let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
        scene.rolled_out(&format!("deployment/{name}")).await?;
    }
    Ok(())
}

/// What a rollout would change.
#[derive(Debug, PartialEq)]
struct State {
    templates: Vec<Value>,
    replica_sets: Vec<Value>,
    pods: Vec<String>,
}

async fn state(scene: &Scene<'_>) -> Result<State> {
    let of = |list: Vec<Value>, path: &str| list.iter().map(|object| object.pointer(path).cloned()).collect();
    let templates: Option<_> = of(scene.list("deployments").await?, "/spec/template");
    let replica_sets: Option<_> = of(scene.list("replicasets").await?, "/metadata/uid");
    Ok(State {
        templates: templates.context("a Deployment without a template")?,
        replica_sets: replica_sets.context("a ReplicaSet without a uid")?,
        pods: scene.pod_uids().await?,
    })
}

#[tokio::test]
async fn a_deployment_from_before_warden_keeps_its_template() -> Result<()> {
    // Given a cluster without warden, and a Deployment whose pod finds no base
    let mut stage = raise(Options::new()).await?;
    let mut scene = Scene::with_bases(&stage, 3).await?;
    let mut manifest = Module::new("early", "1.0.0", &scene.base).deployment(1);
    manifest["spec"]["template"]["spec"]["nodeSelector"] = json!({"base.koupleless.io/name": scene.base});
    scene.apply(&manifest).await?;
    let old = scene.until("it has a pod", "pods", |pods| pods.len() == 1).await?;
    let template = scene.get("deployment/early").await?["spec"]["template"].clone();
    // When warden comes, and the Deployment is scaled
    let Scene { namespace, base, nodes, .. } = scene;
    stage.serve(&[]).await?;
    scene = Scene { stage: &stage, namespace, base, nodes };
    scene.kubectl(&["scale", "deployment/early", "--replicas=3"]).await?.expect_success()?;
    // Then its new pods run
    scene.some_run(2, "early", "1.0.0").await?;
    // And its template and ReplicaSet are as they were
    ensure!(scene.get("deployment/early").await?["spec"]["template"] == template);
    ensure!(scene.list("replicasets").await?.len() == 1);
    // When the old pod is deleted, then what comes in its place runs, too
    let old = old[0]["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    scene.kubectl(&["delete", "pod", &old, "--wait=false"]).await?.expect_success()?;
    scene.each_runs(&scene.nodes, "early", "1.0.0").await?;
    // When the unchanged manifest is applied and replaced, then still nothing rolls
    let mut scaled = manifest.clone();
    scaled["spec"]["replicas"] = json!(3);
    for verb in ["apply", "replace"] {
        scene.kubectl_with(&[verb], &scaled).await?.expect_success()?;
        ensure!(scene.get("deployment/early").await?["spec"]["template"] == template, "after {verb}");
    }
    ensure!(scene.list("replicasets").await?.len() == 1);
    Ok(())
}
