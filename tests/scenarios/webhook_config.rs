//! The webhook configurations themselves.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warden_testbed::eventually;

use crate::manifests::Module;
use crate::scene::{LONG, Scene, shared};

const MUTATING: &str = include_str!("../../deploy/manifests/webhooks-mutating.yaml");
const VALIDATING: &str = include_str!("../../deploy/manifests/webhooks-validating.yaml");

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
    let (mutating, mut validating) = (selection(&mutating), selection(&validating));
    let of_scales = validating.split_off(3);
    similar_asserts::assert_eq!(mutating, validating);
    // But for the webhook that sees every scale in the cluster, and must never stand in its way
    let [[rules, namespaces, _, failure_policy, ..]] = of_scales.as_slice() else {
        panic!("{of_scales:?}");
    };
    assert_eq!(rules[0]["resources"], json!(["deployments/scale"]));
    assert_eq!((rules.as_array().map(Vec::len), namespaces), (Some(1), &validating[0][1]));
    assert_eq!(failure_policy, "Ignore");
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
    // By a JSON patch: for a strategic one the API server compares each variable with each, which takes it half a minute.
    let last = json!([{
        "op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "LAST", "value": "1"},
    }]);
    scene.kubectl(&["patch", "deployment/large", "--type=json", "-p", &last.to_string()]).await?.expect_success()?;
    // Then the API server could evaluate every condition, and the module was reviewed
    let stored = scene.get("deployment/large").await?;
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
    // Then nothing refuses it
    scene.kubectl(&args).await?.expect_success()?;
    scene.until("it is gone", "deployments", <[Value]>::is_empty).await?;
    Ok(())
}

/// Where a workload says that it is a module: the object and the value of the component label.
#[derive(Clone, Copy, Debug)]
enum Place {
    Template,
    Workload,
}

const KINDS: [&str; 6] = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"];
const DIALECTS: [&str; 2] = ["virtual-kubelet.koupleless.io/component", "module-controller.koupleless.io/component"];

/// A workload of `kind` that is no module until it is labelled, for it carries no component label.
fn unlabelled(kind: &str) -> Value {
    let module = Module::new("any", "1.0.0", "base");
    let mut template = module.template();
    template["metadata"]["labels"] = json!({"app": "any"});
    let (version, spec) = match kind {
        "Job" | "CronJob" => {
            template["spec"]["restartPolicy"] = json!("Never");
            let job = json!({"template": template});
            let spec = if kind == "Job" { job } else { json!({"schedule": "0 3 * * *", "jobTemplate": {"spec": job}}) };
            ("batch/v1", spec)
        }
        _ => ("apps/v1", json!({"selector": {"matchLabels": {"app": "any"}}, "template": template})),
    };
    let metadata = json!({"name": "any", "annotations": module.annotations()});
    json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})
}

fn template_of(workload: &mut Value) -> &mut Value {
    match workload["kind"].as_str() {
        Some("CronJob") => &mut workload["spec"]["jobTemplate"]["spec"]["template"],
        _ => &mut workload["spec"]["template"],
    }
}

/// The workload as the API server would store it.
async fn dry_run(scene: &Scene<'_>, workload: &Value) -> Result<Value> {
    let output = scene.kubectl_with(&["create", "--dry-run=server", "-o", "json"], workload).await?;
    Ok(serde_json::from_str(&output.expect_success()?)?)
}

