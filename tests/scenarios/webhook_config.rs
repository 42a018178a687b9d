//! The webhook configurations themselves.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::manifests::Module;
use crate::scene::{Scene, shared};

const MUTATING: &str = include_str!("../../webhook-config/mutating.yaml");
const VALIDATING: &str = include_str!("../../webhook-config/validating.yaml");

#[test]
fn both_configurations_select_the_same_objects() {
    // Given the two configurations
    let read = |text| serde_saphyr::from_str::<Value>(text).expect("the configuration is YAML");
    let (mutating, validating) = (read(MUTATING), read(VALIDATING));
    let selection = |configuration: &Value| {
        let webhooks = configuration["webhooks"].as_array().expect("webhooks").iter();
        let parts = ["rules", "namespaceSelector", "matchConditions", "failurePolicy", "timeoutSeconds", "sideEffects"];
        webhooks.map(|webhook| parts.map(|part| webhook[part].clone())).collect::<Vec<_>>()
    };
    // Then they differ in nothing that decides on who is sent
    similar_asserts::assert_eq!(selection(&mutating), selection(&validating));
    assert_eq!(selection(&mutating).len(), 3);
}

#[tokio::test]
async fn the_largest_templates_stay_within_the_budget_of_the_conditions() -> Result<()> {
    // Given a module with 10,000 variables and 200 containers, half a megabyte of template
    let scene = Scene::with_bases(shared().await?, 0).await?;
    let mut manifest = Module::new("large", "1.0.0", &scene.base).deployment(0);
    let containers = manifest["spec"]["template"]["spec"]["containers"].as_array_mut().expect("containers");
    let variables = containers[0]["env"].as_array_mut().expect("env");
    variables.extend((0..10_000).map(|number| json!({"name": format!("V{number}"), "value": "x".repeat(20)})));
    containers.extend((0..200).map(|number| json!({"name": format!("c{number}"), "image": "sidecar:1"})));
    // When it is created, changed and labelled
    scene.kubectl_with(&["create"], &manifest).await?.expect_success()?;
    let label = "virtual-kubelet.koupleless.io/env=gray";
    scene.kubectl(&["label", "deployment/large", "--overwrite", label]).await?.expect_success()?;
    scene.kubectl(&["set", "env", "deployment/large", "-c", "large", "LAST=1"]).await?.expect_success()?;
    // Then the API server could evaluate every condition, and the module was reviewed
    let stored = scene.get(&["deployment/large"]).await?;
    ensure!(stored["spec"]["template"]["metadata"]["labels"]["module.koupleless.io/version"] == "1.0.0");
    Ok(())
}

#[tokio::test]
async fn a_module_that_is_being_deleted_is_let_go() -> Result<()> {
    // Given a module with a finalizer, being deleted
    let scene = Scene::with_bases(shared().await?, 0).await?;
    let mut manifest = Module::new("going", "1.0.0", &scene.base).deployment(0);
    manifest["metadata"]["finalizers"] = json!(["example.com/wait"]);
    scene.apply(&manifest).await?;
    scene.kubectl(&["delete", "deployment/going", "--wait=false"]).await?.expect_success()?;
    // When what would be refused otherwise is changed on it, and its finalizer taken off
    let patch = json!({"metadata": {"finalizers": null, "annotations": {"warden.koupleless.io/inject": "bad"}}});
    let args = ["patch", "deployment/going", "--type=merge", "-p", &patch.to_string()];
    // Then nobody stands in its way
    scene.kubectl(&args).await?.expect_success()?;
    scene.until("it is gone", "deployments", <[Value]>::is_empty).await?;
    Ok(())
}
