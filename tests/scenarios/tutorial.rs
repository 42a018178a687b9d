//! The official tutorial's manifest, and what is left of it when one writes only what one must.

use anyhow::{Result, ensure};
use warden_testbed::Base;

use crate::manifests::{Module, TUTORIAL};
use crate::scene::{LONG, Scene, shared};

#[tokio::test]
async fn the_tutorials_manifest_runs_as_it_is() -> Result<()> {
    // Given three bases as the tutorial has them
    let stage = shared().await?;
    let mut bases = Vec::new();
    for number in 1..=3 {
        bases.push(stage.plane.add_base(Base::new(format!("10.0.0.{number}"))).await?);
    }
    // When its manifest is applied as it is
    let output = stage.plane.kubectl_with_stdin(&["apply", "-f", "-"], TUTORIAL).await?;
    let warnings = output.stderr.clone();
    output.expect_success()?;
    // Then its one replica runs on one of them
    let biz1 = warden_testbed::ledger::Module::new("biz1", "0.0.1");
    let running =
        |ledger: &warden_testbed::ledger::Ledger| bases.iter().filter(|base| ledger.runs(base).contains(&biz1)).count();
    let ledger = stage.plane.ledger();
    ledger.wait_until("one base runs biz1", LONG, |l| (running(l) == 1).then_some(()).ok_or(l.to_string())).await?;
    // And the warnings name what is out of date in it
    ensure!(warnings.contains("module-controller.koupleless.io/component"), "{warnings}");
    ensure!(warnings.contains("topology.kubernetes.io/zone"), "{warnings}");
    // When it is scaled to all, then all run it, and never two pods of it are on one
    let scale = ["scale", "deployment/test-module-deployment", "--replicas=3"];
    stage.plane.kubectl(&scale).await?.expect_success()?;
    for base in &bases {
        ledger.wait_until_runs(base, &[("biz1", "0.0.1")], LONG).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_plain_manifest_needs_neither_tolerations_nor_affinity() -> Result<()> {
    // Given three bases, and a fourth of another version
    let stage = shared().await?;
    let scene = Scene::with_bases(stage, 3).await?;
    let other = stage.plane.add_base(scene.a_base("other").version("2.0.0")).await?;
    let before = stage.plane.ledger().mark();
    // When a manifest is applied that only names its base, in annotations
    scene.apply(&Module::new("plain", "1.0.0", &scene.base).deployment(3)).await?;
    // Then there is one pod on each base, never two on one, and the other base is left alone
    scene.each_runs(&scene.nodes, "plain", "1.0.0").await?;
    scene.never_two(before).await?;
    ensure!(stage.plane.ledger().runs(&other).is_empty());
    // And the Deployment has no labels by which ModuleController would put its modules on every base of the cluster that starts
    let deployment = scene.get("deployment/plain").await?;
    ensure!(deployment["metadata"].get("labels").is_none(), "{deployment}");
    Ok(())
}

#[tokio::test]
async fn a_namespace_declares_the_base_of_its_modules() -> Result<()> {
    // Given a namespace that names base, version and environment, and bases of that environment and of another
    let stage = shared().await?;
    let mut scene = Scene::with_bases(stage, 1).await?;
    let gray = stage.plane.add_base(scene.a_base("gray").env("gray")).await?;
    let declared = [
        format!("base.koupleless.io/name={}", scene.base),
        "base.koupleless.io/version=1.0.0".to_owned(),
        "virtual-kubelet.koupleless.io/env=gray".to_owned(),
    ];
    let declared: Vec<&str> = declared.iter().map(String::as_str).collect();
    let annotate = [&["annotate", "namespace", &scene.namespace][..], &declared].concat();
    stage.plane.kubectl(&annotate).await?.expect_success()?;
    // When a module is applied that says nothing of a base, as soon as warden has heard of the annotations
    let mut manifest = Module::new("quiet", "1.0.0", "").deployment(1);
    manifest["metadata"].as_object_mut().unwrap().remove("annotations");
    warden_testbed::eventually("the module is admitted", LONG, async || {
        let output = scene.kubectl_with(&["apply"], &manifest).await.map_err(|error| error.to_string())?;
        if output.success { Ok(()) } else { Err(output.stderr) }
    })
    .await?;
    // Then it runs on the base of that environment
    scene.nodes = vec![gray];
    scene.each_runs(&scene.nodes, "quiet", "1.0.0").await
}
