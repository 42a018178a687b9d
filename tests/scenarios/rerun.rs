//! Nothing that nobody asked for: no rollout by applying again, none by warden's arrival.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use warden_testbed::Options;

use crate::manifests::Module;
use crate::scene::{Scene, raise, shared};

#[tokio::test]
async fn applying_again_starts_no_rollout() -> Result<()> {
    // Given a module that runs, applied client side; and another, applied server side
    let scene = Scene::with_bases(shared().await?, 2).await?;
    let one = Module::new("again", "1.0.0", &scene.base).deployment(2);
    let two = Module::new("again-ssa", "1.0.0", &scene.base).deployment(2);
    scene.apply(&one).await?;
    scene.kubectl_with(&["apply", "--server-side"], &two).await?.expect_success()?;
    scene.rolled_out("deployment/again").await?;
    scene.rolled_out("deployment/again-ssa").await?;
    let before = (scene.pod_uids().await?, templates(&scene).await?);
    // When the same manifests are applied again, this way and that, and at last replaced by the plain ones
    for args in [&["apply"][..], &["apply", "--server-side", "--force-conflicts"], &["apply"], &["replace"]] {
        for manifest in [&one, &two] {
            scene.kubectl_with(args, manifest).await?.expect_success()?;
        }
        // Then the templates are the very same, and so are ReplicaSets and pods
        let after = (scene.pod_uids().await?, templates(&scene).await?);
        ensure!(after == before, "after {args:?}: {after:?}, before: {before:?}");
        ensure!(scene.list("replicasets").await?.len() == 2);
    }
    // And the Deployment controller has nothing left to do
    scene.rolled_out("deployment/again").await?;
    ensure!(scene.list("replicasets").await?.len() == 2);
    Ok(())
}

async fn templates(scene: &Scene<'_>) -> Result<Vec<Value>> {
    let deployments = scene.list("deployments").await?;
    Ok(deployments.iter().map(|deployment| deployment["spec"]["template"].clone()).collect())
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
    let template = scene.get(&["deployment/early"]).await?["spec"]["template"].clone();
    // When warden comes, and the Deployment is scaled
    let Scene { namespace, base, nodes, .. } = scene;
    stage.serve(&[]).await?;
    scene = Scene { stage: &stage, namespace, base, nodes };
    scene.kubectl(&["scale", "deployment/early", "--replicas=3"]).await?.expect_success()?;
    // Then its new pods run
    scene.some_run(2, "early", "1.0.0").await?;
    // And its template and ReplicaSet are as they were
    ensure!(scene.get(&["deployment/early"]).await?["spec"]["template"] == template);
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
        ensure!(scene.get(&["deployment/early"]).await?["spec"]["template"] == template, "after {verb}");
    }
    ensure!(scene.list("replicasets").await?.len() == 1);
    Ok(())
}
