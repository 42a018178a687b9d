//! Who is no module never notices warden, not even that it is dead.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use warden_testbed::Options;

use crate::manifests::{Module, web_server};
use crate::scene::{LONG, Scene, raise};

fn web_pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "web", "image": "nginx"}]},
    })
}

#[tokio::test]
async fn what_is_no_module_is_never_shown_to_warden() -> Result<()> {
    // Given warden in a cluster of its own, with an ordinary node
    let mut stage = raise(Options::new()).await?;
    stage.serve(&[]).await?;
    stage.plane.add_ordinary_node("ordinary").await?;
    let scene = Scene::with_bases(&stage, 1).await?;
    let asked = reviews(&stage).await?;
    // When a Deployment and a Pod that are no modules come, change and run
    scene.apply(&web_server("web")).await?;
    scene.apply(&web_pod()).await?;
    scene.rolled_out("deployment/web").await?;
    scene.kubectl(&["set", "image", "deployment/web", "web=nginx:2"]).await?.expect_success()?;
    scene.kubectl(&["label", "pod/web", "team=a"]).await?.expect_success()?;
    scene.kubectl(&["rollout", "pause", "deployment/web"]).await?.expect_success()?;
    scene.kubectl(&["rollout", "resume", "deployment/web"]).await?.expect_success()?;
    scene.rolled_out("deployment/web").await?;
    // Then warden was not asked once
    ensure!(reviews(&stage).await? == asked, "{}", reviews(&stage).await?);
    // And nothing of its was added to them
    let deployment = scene.get("deployment/web").await?;
    ensure!(!deployment["spec"].to_string().contains("koupleless"), "{deployment}");
    // When a module is applied, then it is asked about the Deployment and the Pod
    scene.apply(&Module::new("biz", "1.0.0", &scene.base).deployment(1)).await?;
    scene.each_runs(&scene.nodes, "biz", "1.0.0").await?;
    scene.rolled_out("deployment/biz").await?;
    let asked = reviews(&stage).await?;
    for kind in ["Deployment", "Pod"] {
        ensure!(asked.contains(&format!("kind=\"{kind}\"")), "{asked}");
    }
    // And neither the ReplicaSet nor the Deployment controller's bookkeeping was its business
    ensure!(!asked.contains("kind=\"ReplicaSet\"") && !asked.contains("operation=\"UPDATE\""), "{asked}");
    scene.kubectl(&["scale", "deployment/biz", "--replicas=0"]).await?.expect_success()?;
    scene.kubectl(&["label", "deployment/biz", "team=a"]).await?.expect_success()?;
    stage.plane.ledger().wait_until_runs(&scene.nodes[0], &[], LONG).await?;
    // And when it is scaled and labelled, then the Scale is all that it is asked about: it may be that of a peer Deployment
    let asked = reviews(&stage).await?;
    let updates: Vec<&str> = asked.lines().filter(|line| line.contains("operation=\"UPDATE\"")).collect();
    ensure!(!updates.is_empty() && updates.iter().all(|line| line.contains("kind=\"Scale\"")), "{asked}");
    Ok(())
}

/// The counters of reviews there were, as warden shows them.
async fn reviews(stage: &warden_testbed::Stage) -> Result<String> {
    let metrics = stage.warden()?.metrics().await?;
    let counters =
        metrics.lines().filter(|line| line.starts_with("warden_admission_reviews_total") && !line.ends_with(" 0"));
    Ok(counters.collect::<Vec<_>>().join("\n"))
}

#[tokio::test]
async fn while_warden_is_dead_modules_wait_and_others_run() -> Result<()> {
    // Given a module on one of three bases
    let mut stage = raise(Options::new()).await?;
    stage.serve(&[]).await?;
    stage.plane.add_ordinary_node("ordinary").await?;
    let Scene { namespace, base, nodes, .. } = {
        let scene = Scene::with_bases(&stage, 3).await?;
        scene.apply(&Module::new("biz", "1.0.0", &scene.base).deployment(1)).await?;
        scene.some_run(1, "biz", "1.0.0").await?;
        scene
    };
    // When warden is killed
    stage.kill_warden()?;
    let scene = Scene { stage: &stage, namespace: namespace.clone(), base: base.clone(), nodes: nodes.clone() };
    // Then a Deployment that is no module runs
    scene.apply(&web_server("web")).await?;
    scene.rolled_out("deployment/web").await?;
    // And a module that is applied is refused by the API server, not admitted half done
    let late = Module::new("late", "1.0.0", &base).deployment(1);
    let output = scene.kubectl_with(&["apply"], &late).await?;
    ensure!(!output.success && output.stderr.contains("warden.koupleless.io"), "{}", output.stderr);
    // And a module that is scaled waits for its pods, the one it has untouched
    scene.kubectl(&["scale", "deployment/biz", "--replicas=3"]).await?.expect_success()?;
    scene
        .until("the ReplicaSet is refused its pods", "events", |events| {
            events
                .iter()
                .any(|event| event["reason"] == "FailedCreate" && event["involvedObject"]["kind"] == "ReplicaSet")
        })
        .await?;
    scene.some_run(1, "biz", "1.0.0").await?;
    // When warden is back, then the pods come by themselves
    stage.serve(&[]).await?;
    let scene = Scene { stage: &stage, namespace, base, nodes };
    scene.each_runs(&scene.nodes, "biz", "1.0.0").await?;
    scene.apply(&late).await?;
    scene.some_run(1, "late", "1.0.0").await?;
    Ok(())
}
