//! Resources that a user requests for a module.

use anyhow::{Result, ensure};
use serde_json::json;
use warden_testbed::{Memory, eventually};

use crate::manifests::Module;
use crate::placement::told;
use crate::scene::{LONG, Scene, shared};

#[tokio::test]
async fn a_request_of_the_users_own_beside_defaults_of_a_limit_range_is_kept() -> Result<()> {
    // Given a Namespace with a default limit of memory, and bases that have memory
    let scene = Scene::with_bases(shared().await?, 1).await?;
    scene
        .apply(&json!({
            "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "defaults"},
            "spec": {"limits": [{"type": "Container", "default": {"memory": "512Mi"}, "min": {"memory": "16Mi"}}]},
        }))
        .await?;
    // When a module comes that requests some, then it runs with that
    let mut manifest = Module::new("requesting", "1.0.0", &scene.base).deployment(1);
    manifest["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"requests": {"memory": "64Mi"}});
    scene.apply(&manifest).await?;
    scene.each_runs(&scene.nodes, "requesting", "1.0.0").await?;
    let pods = scene.list("pods").await?;
    let resources = &pods[0]["spec"]["containers"][0]["resources"];
    ensure!(*resources == json!({"requests": {"memory": "64Mi"}, "limits": {"memory": "512Mi"}}), "{resources}");
    Ok(())
}

#[tokio::test]
async fn a_request_of_memory_that_no_base_offers_is_told() -> Result<()> {
    // Given a base whose JVM sets no limit, and a module that requests memory
    let stage = shared().await?;
    let scene = Scene::with_bases(stage, 0).await?;
    stage.plane.add_base(scene.a_base("unlimited").memory(Memory::Unlimited)).await?;
    let mut manifest = Module::new("hungry", "1.0.0", &scene.base).deployment(1);
    manifest["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"requests": {"memory": "64Mi"}});
    // When it is applied, then it is told that no base offers that
    told(&scene, &manifest, "requests memory, which none of its bases offers").await?;
    // When a base comes whose JVM has a limit, then it is not, and runs there
    let limited = stage.plane.add_base(scene.a_base("limited")).await?;
    eventually("nothing is told", LONG, async || {
        let shown = scene.kubectl_with(&["apply", "--dry-run=server"], &manifest).await;
        let shown = shown.map_err(|error| error.to_string())?;
        if shown.success && !shown.stderr.contains("requests memory") { Ok(()) } else { Err(shown.stderr) }
    })
    .await?;
    scene.apply(&manifest).await?;
    scene.each_runs(&[limited], "hungry", "1.0.0").await
}
