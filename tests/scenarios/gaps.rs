//! How long a base is without a module while a new template rolls out. ModuleController uninstalls when a Pod is deleted, and the Pod
//! is gone at the end of its grace period; what must keep off it is installed only then. The ledger goes by both.
//!
//! Times are compared with each other, and never with a clock: the machine may be busy.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warden_testbed::ledger::Mark;

use crate::manifests::Module;
use crate::scene::{LONG, Scene, shared};

/// Two grace periods, in seconds. What a busy machine adds to the first is less than what the second has more.
const SHORT: u64 = 1;
const LONG_GRACE: u64 = 10;

/// A workload on every base of the scene whose Pods have this grace period.
fn workload(scene: &Scene<'_>, kind: &str, name: &str, version: &str, grace: u64, spec: Value) -> Value {
    let mut workload = Module::new(name, version, &scene.base).workload(kind, spec);
    workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(grace);
    workload
}

/// The gaps of a module on all bases of the scene.
async fn gaps(scene: &Scene<'_>, module: &str, since: Mark) -> Result<Vec<Duration>> {
    scene.stage.plane.ledger().catch_up(LONG).await?;
    let ledger = scene.stage.plane.ledger().now();
    Ok(scene.nodes.iter().flat_map(|node| ledger.gaps(node, module, since)).collect())
}

/// That each base was without `longer` once, and for longer than any was without `shorter`.
async fn compare(scene: &Scene<'_>, shorter: &str, longer: &str, since: Mark) -> Result<()> {
    let (short, long) = (gaps(scene, shorter, since).await?, gaps(scene, longer, since).await?);
    println!("without {shorter}: {short:?}; without {longer}: {long:?}");
    ensure!(short.len() == scene.nodes.len() && long.len() == scene.nodes.len(), "{short:?} {long:?}");
    ensure!(short.iter().max() < long.iter().min(), "{short:?} {long:?}");
    Ok(())
}