#[tokio::test]
async fn every_kind_is_sent_in_either_dialect_from_either_place() -> Result<()> {
    let scene = Scene::with_bases(shared().await?, 0).await?;
    for kind in KINDS {
        // Given a workload of each kind that says nowhere that it is a module, when it is created
        let mut stored = dry_run(&scene, &unlabelled(kind)).await?;
        // Then nothing is filled in, neither in its template nor beside it
        ensure!(stored["metadata"]["labels"].get("virtual-kubelet.koupleless.io/env").is_none(), "{stored}");
        let template = template_of(&mut stored);
        ensure!(template["spec"].get("tolerations").is_none(), "{kind}: {template}");
        ensure!(template["spec"]["containers"].is_array() && !template.to_string().contains("koupleless.io"), "{kind}");
        // Given one that says so in this dialect or that, on its template or only on itself
        for dialect in DIALECTS {
            for place in [Place::Template, Place::Workload] {
                let mut workload = unlabelled(kind);
                match place {
                    Place::Template => template_of(&mut workload)["metadata"]["labels"][dialect] = json!("module"),
                    Place::Workload => workload["metadata"]["labels"] = json!({dialect: "module-deployment"}),
                }
                // When it is created
                let case = || format!("{kind}, {dialect}, {place:?}");
                let mut stored = dry_run(&scene, &workload).await.with_context(case)?;
                // Then its template tolerates virtual nodes
                let template = template_of(&mut stored);
                let mut tolerations = template["spec"]["tolerations"].as_array().into_iter().flatten();
                let tolerates = tolerations.any(|one| one["key"] == "schedule.koupleless.io/virtual-node");
                ensure!(tolerates, "{}: {template}", case());
                // And its pods are labelled as ModuleController reads it
                ensure!(template["metadata"]["labels"][DIALECTS[0]] == "module", "{}: {template}", case());
            }
        }
    }
    Ok(())
}

const ENV_LABEL: &str = "virtual-kubelet.koupleless.io/env";

/// The environment that a Deployment is labelled with.
async fn env_label(scene: &Scene<'_>, deployment: &str) -> Result<Option<Value>> {
    let stored = scene.get(&format!("deployment/{deployment}")).await?;
    Ok(stored["metadata"]["labels"].get(ENV_LABEL).cloned())
}

/// A Deployment that runs without injection.
fn complete_by_hand(name: &str, base: &str) -> Value {
    let mut manifest = Module::new(name, "1.0.0", base).deployment(1);
    manifest["spec"]["template"]["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
    manifest["spec"]["template"]["spec"]["nodeSelector"] = json!({"base.koupleless.io/name": base});
    manifest
}

#[tokio::test]
async fn a_label_that_is_taken_away_is_filled_in_again() -> Result<()> {
    // Given a module whose environment was filled in
    let scene = Scene::with_bases(shared().await?, 0).await?;
    scene.apply(&Module::new("labelled", "1.0.0", &scene.base).deployment(0)).await?;
    ensure!(env_label(&scene, "labelled").await? == Some(json!("dev")));
    // When the label is taken away, and nothing else is changed
    scene.kubectl(&["label", "deployment/labelled", &format!("{ENV_LABEL}-")]).await?.expect_success()?;
    // Then it is there again
    ensure!(env_label(&scene, "labelled").await? == Some(json!("dev")));
    Ok(())
}

#[tokio::test]
async fn an_annotation_that_is_taken_away_counts_no_more() -> Result<()> {
    // Given a module that opted out of injection
    let scene = Scene::with_bases(shared().await?, 0).await?;
    let mut manifest = complete_by_hand("opted-out", &scene.base);
    manifest["metadata"]["annotations"]["warden.koupleless.io/inject"] = json!("false");
    scene.apply(&manifest).await?;
    ensure!(env_label(&scene, "opted-out").await?.is_none());
    // When the annotation is taken away, and nothing else is changed
    scene.kubectl(&["annotate", "deployment/opted-out", "warden.koupleless.io/inject-"]).await?.expect_success()?;
    // Then its environment is filled in
    ensure!(env_label(&scene, "opted-out").await? == Some(json!("dev")));
    Ok(())
}

#[tokio::test]
async fn what_a_controller_made_is_left_as_it_is_and_still_checked() -> Result<()> {
    // Given a Deployment that belongs to a controller
    let scene = Scene::with_bases(shared().await?, 0).await?;
    scene.apply(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}})).await?;
    let owner = scene.get("configmap/owner").await?;
    let mut manifest = complete_by_hand("owned", &scene.base);
    manifest["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"], "controller": true,
    }]);
    // When it is created
    scene.kubectl_with(&["create"], &manifest).await?.expect_success()?;
    // Then nothing is filled in, neither in its template nor beside it
    let stored = scene.get("deployment/owned").await?;
    let template = &stored["spec"]["template"];
    ensure!(stored["metadata"].get("labels").is_none(), "{stored}");
    ensure!(template["metadata"]["labels"] == manifest["spec"]["template"]["metadata"]["labels"], "{template}");
    for (field, of_template) in [("tolerations", true), ("nodeSelector", true), ("affinity", false)] {
        let written = of_template.then(|| &manifest["spec"]["template"]["spec"][field]);
        ensure!(template["spec"].get(field) == written, "{field}: {template}");
    }
    // When its controller sets another jar under the same version
    let image = "owned=https://repo.example.com/rebuilt.jar";
    let output = scene.kubectl(&["set", "image", "deployment/owned", image]).await?;
    // Then it is refused with what would have happened
    ensure!(!output.success && output.stderr.contains("every base without owned"), "{}", output.stderr);
    Ok(())
}

