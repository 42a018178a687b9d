//! The grace period that is configured for modules whose authors set none.

use std::fs;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use warden_testbed::{Options, Stage};

use crate::manifests::Module;
use crate::scene::{Scene, raise};

const SECONDS: &str = "terminationGracePeriodSeconds";

/// Sets the grace period in the template, or removes it.
fn with_grace(mut workload: Value, seconds: Option<u64>) -> Value {
    let spec = &mut workload["spec"]["template"]["spec"];
    spec.as_object_mut().map(|spec| spec.remove(SECONDS));
    if let Some(seconds) = seconds {
        spec[SECONDS] = json!(seconds);
    }
    workload
}

/// The name and kind of a workload, the arguments of the kubectl that makes it, the seconds that its author writes, and those of its
/// Pods.
type Case = (&'static str, &'static str, &'static [&'static str], Option<u64>, u64);

/// The grace periods of the Pods of `app`, once there are some.
async fn of_pods(scene: &Scene<'_>, app: &str) -> Result<Vec<u64>> {
    let pods = scene
        .until("it has Pods", "pods", |pods| pods.iter().any(|pod| pod["metadata"]["labels"]["app"] == app))
        .await?;
    let mut seconds: Vec<u64> = pods
        .iter()
        .filter(|pod| pod["metadata"]["labels"]["app"] == app && pod["metadata"].get("deletionTimestamp").is_none())
        .filter_map(|pod| pod["spec"][SECONDS].as_u64())
        .collect();
    seconds.dedup();
    Ok(seconds)
}

async fn configured(stage: &mut Stage) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("config.yaml");
    fs::write(&file, "gracePeriodSeconds: 3\n")?;
    stage.serve(&[format!("--config={}", file.display())]).await?;
    Ok(folder)
}

#[tokio::test]
async fn it_is_filled_in_whatever_client_made_the_workload_unless_its_author_set_one() -> Result<()> {
    // Given a template by hand from before warden, with Kubernetes' default
    let mut stage = raise(Options::new()).await?;
    let scene = Scene::with_bases(&stage, 1).await?;
    let mut by_hand = with_grace(Module::new("by-hand", "1.0.0", &scene.base).deployment(1), None);
    by_hand["spec"]["template"]["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
    by_hand["spec"]["template"]["spec"]["nodeSelector"] = json!({"base.koupleless.io/name": scene.base});
    scene.apply(&by_hand).await?;
    scene.each_runs(&scene.nodes, "by-hand", "1.0.0").await?;
    let before = scene.get("deployment/by-hand").await?["spec"]["template"].clone();
    let Scene { namespace, base, nodes, .. } = scene;
    // When warden comes with a grace period of 3 s
    let _folder = configured(&mut stage).await?;
    let scene = Scene { stage: &stage, namespace, base, nodes };
    // Then workloads have it that set none, by any client, and those that set 30 s or 7 s have theirs, where that can be seen
    let server_side = &["apply", "--server-side"];
    let cases: [Case; 7] = [
        ("applied", "Deployment", &["apply"], None, 3),
        ("applied-30", "Deployment", &["apply"], Some(30), 30),
        ("applied-7", "Deployment", &["apply"], Some(7), 7),
        ("server-side", "Deployment", server_side, None, 3),
        ("server-side-30", "Deployment", server_side, Some(30), 30),
        ("created", "Deployment", &["create"], None, 3),
        ("daemon", "DaemonSet", &["apply"], None, 3),
    ];
    for (name, kind, args, written, expected) in cases {
        let workload = with_grace(Module::new(name, "1.0.0", &scene.base).workload(kind, json!({})), written);
        scene.kubectl_with(args, &workload).await?.expect_success()?;
        let seconds = of_pods(&scene, name).await?;
        ensure!(seconds == [expected], "{name}: {seconds:?}");
        // And the template has what the API server stored without warden
        let stored = scene.get(&format!("{}/{name}", kind.to_ascii_lowercase())).await?;
        ensure!(stored["spec"]["template"]["spec"][SECONDS] == written.unwrap_or(30), "{name}: {stored}");
    }
    // And the template from before warden is as it was, also when it is applied again and its Pod is made again
    scene.apply(&by_hand).await?;
    scene.kubectl(&["delete", "pod", "-l", "app=by-hand", "--grace-period=1"]).await?.expect_success()?;
    ensure!(scene.get("deployment/by-hand").await?["spec"]["template"] == before);
    ensure!(of_pods(&scene, "by-hand").await? == [30]);
    Ok(())
}

#[tokio::test]
async fn a_bare_pod_has_it_and_keeps_it_when_it_is_applied_again() -> Result<()> {
    // Given warden with a grace period of 3 s
    let mut stage = raise(Options::new()).await?;
    let _folder = configured(&mut stage).await?;
    let scene = Scene::with_bases(&stage, 1).await?;
    // When a bare Pod is applied that sets none, then it has it
    let mut pod = Module::new("bare", "1.0.0", &scene.base).pod();
    pod["spec"].as_object_mut().map(|spec| spec.remove(SECONDS));
    scene.apply(&pod).await?;
    ensure!(scene.get("pod/bare").await?["spec"][SECONDS] == 3);
    // When it is applied again, then it is as it was
    scene.apply(&pod).await?;
    ensure!(scene.get("pod/bare").await?["spec"][SECONDS] == 3);
    // And one that was applied with 30 s has 30 s
    let mut own = Module::new("own", "1.0.0", &scene.base).pod();
    own["spec"][SECONDS] = json!(30);
    scene.apply(&own).await?;
    ensure!(scene.get("pod/own").await?["spec"][SECONDS] == 30);
    Ok(())
}
