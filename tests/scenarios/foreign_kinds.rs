//! Workloads of OpenKruise and Argo Rollouts, by their names only: no controller of theirs runs here.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use warden_testbed::Stage;

use crate::manifests::Module;
use crate::scene::{Scene, shared};

/// What their projects serve: group, kind, plural and versions.
const KINDS: [(&str, &str, &str, &[&str]); 4] = [
    ("apps.kruise.io", "CloneSet", "clonesets", &["v1alpha1"]),
    ("apps.kruise.io", "StatefulSet", "statefulsets", &["v1alpha1", "v1beta1"]),
    ("apps.kruise.io", "DaemonSet", "daemonsets", &["v1alpha1"]),
    ("argoproj.io", "Rollout", "rollouts", &["v1alpha1"]),
];

const PLACEMENT: &str = "warden.koupleless.io/placement";

/// The shared stage, with these kinds.
async fn stage() -> Result<&'static Stage> {
    static DEFINED: OnceCell<()> = OnceCell::const_new();
    let stage = shared().await?;
    DEFINED.get_or_try_init(|| define(stage)).await?;
    Ok(stage)
}

async fn define(stage: &Stage) -> Result<()> {
    let names = KINDS.map(|(group, _, plural, _)| format!("crd/{plural}.{group}"));
    let items = KINDS.map(|(group, kind, plural, versions)| {
        // The API server neither checks nor prunes anything below `spec`.
        let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let versions: Vec<Value> = (1..)
            .zip(versions)
            .map(|(number, name)| {
                let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {"spec": anything}}});
                json!({"name": name, "served": true, "storage": number == versions.len(), "schema": schema})
            })
            .collect();
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}")},
            "spec": {
                "group": group, "scope": "Namespaced", "versions": versions,
                "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()},
            },
        })
    });
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    stage.plane.kubectl_with_stdin(&["apply", "-f", "-"], &list).await?.expect_success()?;
    let mut wait = vec!["wait", "--for=condition=established", "--timeout=60s"];
    wait.extend(names.iter().map(String::as_str));
    stage.plane.kubectl(&wait).await?.expect_success()?;
    Ok(())
}

