//! What cannot work is refused at `kubectl apply`, with every problem at once. Each problem alone is in [`crate::ways_out`].

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::manifests::Module;
use crate::scene::{Scene, shared};

const IMAGE: &str = "spec.template.spec.containers[0].image";

fn container<'v>(deployment: &'v mut Value, field: &str) -> &'v mut Value {
    &mut deployment["spec"]["template"]["spec"]["containers"][0][field]
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
