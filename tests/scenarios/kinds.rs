//! Every kind that carries a pod template.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::foreign_kinds::reviewed;
use crate::manifests::Module;
use crate::scene::{LONG, Scene, shared};

#[tokio::test]
async fn a_daemon_set_runs_on_exactly_the_matching_bases() -> Result<()> {
    // Given two bases, one of another version, and an ordinary node
    let stage = shared().await?;
    let scene = Scene::with_bases(stage, 2).await?;
    let other = stage.plane.add_base(scene.a_base("other").version("2.0.0")).await?;
    stage.plane.add_ordinary_node(&format!("node-of-{}", scene.namespace)).await?;
    // When a DaemonSet without tolerations and affinity is applied
    scene.apply(&Module::new("daemon", "1.0.0", &scene.base).workload("DaemonSet", json!({}))).await?;
    // Then it runs on exactly the two
    scene.each_runs(&scene.nodes, "daemon", "1.0.0").await?;
    scene
        .until("its controller wants two and has two", "daemonsets", |sets| {
            let status = &sets[0]["status"];
            status["desiredNumberScheduled"] == 2 && status["numberReady"] == 2
        })
        .await?;
    ensure!(stage.plane.ledger().runs(&other).is_empty());
    ensure!(scene.list("pods").await?.len() == 2);
    // When a base joins, then it gets the module
    let joined = stage.plane.add_base(scene.a_base("joined")).await?;
    stage.plane.ledger().wait_until_runs(&joined, &[("daemon", "1.0.0")], LONG).await
}

#[tokio::test]
async fn a_bare_pod_a_stateful_set_and_a_replica_set_run() -> Result<()> {
    let scene = Scene::with_bases(shared().await?, 1).await?;
    // When a bare Pod is applied
    let bare = Module::new("bare", "1.0.0", &scene.base);
    let mut pod = bare.pod();
    pod["metadata"]["labels"] = json!({"module-controller.koupleless.io/component": "module"});
    scene.apply(&pod).await?;
    scene.each_runs(&scene.nodes, "bare", "1.0.0").await?;
    // Then it outlives an outage of ModuleController: the in-tree tolerations have no end
    let stored = scene.get("pod/bare").await?;
    let seconds =
        stored["spec"]["tolerations"].as_array().into_iter().flatten().filter(|t| t.get("tolerationSeconds").is_some());
    ensure!(seconds.count() == 0, "{stored}");
    // When a StatefulSet and a ReplicaSet are applied, then the base runs them, too
    scene
        .apply(&Module::new("stateful", "1.0.0", &scene.base).workload("StatefulSet", json!({"serviceName": "s"})))
        .await?;
    scene.apply(&Module::new("set", "1.0.0", &scene.base).workload("ReplicaSet", json!({}))).await?;
    let all = [("bare", "1.0.0"), ("set", "1.0.0"), ("stateful", "1.0.0")];
    scene.stage.plane.ledger().wait_until_runs(&scene.nodes[0], &all, LONG).await
}

