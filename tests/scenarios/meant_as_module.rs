//! Workloads that look like modules but are not: their users are warned, and the workloads are admitted.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use warden_testbed::{Options, Stage, eventually};

use crate::manifests::{KINDS, Module, template_of, unlabelled, web_server};
use crate::scene::{LONG, Scene, raise, shared};

const COMPONENT: &str = "virtual-kubelet.koupleless.io/component";
const OLDER: &str = "module-controller.koupleless.io/component";

#[tokio::test]
async fn every_kind_is_told_and_admitted_as_it_is() -> Result<()> {
    let scene = Scene::with_bases(shared().await?, 0).await?;
    let create = ["create", "--dry-run=server", "-o", "json"];
    for kind in KINDS {
        // Given a jar with a version whose template lacks the label, or has it almost, or has it only on the workload
        let plain = unlabelled(kind, &Module::new("meant", "1.0.0", "base"));
        let mut misspelt = plain.clone();
        template_of(&mut misspelt)["metadata"]["labels"][COMPONENT] = json!("Module");
        let mut on_itself = plain.clone();
        on_itself["metadata"]["labels"] = json!({OLDER: "module"});
        let told = [
            (plain, "the template lacks label".to_owned()),
            (misspelt, "set label virtual-kubelet.koupleless.io/component: module on the".to_owned()),
            (on_itself, format!("must be on the template, not on the {kind}")),
        ];
        for (workload, told) in told {
            // When it is created, then that is told, and nothing is changed
            let output = scene.kubectl_with(&create, &workload).await?;
            ensure!(output.stderr.contains("Warning: taken for a module: "), "{kind}: {}", output.stderr);
            ensure!(output.stderr.contains(&told), "{kind}: {}", output.stderr);
            let stored: Value = serde_json::from_str(&output.expect_success()?)?;
            ensure!(!stored["spec"].to_string().contains("warden.koupleless.io"), "{kind}: {stored}");
        }
    }
    // Given such a Pod that is in no workload, then it is told, too
    let mut pod = Module::new("meant", "1.0.0", &scene.base).pod();
    pod["metadata"]["labels"] = json!({"app": "meant"});
    let output = scene.kubectl_with(&create, &pod).await?;
    ensure!(output.success && output.stderr.contains("the Pod lacks label"), "{}", output.stderr);
    Ok(())
}

#[tokio::test]
async fn warden_is_asked_only_about_what_looks_like_a_module_and_only_when_that_changes() -> Result<()> {
    // Given warden in a cluster of its own
    let mut stage = raise(Options::new()).await?;
    stage.serve(&[]).await?;
    let Scene { namespace, base, nodes, .. } = Scene::with_bases(&stage, 1).await?;
    let scene = Scene { stage: &stage, namespace: namespace.clone(), base: base.clone(), nodes: nodes.clone() };
    let nothing = reviews(&stage).await?;
    // When workloads come and change that are not meant as modules: a web server, a jar without a version, a version without a jar
    let mut jar = web_server("jar");
    jar["spec"]["template"]["spec"]["containers"][0]["image"] = json!("https://repo.example.com/a.jar");
    let mut versioned = web_server("versioned");
    versioned["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "BIZ_VERSION", "value": "1"}]);
    for workload in [web_server("web"), jar, versioned] {
        let name = format!("deployment/{}", workload["metadata"]["name"].as_str().unwrap_or_default());
        scene.apply(&workload).await?;
        scene.kubectl(&["label", &name, "team=a"]).await?.expect_success()?;
        scene.kubectl(&["set", "env", &name, "A=b"]).await?.expect_success()?;
    }
    // Then warden was not asked once
    ensure!(reviews(&stage).await? == nothing, "{}", reviews(&stage).await?);
    // When one that looks like a module comes, then it is asked once: about the Deployment, and not about its copies
    let meant = unlabelled("Deployment", &Module::new("meant", "1.0.0", "base"));
    let warnings = scene.apply(&meant).await?;
    ensure!(warnings.contains("taken for a module"), "{warnings}");
    scene
        .until("its ReplicaSet is there", "replicasets", |sets| sets.iter().any(|set| set["spec"]["replicas"] == 0))
        .await?;
    let counter = "warden_admission_reviews_total{endpoint=\"validate\",kind=\"Deployment\",operation=\"CREATE\",outcome=\"allowed\"} 1";
    let one = format!("{nothing}\n{counter}").lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let asked = async || anyhow::Ok(reviews(&stage).await?.lines().map(str::to_owned).collect::<BTreeSet<_>>());
    ensure!(asked().await? == one, "{:?}", asked().await?);
    // When it is changed in what does not matter, then it is not asked
    let patch = |patch: Value| patch.to_string();
    let args = |patch: &str| ["patch", "deployment/meant", "--type=merge", "-p", patch].map(str::to_owned);
    for change in [
        patch(json!({"spec": {"replicas": 0, "minReadySeconds": 1}})),
        patch(json!({"metadata": {"annotations": {"a": "b"}}})),
    ] {
        let args = args(&change);
        scene.kubectl(&args.each_ref().map(String::as_str)).await?.expect_success()?;
    }
    ensure!(asked().await? == one, "{:?}", asked().await?);
    // When its template changes, then it is asked, and tells it again
    let again = scene.kubectl(&["set", "env", "deployment/meant", "A=b"]).await?;
    ensure!(again.success && again.stderr.contains("taken for a module"), "{}", again.stderr);
    // When the label is added, as it was told, then it is a module
    let label = patch(json!({"metadata": {"annotations": Module::new("meant", "1.0.0", &base).annotations()},
        "spec": {"replicas": 1, "template": {"metadata": {"labels": {COMPONENT: "module"}}}}}));
    let mended = scene.kubectl(&args(&label).each_ref().map(String::as_str)).await?;
    ensure!(mended.success && !mended.stderr.contains("taken for"), "{}", mended.stderr);
    scene.each_runs(&nodes, "meant", "1.0.0").await?;
    // When warden is dead, then what looks like a module passes all the same
    stage.kill_warden()?;
    let scene = Scene { stage: &stage, namespace, base, nodes };
    let mut another = meant;
    another["metadata"]["name"] = json!("another");
    eventually("it passes", LONG, async || {
        let output = scene.kubectl_with(&["apply"], &another).await.map_err(|error| error.to_string())?;
        if output.success { Ok(()) } else { Err(output.stderr) }
    })
    .await
}

/// The counters of reviews there were, as warden shows them.
async fn reviews(stage: &Stage) -> Result<String> {
    let metrics = stage.warden()?.metrics().await?;
    let counters =
        metrics.lines().filter(|line| line.starts_with("warden_admission_reviews_total") && !line.ends_with(" 0"));
    Ok(counters.collect::<Vec<_>>().join("\n"))
}