/// An unknown annotation: every review of its object warns of it.
const UNHEARD_OF: &str = "warden.koupleless.io/unheard-of";

/// Does `kubectl <args>`, which must succeed, and tells whether what it changed was reviewed.
async fn is_reviewed(scene: &Scene<'_>, args: &[&str]) -> Result<bool> {
    let output = scene.kubectl(args).await?;
    let reviewed = output.stderr.contains(UNHEARD_OF);
    output.expect_success()?;
    Ok(reviewed)
}

const SET_FIVE: &str = r#"{"spec":{"replicas":5}}"#;

#[tokio::test]
async fn state_of_wardens_is_not_reviewed_and_another_number_is() -> Result<()> {
    let scene = Scene::with_bases(shared().await?, 0).await?;
    for (name, key) in [("current", "virtual-kubelet.koupleless.io/"), ("older", "module-controller.koupleless.io/")] {
        // Given a peer, paused, so that only the test writes to it
        let mut manifest = Module::new(name, "1.0.0", &scene.base).deployment(0);
        manifest["metadata"]["labels"] = json!({format!("{key}strategy"): "peer"});
        manifest["metadata"]["annotations"][UNHEARD_OF] = json!("1");
        manifest["metadata"]["annotations"]["warden.koupleless.io/peer-paused"] = json!("true");
        scene.apply(&manifest).await?;
        let deployment = format!("deployment/{name}");
        // When state of warden's is written on it, written anew and removed, then it is not reviewed
        for note in [
            "state.warden.koupleless.io/peer=3/3",
            "state.warden.koupleless.io/peer=4/4",
            "state.warden.koupleless.io/peer-",
            "state.warden.koupleless.io/of-another-controller=1",
            "warden.koupleless.io/peer=3/3",
            "warden.koupleless.io/peer-",
        ] {
            let reviewed = is_reviewed(&scene, &["annotate", "--overwrite", &deployment, note]).await?;
            ensure!(!reviewed, "{name}: {note}");
        }
        // When it gets another number, or anything else of ours beside the note, then it is
        let noted_and_told = [
            "annotate",
            "--overwrite",
            &deployment,
            "state.warden.koupleless.io/peer=5/5",
            "base.koupleless.io/name=other",
        ];
        ensure!(is_reviewed(&scene, &noted_and_told).await?, "{name}: a declaration");
        let patch = ["patch", &deployment, "--type=merge", "-p", SET_FIVE];
        ensure!(is_reviewed(&scene, &patch).await?, "{name}: another number");
        ensure!(scene.get(&deployment).await?["spec"]["replicas"] == 5, "{name}: it is the user's");
    }
    Ok(())
}

#[tokio::test]
async fn the_number_of_a_workload_that_is_no_peer_is_not_reviewed() -> Result<()> {
    let scene = Scene::with_bases(shared().await?, 0).await?;
    let mut manifest = Module::new("single", "1.0.0", &scene.base).deployment(0);
    manifest["metadata"]["annotations"][UNHEARD_OF] = json!("1");
    scene.apply(&manifest).await?;
    ensure!(!is_reviewed(&scene, &["patch", "deployment/single", "--type=merge", "-p", SET_FIVE]).await?);
    ensure!(scene.get("deployment/single").await?["spec"]["replicas"] == 5);
    Ok(())
}