#[tokio::test]
async fn a_bare_pod_that_is_applied_again_stays_as_it_is() -> Result<()> {
    // Given a bare Pod with a toleration and a required node affinity of its own, in lists that are replaced as a whole
    let scene = Scene::with_bases(shared().await?, 1).await?;
    let module = Module::new("calm", "1.0.0", &scene.base);
    let mut pod = module.pod();
    pod["spec"]["tolerations"] = json!([{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]);
    let in_cluster = json!({"key": "base.koupleless.io/cluster-name", "operator": "In", "values": ["default"]});
    pod["spec"]["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [in_cluster]}],
    }}});
    scene.apply(&pod).await?;
    scene.each_runs(&scene.nodes, "calm", "1.0.0").await?;
    let fields = ["/metadata/uid", "/spec/tolerations", "/spec/affinity"];
    let state = |pod: &Value| fields.map(|field| pod.pointer(field).cloned());
    let before = state(&scene.get("pod/calm").await?);
    ensure!(before.iter().all(Option::is_some), "{before:?}");
    // And warden added to both
    ensure!(before[1].as_ref() != Some(&pod["spec"]["tolerations"]), "{before:?}");
    ensure!(before[2].as_ref() != Some(&pod["spec"]["affinity"]), "{before:?}");
    // When it is applied again, unchanged, this way and that
    for args in [&["apply"][..], &["apply", "--server-side", "--force-conflicts"]] {
        scene.kubectl_with(args, &pod).await?.expect_success()?;
        // Then it is the very same Pod
        let after = state(&scene.get("pod/calm").await?);
        ensure!(after == before, "after {args:?}: {after:?}, before: {before:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_cron_jobs_module_runs_and_its_job_is_left_alone() -> Result<()> {
    // Given a CronJob
    let scene = Scene::with_bases(shared().await?, 1).await?;
    let module = Module::new("nightly", "1.0.0", &scene.base);
    let mut template = module.template();
    template["spec"]["restartPolicy"] = json!("Never");
    let cron_job = json!({
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "nightly", "annotations": module.annotations()},
        "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": template}}},
    });
    scene.apply(&cron_job).await?;
    // When it is run by hand
    scene.kubectl(&["create", "job", "--from=cronjob/nightly", "now"]).await?.expect_success()?;
    // Then its module runs
    scene.each_runs(&scene.nodes, "nightly", "1.0.0").await?;
    // And the Job has the template that the CronJob was stored with
    let stored = scene.get("cronjob/nightly").await?;
    let job = scene.get("job/now").await?;
    let (of_cron_job, of_job) = (&stored["spec"]["jobTemplate"]["spec"]["template"], &job["spec"]["template"]);
    ensure!(of_cron_job["spec"].get("tolerations").is_none(), "{of_cron_job}");
    let placement = &of_cron_job["metadata"]["annotations"]["warden.koupleless.io/placement"];
    ensure!(
        placement.is_string() && of_cron_job["metadata"]["annotations"] == of_job["metadata"]["annotations"],
        "{job}"
    );
    ensure!(of_job["spec"] == of_cron_job["spec"], "{job}");
    Ok(())
}

#[tokio::test]
async fn a_replication_controller_runs() -> Result<()> {
    // Given a base, and a ReplicationController that declares it
    let scene = Scene::with_bases(shared().await?, 1).await?;
    let mut manifest =
        Module::new("rc", "1.0.0", &scene.base).workload("ReplicationController", json!({"replicas": 1}));
    manifest["apiVersion"] = json!("v1");
    manifest["spec"]["selector"] = json!({"app": "rc"});
    // When it is applied, then its template has the placement besides what was written
    scene.apply(&manifest).await?;
    let stored = scene.get("replicationcontroller/rc").await?;
    is_placed(&stored["spec"]["template"], &scene.base)?;
    ensure!(stored["spec"]["template"]["spec"].get("tolerations").is_none(), "{stored}");
    // And so says `warden review`
    let reviewed = reviewed(&manifest)?["spec"]["template"]["metadata"]["annotations"].clone();
    similar_asserts::assert_eq!(reviewed, stored["spec"]["template"]["metadata"]["annotations"]);
    // And its Pods are completed, so that the base runs them
    scene.each_runs(&scene.nodes, "rc", "1.0.0").await?;
    // When its template loses the version, then it is refused
    let refused = scene.kubectl(&["set", "env", "replicationcontroller/rc", "BIZ_VERSION-"]).await?;
    ensure!(!refused.success && refused.stderr.contains("BIZ_VERSION"), "{}", refused.stderr);
    // When a controller makes a ReplicationController without it, then that is not reviewed: it is a copy
    let mut copy = manifest.clone();
    copy["metadata"]["name"] = json!("copy");
    copy["spec"]["template"]["spec"]["containers"][0]["env"] = json!([]);
    copy["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "v1", "kind": "ReplicationController", "name": "rc", "uid": stored["metadata"]["uid"], "controller": true,
    }]);
    scene.kubectl_with(&["create", "--dry-run=server"], &copy).await?.expect_success()?;
    Ok(())
}

/// That a template says which base its Pods are for, in the annotation that is warden's own.
fn is_placed(template: &Value, base: &str) -> Result<()> {
    let placement = template["metadata"]["annotations"]["warden.koupleless.io/placement"].as_str().unwrap_or_default();
    let placement: Value = serde_json::from_str(placement)?;
    ensure!(placement == json!({"env": "dev", "name": base, "version": "1.0.0"}), "{template}");
    Ok(())
}