#[tokio::test]
async fn of_a_daemon_set_they_are_its_grace_period_and_none_where_it_surges() -> Result<()> {
    // Given three DaemonSets on each base: two that differ in their grace period, and one that surges as the warning says
    let scene = Scene::with_bases(shared().await?, 2).await?;
    let surge = json!({"updateStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}});
    let all = |version: &str| {
        [
            workload(&scene, "DaemonSet", "short", version, SHORT, json!({})),
            workload(&scene, "DaemonSet", "long", version, LONG_GRACE, json!({})),
            workload(&scene, "DaemonSet", "surge", version, LONG_GRACE, surge.clone()),
        ]
    };
    let mut told = Vec::new();
    for daemon_set in all("1.0.0") {
        told.push(scene.apply(&daemon_set).await?);
    }
    // And of those that uninstall first, the one with more than 5 s was told its seconds
    ensure!(!told[0].contains("without the module"), "{told:?}");
    ensure!(told[1].contains("each update leaves each base 10 s without the module; with maxSurge 1"), "{told:?}");
    ensure!(!told[2].contains("without the module"), "{told:?}");
    for name in ["short", "long", "surge"] {
        scene.rolled_out(&format!("daemonset/{name}")).await?;
    }
    let since = scene.stage.plane.ledger().mark();
    // When each gets a new version
    for daemon_set in all("2.0.0") {
        scene.apply(&daemon_set).await?;
    }
    for name in ["short", "long", "surge"] {
        scene.rolled_out(&format!("daemonset/{name}")).await?;
    }
    let versions = [("long", "2.0.0"), ("short", "2.0.0"), ("surge", "2.0.0")];
    for node in &scene.nodes {
        scene.stage.plane.ledger().wait_until_runs(node, &versions, LONG).await?;
    }
    // Then each base was without the first two in the order of their grace periods, and never without the one that surges
    compare(&scene, "short", "long", since).await?;
    scene.never_without("surge", since).await
}

#[tokio::test]
async fn of_a_deployment_that_keeps_its_version_they_are_its_grace_period_and_none_with_a_new_one() -> Result<()> {
    // Given two Deployments on each base that differ in their grace period
    let scene = Scene::with_bases(shared().await?, 2).await?;
    let spec = |unavailable: u32| {
        let rolling = json!({"maxUnavailable": unavailable, "maxSurge": 1 - unavailable});
        json!({"replicas": 2, "strategy": {"rollingUpdate": rolling}})
    };
    let both = |version: &str, unavailable: u32| {
        [("short", SHORT), ("long", LONG_GRACE)]
            .map(|(name, grace)| workload(&scene, "Deployment", name, version, grace, spec(unavailable)))
    };
    for deployment in both("1.0.0", 1) {
        scene.apply(&deployment).await?;
    }
    let is_everywhere = async |version: &str| {
        for name in ["short", "long"] {
            scene.rolled_out(&format!("deployment/{name}")).await?;
        }
        for node in &scene.nodes {
            let ledger = scene.stage.plane.ledger();
            ledger.wait_until_runs(node, &[("long", version), ("short", version)], LONG).await?;
        }
        anyhow::Ok(())
    };
    is_everywhere("1.0.0").await?;
    let since = scene.stage.plane.ledger().mark();
    // When both are restarted, then the seconds are told where they are more than 5
    for name in ["short", "long"] {
        let restarted = scene.kubectl(&["rollout", "restart", &format!("deployment/{name}")]).await?;
        let told = format!("each base is {LONG_GRACE} s without {name}: 1.0.0 is released again");
        ensure!(restarted.success && restarted.stderr.contains(&told) == (name == "long"), "{}", restarted.stderr);
    }
    is_everywhere("1.0.0").await?;
    // Then each base was without them in the order of their grace periods
    compare(&scene, "short", "long", since).await?;
    // When a new version is released with surge, as was told, then no base is ever without
    let since = scene.stage.plane.ledger().mark();
    for deployment in both("2.0.0", 0) {
        scene.apply(&deployment).await?;
    }
    is_everywhere("2.0.0").await?;
    scene.never_without("short", since).await?;
    scene.never_without("long", since).await
}

#[tokio::test]
async fn a_restart_that_is_refused_names_the_command_that_admits_it() -> Result<()> {
    // Given a peer on both bases that frees none of them
    let scene = Scene::with_bases(shared().await?, 2).await?;
    let strategy = json!({"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}});
    let mut peer = workload(&scene, "Deployment", "restarted", "1.0.0", SHORT, json!({"strategy": strategy}));
    peer["metadata"]["labels"] = json!({"virtual-kubelet.koupleless.io/strategy": "peer"});
    scene.apply(&peer).await?;
    scene.each_runs(&scene.nodes, "restarted", "1.0.0").await?;
    let before = scene.pod_uids().await?;
    // When it is restarted, then that is refused
    let restart = ["rollout", "restart", "deployment/restarted"];
    let refused = scene.kubectl(&restart).await?;
    ensure!(
        !refused.success && refused.stderr.contains("kubectl rollout restart keeps BIZ_VERSION"),
        "{}",
        refused.stderr
    );
    // When the command in the refusal is run
    let (_, command) = refused.stderr.split_once("kubectl patch ").context(refused.stderr.clone())?;
    let patch = command.split('\'').nth(1).context("no patch")?.replace("\\\"", "\"");
    ensure!(command.starts_with("deployment restarted -p "), "{command}");
    scene.kubectl(&["patch", "deployment", "restarted", "-p", &patch]).await?.expect_success()?;
    // Then the restart is admitted, and ends with new Pods and the module on both bases
    scene.kubectl(&restart).await?.expect_success()?;
    scene.rolled_out("deployment/restarted").await?;
    scene.each_runs(&scene.nodes, "restarted", "1.0.0").await?;
    let after = scene.pod_uids().await?;
    ensure!(after.len() == 2 && before.iter().all(|uid| !after.contains(uid)), "{before:?} {after:?}");
    Ok(())
}