/// What `warden review` makes of a manifest, without a cluster.
pub(crate) fn reviewed(manifest: &Value) -> Result<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_warden"));
    command.args(["review", "-f", "-", "-o", "json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut review = command.spawn()?;
    let mut input = review.stdin.take().context("no standard input")?;
    input.write_all(manifest.to_string().as_bytes())?;
    drop(input);
    let output = review.wait_with_output()?;
    serde_json::from_slice(&output.stdout).with_context(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[rstest]
#[case::clone_set("apps.kruise.io/v1alpha1", "CloneSet")]
#[case::advanced_stateful_set("apps.kruise.io/v1beta1", "StatefulSet")]
#[case::older_advanced_stateful_set("apps.kruise.io/v1alpha1", "StatefulSet")]
#[case::advanced_daemon_set("apps.kruise.io/v1alpha1", "DaemonSet")]
#[case::argo_rollout("argoproj.io/v1alpha1", "Rollout")]
#[tokio::test]
async fn they_are_placed_and_checked(#[case] api_version: &str, #[case] kind: &str) -> Result<()> {
    // Given a base, and a workload that declares it
    let scene = Scene::with_bases(stage().await?, 1).await?;
    let mut manifest = Module::new("foreign", "1.0.0", &scene.base).workload(kind, json!({}));
    manifest["apiVersion"] = json!(api_version);
    // When it is applied
    scene.apply(&manifest).await?;
    let group = api_version.split('/').next().unwrap_or_default();
    let workload = format!("{kind}.{group}/foreign").to_lowercase();
    let get = async || -> Result<Value> {
        Ok(serde_json::from_str(&scene.kubectl(&["get", &workload, "-o", "json"]).await?.expect_success()?)?)
    };
    let stored = get().await?;
    // Then its template says where its Pods are to run, and is otherwise as it was written, but for a DaemonSet's, by which its
    // controller goes
    let mut template = stored["spec"]["template"].clone();
    let annotations = template["metadata"].as_object_mut().and_then(|metadata| metadata.remove("annotations"));
    let placement = json!({"env": "dev", "name": scene.base, "version": "1.0.0"}).to_string();
    ensure!(annotations == Some(json!({PLACEMENT: placement})), "{stored}");
    if kind == "DaemonSet" {
        let spec = template["spec"].as_object_mut().context("no spec")?;
        let derived = ["tolerations", "affinity"].map(|field| spec.remove(field).unwrap_or_default());
        ensure!(derived[0].to_string().contains("schedule.koupleless.io/virtual-node"), "{stored}");
        let places = &derived[1]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        ensure!(places.to_string().contains(&scene.base), "{stored}");
    }
    similar_asserts::assert_eq!(template, manifest["spec"]["template"]);
    // And so says `warden review`
    similar_asserts::assert_eq!(reviewed(&manifest)?["spec"]["template"], stored["spec"]["template"]);
    // When it is applied again and scaled, then its template stays as it is
    scene.apply(&manifest).await?;
    let scale = ["patch", &workload, "--type=merge", "-p", r#"{"spec":{"replicas":3}}"#];
    scene.kubectl(&scale).await?.expect_success()?;
    similar_asserts::assert_eq!(get().await?["spec"]["template"], stored["spec"]["template"]);
    // When it is released in another version, then that is admitted, and goes to the same base
    let next = Module::new("foreign", "2.0.0", &scene.base).template();
    let release = json!({"spec": {"template": next}}).to_string();
    scene.kubectl(&["patch", &workload, "--type=merge", "-p", &release]).await?.expect_success()?;
    let released = get().await?["spec"]["template"].clone();
    similar_asserts::assert_eq!(released["metadata"], stored["spec"]["template"]["metadata"]);
    ensure!(released["spec"]["containers"] == next["spec"]["containers"], "{released}");
    // When its template loses the version, then it is refused
    let mut broken = manifest.clone();
    broken["spec"]["template"]["spec"]["containers"][0]["env"] = json!([]);
    let refused = scene.kubectl_with(&["apply"], &broken).await?;
    ensure!(!refused.success && refused.stderr.contains("BIZ_VERSION"), "{}", refused.stderr);
    // When its controller makes a Pod of it, then that is completed, and runs on the base
    let mut pod = released;
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!("foreign-1");
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": api_version, "kind": kind, "name": "foreign", "uid": stored["metadata"]["uid"], "controller": true,
    }]);
    scene.kubectl_with(&["create"], &pod).await?.expect_success()?;
    scene.each_runs(&scene.nodes, "foreign", "2.0.0").await
}

#[rstest]
// A Rollout may take its template from a Deployment, which is reviewed itself.
#[case::no_template("Rollout", json!({"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "orders"}}))]
#[case::nothing("CloneSet", json!({}))]
#[case::null_template("Rollout", json!({"template": null}))]
#[case::null_labels("CloneSet", json!({"template": {"metadata": {"labels": null}, "spec": null}}))]
#[case::of_another_shape("CloneSet", json!({"template": {"metadata": "none"}}))]
#[tokio::test]
async fn what_has_no_template_of_a_module_passes(#[case] kind: &str, #[case] spec: Value) -> Result<()> {
    // Given such a workload
    let scene = Scene::with_bases(stage().await?, 0).await?;
    let group = if kind == "Rollout" { "argoproj.io" } else { "apps.kruise.io" };
    let workload = json!({
        "apiVersion": format!("{group}/v1alpha1"), "kind": kind,
        "metadata": {"name": "any", "labels": {"team": "a"}}, "spec": spec,
    });
    // When it is created and changed, then the API server can evaluate every condition, and it is stored as it is
    scene.kubectl_with(&["create"], &workload).await?.expect_success()?;
    let resource = format!("{kind}.{group}/any").to_lowercase();
    let pause = ["patch", &resource, "--type=merge", "-p", r#"{"spec":{"paused":true}}"#];
    scene.kubectl(&pause).await?.expect_success()?;
    let stored = scene.kubectl(&["get", &resource, "-o", "json"]).await?.expect_success()?;
    ensure!(!stored.contains(PLACEMENT), "{stored}");
    Ok(())
}
