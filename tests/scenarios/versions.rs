//! New versions roll. What happens to a new jar under an old version is in [`crate::ways_out`].

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use warden_testbed::{Options, READY_ANNOTATION};

use crate::manifests::Module;
use crate::scene::{LONG, Scene, raise, shared};

/// A rolling update that takes `max_unavailable` pods away first.
fn rolling(deployment: &mut Value, max_unavailable: u32) {
    let max_surge = if max_unavailable == 0 { 1 } else { 0 };
    deployment["spec"]["strategy"] = json!({
        "rollingUpdate": {"maxUnavailable": max_unavailable, "maxSurge": max_surge},
    });
}

fn rebuild(deployment: &mut Value) {
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = json!("https://repo.example.com/rebuilt.jar");
}

#[tokio::test]
async fn a_new_version_rolls_and_no_base_is_ever_without_the_module() -> Result<()> {
    // Given a module on each of three bases
    let scene = Scene::with_bases(shared().await?, 3).await?;
    let mut manifest = Module::new("roll", "1.0.0", &scene.base).deployment(3);
    rolling(&mut manifest, 0);
    scene.apply(&manifest).await?;
    scene.each_runs(&scene.nodes, "roll", "1.0.0").await?;
    scene.rolled_out("deployment/roll").await?;
    let since = scene.stage.plane.ledger().mark();
    // When a new version is applied
    let mut new = Module::new("roll", "2.0.0", &scene.base).deployment(3);
    rolling(&mut new, 0);
    scene.apply(&new).await?;
    scene.rolled_out("deployment/roll").await?;
    // Then all bases run the new one alone, and none was ever without the module
    scene.each_runs(&scene.nodes, "roll", "2.0.0").await?;
    scene.never_without("roll", since).await?;
    // When only its version is set while it is paused, then it is not resumed
    scene.kubectl(&["rollout", "pause", "deployment/roll"]).await?.expect_success()?;
    scene.kubectl(&["set", "env", "deployment/roll", "BIZ_VERSION=3.0.0"]).await?.expect_success()?;
    let resume = ["rollout", "resume", "deployment/roll"];
    let half = scene.kubectl(&resume).await?;
    ensure!(!half.success && half.stderr.contains("the jar is still that of \"2.0.0\""), "{}", half.stderr);
    // When the jar is set, too, then it is, and rolls as well
    let jar = "roll=https://repo.example.com/roll-3.0.0-ark-biz.jar";
    scene.kubectl(&["set", "image", "deployment/roll", jar]).await?.expect_success()?;
    scene.kubectl(&resume).await?.expect_success()?;
    scene.rolled_out("deployment/roll").await?;
    scene.each_runs(&scene.nodes, "roll", "3.0.0").await?;
    // When it is undone, then the bases are back where they were
    scene.kubectl(&["rollout", "undo", "deployment/roll"]).await?.expect_success()?;
    scene.rolled_out("deployment/roll").await?;
    scene.each_runs(&scene.nodes, "roll", "2.0.0").await?;
    scene.never_without("roll", since).await?;
    // And an apply after the undo rolls as any other
    let mut next = Module::new("roll", "4.0.0", &scene.base).deployment(3);
    rolling(&mut next, 0);
    scene.apply(&next).await?;
    scene.rolled_out("deployment/roll").await?;
    scene.each_runs(&scene.nodes, "roll", "4.0.0").await?;
    scene.never_without("roll", since).await
}

