//! What cannot work is refused at `kubectl apply`, with every problem, its field and its remedy.

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::manifests::Module;
use crate::scene::{Scene, shared};

const ENV: &str = "spec.template.spec.containers[0].env";
const IMAGE: &str = "spec.template.spec.containers[0].image";

/// A mistake, and the field that its refusal names.
type Mistake = (&'static str, fn(&mut Value), &'static str);

const MISTAKES: [Mistake; 9] = [
    ("no version", |d| *container(d, "env") = json!([]), ENV),
    ("empty version", |d| container(d, "env")[0]["value"] = json!(""), "spec.template.spec.containers[0].env[0].value"),
    (
        "version by reference",
        |d| {
            *container(d, "env") =
                json!([{"name": "BIZ_VERSION", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}])
        },
        "spec.template.spec.containers[0].env[0].valueFrom",
    ),
    ("colon", |d| container(d, "env")[0]["value"] = json!("1:0"), "spec.template.spec.containers[0].env[0].value"),
    (
        "two versions",
        |d| {
            *container(d, "env") = json!([{"name": "BIZ_VERSION", "value": "1"}, {"name": "BIZ_VERSION", "value": "2"}])
        },
        "spec.template.spec.containers[0].env[1]",
    ),
    (
        "version label at odds",
        |d| d["spec"]["template"]["metadata"]["labels"]["module.koupleless.io/version"] = json!("9"),
        "spec.template.metadata.labels[module.koupleless.io/version]",
    ),
    (
        "name label at odds",
        |d| d["spec"]["template"]["metadata"]["labels"]["module.koupleless.io/name"] = json!("other"),
        "spec.template.metadata.labels[module.koupleless.io/name]",
    ),
    ("no jar", |d| *container(d, "image") = json!("nginx:1"), IMAGE),
    (
        "no base",
        |d| d["metadata"]["annotations"] = json!({}),
        "spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms",
    ),
];

fn container<'v>(deployment: &'v mut Value, field: &str) -> &'v mut Value {
    &mut deployment["spec"]["template"]["spec"]["containers"][0][field]
}

#[tokio::test]
async fn every_mistake_is_refused_at_apply() -> Result<()> {
    let scene = Scene::with_bases(shared().await?, 0).await?;
    for (mistake, make, field) in MISTAKES {
        // Given a Deployment with one mistake
        let mut deployment = Module::new("wrong", "1.0.0", &scene.base).deployment(1);
        make(&mut deployment);
        // When it is applied
        let output = scene.kubectl_with(&["apply"], &deployment).await?;
        // Then it is refused, and the message names the field and a remedy
        ensure!(!output.success, "{mistake} was admitted");
        ensure!(output.stderr.contains(field), "{mistake}: {}", output.stderr);
        ensure!(output.stderr.contains("To fix it: "), "{mistake}: {}", output.stderr);
    }
    // And nothing was created
    for kind in ["deployments", "replicasets", "pods"] {
        ensure!(scene.list(kind).await?.is_empty(), "there are {kind}");
    }
    Ok(())
}

#[tokio::test]
async fn all_mistakes_are_told_at_once_and_as_causes() -> Result<()> {
    // Given a Deployment with four mistakes
    let scene = Scene::with_bases(shared().await?, 0).await?;
    let mut deployment = Module::new("wrong", "1:0", &scene.base).deployment(1);
    *container(&mut deployment, "image") = json!("nginx");
    deployment["metadata"]["annotations"] = json!({"warden.koupleless.io/inject": "no"});
    deployment["spec"]["template"]["metadata"]["labels"]["module.koupleless.io/name"] = json!("other");
    let fields = [
        "spec.template.spec.containers[0].env[0].value",
        IMAGE,
        "spec.template.metadata.labels[module.koupleless.io/name]",
        "spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms",
        "metadata.annotations[warden.koupleless.io/inject]",
    ];
    // When it is applied
    let output = scene.kubectl_with(&["apply"], &deployment).await?;
    // Then kubectl prints all of them
    for field in fields {
        ensure!(output.stderr.contains(field), "{field} is not in: {}", output.stderr);
    }
    // And a program finds each as a cause
    let api: Api<Deployment> = Api::namespaced(scene.stage.plane.client()?, &scene.namespace);
    let refusal = api.create(&PostParams::default(), &serde_json::from_value(deployment)?).await;
    let Err(kube::Error::Api(status)) = refusal else { anyhow::bail!("not refused: {refusal:?}") };
    ensure!(status.code == 422 && status.reason == "Invalid", "{status:?}");
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let causes: Vec<&str> = causes.map(|cause| cause.field.as_str()).collect();
    ensure!(causes == fields, "{causes:?}");
    Ok(())
}