#[tokio::test]
async fn only_a_peer_cannot_be_scaled_and_its_refusal_tells_the_ways_out() -> Result<()> {
    // Given a Deployment that is a peer, and one that is none
    let scene = Scene::with_bases(shared().await?, 0).await?;
    let mut peer = Module::new("peer", "1.0.0", &scene.base).deployment(0);
    peer["metadata"]["labels"] = json!({"virtual-kubelet.koupleless.io/strategy": "peer"});
    scene.apply(&peer).await?;
    scene.apply(&Module::new("single", "1.0.0", &scene.base).deployment(0)).await?;
    // When they are scaled, once warden has seen them; then the one that is none is scaled
    let dry_run = ["scale", "deployment/peer", "--replicas=3", "--dry-run=server"];
    let until = async |what: &str, refused: bool| {
        eventually(what, LONG, async || {
            let output = scene.kubectl(&dry_run).await.map_err(|error| error.to_string())?;
            if output.success != refused { Ok(()) } else { Err(output.stderr) }
        })
        .await
    };
    until("warden has seen the peer", true).await?;
    scene.kubectl(&["scale", "deployment/single", "--replicas=3"]).await?.expect_success()?;
    ensure!(scene.get("deployment/single").await?["spec"]["replicas"] == 3);
    // And the peer is not
    let refused = scene.kubectl(&["scale", "deployment/peer", "--replicas=3"]).await?;
    let told = "peer has one replica per base (strategy peer), and warden keeps that number: remove the label \
                virtual-kubelet.koupleless.io/strategy (or module-controller.koupleless.io/strategy), or set the \
                annotation warden.koupleless.io/peer-paused: \"true\", to scale it yourself";
    ensure!(!refused.success && refused.stderr.contains(told), "{}", refused.stderr);
    ensure!(refused.stderr.starts_with("Error from server (Forbidden):"), "{}", refused.stderr);
    ensure!(scene.get("deployment/peer").await?["spec"]["replicas"] == 0);
    // When either way out is taken, then it can be scaled
    scene.kubectl(&["annotate", "deployment/peer", "warden.koupleless.io/peer-paused=true"]).await?.expect_success()?;
    until("warden has seen the pause", false).await?;
    scene.kubectl(&["annotate", "deployment/peer", "warden.koupleless.io/peer-paused-"]).await?.expect_success()?;
    until("warden has seen its end", true).await?;
    scene.kubectl(&["label", "deployment/peer", "virtual-kubelet.koupleless.io/strategy-"]).await?.expect_success()?;
    until("warden has seen that it is a peer no more", false).await?;
    scene.kubectl(&["scale", "deployment/peer", "--replicas=3"]).await?.expect_success()?;
    ensure!(scene.get("deployment/peer").await?["spec"]["replicas"] == 3);
    Ok(())
}

#[tokio::test]
async fn a_peer_keeps_its_number_when_its_manifest_is_applied_again() -> Result<()> {
    // Given a peer on each of its two bases
    let scene = Scene::with_bases(shared().await?, 2).await?;
    let mut manifest = Module::new("kept", "1.0.0", &scene.base).deployment(1);
    manifest["metadata"]["labels"] = json!({"virtual-kubelet.koupleless.io/strategy": "peer"});
    scene.apply(&manifest).await?;
    scene.until("it has two", "deployments", |list| list.iter().all(|it| it["spec"]["replicas"] == 2)).await?;
    let before = scene.pod_uids().await?;
    // When its manifest, which says one, is applied again, then it is told that it keeps two
    let warnings = scene.apply(&manifest).await?;
    let told = "spec.replicas stays 2: warden keeps one replica per base (strategy peer)";
    ensure!(warnings.contains(told), "{warnings}");
    ensure!(scene.get("deployment/kept").await?["spec"]["replicas"] == 2);
    // And it keeps its Pods
    let after = scene.pod_uids().await?;
    ensure!(before.iter().all(|uid| after.contains(uid)), "{before:?} {after:?}");
    Ok(())
}