#[tokio::test]
async fn a_snapshot_may_be_built_again() -> Result<()> {
    // Given a snapshot that runs
    let scene = Scene::with_bases(shared().await?, 2).await?;
    let mut manifest = Module::new("snap", "1.0.0-SNAPSHOT", &scene.base).deployment(2);
    rolling(&mut manifest, 1);
    // A gap of 5 s or less is not told.
    manifest["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(6);
    scene.apply(&manifest).await?;
    scene.each_runs(&scene.nodes, "snap", "1.0.0-SNAPSHOT").await?;
    // When it is built again and applied
    rebuild(&mut manifest);
    let warnings = scene.apply(&manifest).await?;
    // Then it is warned of, and rolls
    ensure!(warnings.contains("released again"), "{warnings}");
    scene.rolled_out("deployment/snap").await?;
    scene.each_runs(&scene.nodes, "snap", "1.0.0-SNAPSHOT").await
}

/// What the refusal keeps users from: the same manifests without warden.
#[tokio::test]
async fn without_warden_the_same_version_leaves_every_base_empty_and_every_pod_ready() -> Result<()> {
    // Given a cluster without warden, and a module on each base, its manifest right in every other respect
    let stage = raise(Options::new()).await?;
    let scene = Scene::with_bases(&stage, 2).await?;
    let mut manifest = Module::new("lost", "1.0.0", &scene.base).deployment(2);
    rolling(&mut manifest, 0);
    manifest["spec"]["template"]["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
    manifest["spec"]["template"]["spec"]["nodeSelector"] = json!({"base.koupleless.io/name": scene.base});
    scene.apply(&manifest).await?;
    scene.rolled_out("deployment/lost").await?;
    // When another jar is applied under its version
    rebuild(&mut manifest);
    scene.apply(&manifest).await?;
    scene.rolled_out("deployment/lost").await?;
    // Then the ledger says that every base is empty
    for node in &scene.nodes {
        stage.plane.ledger().wait_until_runs(node, &[], LONG).await?;
    }
    // And kubectl says that all is well
    let deployment = scene.get("deployment/lost").await?;
    ensure!(deployment["status"]["readyReplicas"] == 2 && deployment["status"]["updatedReplicas"] == 2, "{deployment}");
    Ok(())
}

#[tokio::test]
async fn a_rollout_that_hangs_is_undone_to_a_revision_older_than_warden() -> Result<()> {
    // Given a cluster without warden, and a module on each of three bases, its manifest complete by hand
    let mut stage = raise(Options::new()).await?;
    let scene = Scene::with_bases(&stage, 3).await?;
    let by_hand = |version: &str| {
        let mut manifest = Module::new("undone", version, &scene.base).deployment(3);
        rolling(&mut manifest, 0);
        manifest["spec"]["template"]["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
        manifest["spec"]["template"]["spec"]["nodeSelector"] = json!({"base.koupleless.io/name": scene.base});
        manifest
    };
    let (old, mut new) = (by_hand("1.0.0"), by_hand("2.0.0"));
    scene.apply(&old).await?;
    scene.rolled_out("deployment/undone").await?;
    scene.each_runs(&scene.nodes, "undone", "1.0.0").await?;
    let template = scene.get("deployment/undone").await?["spec"]["template"].clone();
    let Scene { namespace, base, nodes, .. } = scene;
    // When warden comes, and a version is applied whose pods never get Ready
    stage.serve(&[]).await?;
    let scene = Scene { stage: &stage, namespace, base, nodes };
    let since = stage.plane.ledger().mark();
    new["spec"]["template"]["metadata"]["annotations"] = json!({READY_ANNOTATION: "never"});
    scene.apply(&new).await?;
    // Then its rollout hangs at its first pod
    scene.some_run(1, "undone", "2.0.0").await?;
    ensure!(scene.list("replicasets").await?.len() == 2);
    // When it is undone
    scene.kubectl(&["rollout", "undo", "deployment/undone"]).await?.expect_success()?;
    // Then all bases run the old version alone, and none was ever without the module
    scene.rolled_out("deployment/undone").await?;
    scene.each_runs(&scene.nodes, "undone", "1.0.0").await?;
    scene.never_without("undone", since).await?;
    // And the template is that of the old revision, whose ReplicaSet took over again: no third was made
    let undone = scene.get("deployment/undone").await?["spec"]["template"].clone();
    ensure!(undone == template, "{undone}, before: {template}");
    let sets = scene.list("replicasets").await?;
    ensure!(sets.len() == 2, "{sets:?}");
    Ok(())
}

#[tokio::test]
async fn one_module_from_two_namespaces_is_never_twice_on_a_base() -> Result<()> {
    // Given three bases, and a second namespace
    let scene = Scene::with_bases(shared().await?, 3).await?;
    let second = scene.stage.plane.namespace("second").await?;
    let since = scene.stage.plane.ledger().mark();
    // When the same module is applied in both, with as many replicas as bases each
    let manifest = Module::new("twice", "1.0.0", &scene.base).deployment(3);
    scene.apply(&manifest).await?;
    let args = ["-n", &second, "apply", "-f", "-"];
    scene.stage.plane.kubectl_with_stdin(&args, &manifest.to_string()).await?.expect_success()?;
    // Then each base runs it
    scene.each_runs(&scene.nodes, "twice", "1.0.0").await?;
    // And of the six pods three wait, for on no base there are ever two
    let there = Scene { stage: scene.stage, namespace: second, base: String::new(), nodes: Vec::new() };
    warden_testbed::eventually("three of six pods find no base", LONG, async || {
        let pods = [scene.list("pods").await, there.list("pods").await];
        let pods: Vec<Value> = pods.into_iter().flatten().flatten().collect();
        let waiting = pods.iter().filter(|pod| pod["status"]["conditions"][0]["reason"] == "Unschedulable").count();
        if (pods.len(), waiting) == (6, 3) { Ok(()) } else { Err(format!("{waiting} of {}", pods.len())) }
    })
    .await?;
    scene.never_two(since).await
}

#[tokio::test]
async fn what_was_injected_follows_a_new_declaration() -> Result<()> {
    // Given a module on a base of version 1.0.0, and a base of version 2.0.0
    let stage = shared().await?;
    let scene = Scene::with_bases(stage, 1).await?;
    let newer = stage.plane.add_base(scene.a_base("newer").version("2.0.0")).await?;
    let mut manifest = Module::new("follow", "1.0.0", &scene.base).deployment(1);
    scene.apply(&manifest).await?;
    scene.each_runs(&scene.nodes, "follow", "1.0.0").await?;
    // When its annotation names the newer base
    manifest["metadata"]["annotations"]["base.koupleless.io/version"] = json!("2.0.0");
    scene.apply(&manifest).await?;
    // Then it moves there
    scene.rolled_out("deployment/follow").await?;
    stage.plane.ledger().wait_until_runs(&newer, &[("follow", "1.0.0")], LONG).await?;
    stage.plane.ledger().wait_until_runs(&scene.nodes[0], &[], LONG).await
}
