//! The webhook configurations themselves.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warden_testbed::eventually;

use crate::manifests::{KINDS, Module, template_of, unlabelled};
use crate::scene::{LONG, Scene, shared};

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
    let (mutating, mut validating) = (selection(&mutating), selection(&validating));
    let others = validating.split_off(3);
    similar_asserts::assert_eq!(mutating, validating);
    // But for the webhooks that see every scale in the cluster, and what may be meant as a module, and must never stand in their way
    let [[rules, namespaces, _, failure_policy, ..], [meant_rules, meant_namespaces, _, meant_failure_policy, ..]] =
        others.as_slice()
    else {
        panic!("{others:?}");
    };
    assert_eq!(rules[0]["resources"], json!(["deployments/scale"]));
    assert_eq!((rules.as_array().map(Vec::len), namespaces), (Some(1), &validating[0][1]));
    assert_eq!((failure_policy, meant_failure_policy), (&json!("Ignore"), &json!("Ignore")));
    // And the latter has the kinds of all webhooks of workloads, and new Pods
    let of = |rules: &Value| rules.as_array().cloned().unwrap_or_default();
    let pods = json!({
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"], "scope": "Namespaced",
    });
    similar_asserts::assert_eq!(of(meant_rules), [of(&validating[1][0]), of(&validating[2][0]), vec![pods]].concat());
    assert_eq!(meant_namespaces, &validating[0][1]);
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
    // Then the API server could evaluate every condition, and the module was reviewed, also for the label alone
    let stored = scene.get("deployment/large").await?;
    let placement = placement(&stored["spec"]["template"]);
    ensure!(placement["name"] == scene.base.as_str() && placement["env"] == "gray", "{placement}");
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

const DIALECTS: [&str; 2] = ["virtual-kubelet.koupleless.io/component", "module-controller.koupleless.io/component"];

/// The workload as the API server would store it.
async fn dry_run(scene: &Scene<'_>, workload: &Value) -> Result<Value> {
    let output = scene.kubectl_with(&["create", "--dry-run=server", "-o", "json"], workload).await?;
    Ok(serde_json::from_str(&output.expect_success()?)?)
}

/// What warden has written on a template about where its Pods are to run; null where it has not.
fn placement(template: &Value) -> Value {
    let annotation = template["metadata"]["annotations"]["warden.koupleless.io/placement"].as_str();
    annotation.and_then(|annotation| serde_json::from_str(annotation).ok()).unwrap_or_default()
}

#[tokio::test]
async fn every_kind_is_sent_in_either_dialect_from_either_place() -> Result<()> {
    let scene = Scene::with_bases(shared().await?, 0).await?;
    for kind in KINDS {
        // Given a workload of each kind that says nowhere that it is a module, when it is created
        let mut stored = dry_run(&scene, &unlabelled(kind, &Module::new("any", "1.0.0", "base"))).await?;
        // Then nothing is added to its template
        let template = template_of(&mut stored);
        ensure!(template["spec"]["containers"].is_array() && !template.to_string().contains("koupleless.io"), "{kind}");
        for dialect in DIALECTS {
            // Given one whose template says so in this dialect or that, when it is created
            let mut workload = unlabelled(kind, &Module::new("any", "1.0.0", "base"));
            template_of(&mut workload)["metadata"]["labels"][dialect] = json!("module");
            let mut stored = dry_run(&scene, &workload).await.with_context(|| format!("{kind}, {dialect}"))?;
            // Then its template says where its Pods are to run
            let template = template_of(&mut stored);
            ensure!(placement(template)["name"] == "base", "{kind}, {dialect}: {template}");
            // Given one that says so only on itself
            let mut workload = unlabelled(kind, &Module::new("any", "1.0.0", "base"));
            workload["metadata"]["labels"] = json!({dialect: "module-deployment"});
            // When it is created, then it is refused, for its Pods would be no modules
            let refused = scene.kubectl_with(&["create", "--dry-run=server"], &workload).await?;
            let told = "so ModuleController ignores them";
            ensure!(!refused.success && refused.stderr.contains(told), "{kind}, {dialect}: {}", refused.stderr);
        }
    }
    Ok(())
}

const ENV_LABEL: &str = "virtual-kubelet.koupleless.io/env";

/// A Deployment that runs without injection.
fn complete_by_hand(name: &str, base: &str) -> Value {
    let mut manifest = Module::new(name, "1.0.0", base).deployment(1);
    manifest["spec"]["template"]["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
    manifest["spec"]["template"]["spec"]["nodeSelector"] = json!({"base.koupleless.io/name": base});
    manifest
}

#[tokio::test]
async fn a_label_that_is_taken_away_is_filled_in_again() -> Result<()> {
    // Given a peer on every base of a cluster, whose environment was filled in
    let scene = Scene::with_bases(shared().await?, 0).await?;
    let mut manifest = Module::new("labelled", "1.0.0", &scene.base).deployment(0);
    manifest["metadata"]["labels"] = json!({"virtual-kubelet.koupleless.io/strategy": "peer"});
    manifest["metadata"]["annotations"] = json!({"base.koupleless.io/cluster-name": scene.base});
    scene.apply(&manifest).await?;
    let env = async || anyhow::Ok(scene.get("deployment/labelled").await?["metadata"]["labels"][ENV_LABEL].clone());
    ensure!(env().await? == "dev");
    // When the label is taken away, and nothing else is changed
    scene.kubectl(&["label", "deployment/labelled", &format!("{ENV_LABEL}-")]).await?.expect_success()?;
    // Then it is there again
    ensure!(env().await? == "dev");
    Ok(())
}

#[tokio::test]
async fn what_a_controller_made_is_left_as_it_is_and_still_checked() -> Result<()> {
    // Given a Deployment that belongs to a controller
    let scene = Scene::with_bases(shared().await?, 0).await?;
    scene.apply(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}})).await?;
    let owner = scene.get("configmap/owner").await?;
    let mut manifest = Module::new("owned", "1.0.0", &scene.base).deployment(1);
    manifest["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"], "controller": true,
    }]);
    // When it is created
    scene.kubectl_with(&["create"], &manifest).await?.expect_success()?;
    // Then nothing is added to it, neither in its template nor beside it
    let stored = scene.get("deployment/owned").await?;
    let template = &stored["spec"]["template"];
    ensure!(stored["metadata"].get("labels").is_none(), "{stored}");
    ensure!(template["metadata"] == manifest["spec"]["template"]["metadata"], "{template}");
    // When its controller sets a version that no base accepts, then it is refused
    let output = scene.kubectl(&["set", "env", "deployment/owned", "BIZ_VERSION=1:0"]).await?;
    ensure!(!output.success && output.stderr.contains("BIZ_VERSION"), "{}", output.stderr);
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

#[tokio::test]
async fn another_image_in_a_running_pod_is_reviewed() -> Result<()> {
    // Given a bare Pod
    let scene = Scene::with_bases(shared().await?, 1).await?;
    scene.apply(&Module::new("bare", "1.0.0", &scene.base).pod()).await?;
    scene.each_runs(&scene.nodes, "bare", "1.0.0").await?;
    // When its image is changed to the jar of another version, then it is refused
    let newer = "bare=https://repo.example.com/bare-2.0.0-ark-biz.jar";
    let refused = scene.kubectl(&["set", "image", "pod/bare", newer]).await?;
    ensure!(!refused.success && refused.stderr.contains("a Pod keeps its BIZ_VERSION"), "{}", refused.stderr);
    // When the version is built again on purpose, then it is admitted, and told
    let on_purpose = "warden.koupleless.io/allow-same-version=true";
    scene.kubectl(&["annotate", "pod/bare", on_purpose]).await?.expect_success()?;
    let rebuilt = "bare=https://repo.example.com/rebuilt/bare-1.0.0-ark-biz.jar";
    let output = scene.kubectl(&["set", "image", "pod/bare", rebuilt]).await?;
    ensure!(output.stderr.contains("installed again in place"), "{}", output.stderr);
    output.expect_success()?;
    // When another field is changed, then it is not reviewed
    let output = scene.kubectl(&["patch", "pod/bare", "-p", r#"{"spec":{"activeDeadlineSeconds":3600}}"#]).await?;
    ensure!(!output.stderr.contains("Warning"), "{}", output.stderr);
    output.expect_success()?;
    Ok(())
}

const SET_FIVE: &str = r#"{"spec":{"replicas":5}}"#;

#[tokio::test]
async fn an_annotation_that_is_taken_away_counts_no_more() -> Result<()> {
    // Given a module that opted out of injection
    let scene = Scene::with_bases(shared().await?, 0).await?;
    let mut manifest = complete_by_hand("opted-out", &scene.base);
    manifest["metadata"]["annotations"]["warden.koupleless.io/inject"] = json!("false");
    manifest["metadata"]["annotations"][UNHEARD_OF] = json!("1");
    scene.apply(&manifest).await?;
    // When the annotation is taken away, and nothing else is changed, then it is reviewed
    ensure!(is_reviewed(&scene, &["annotate", "deployment/opted-out", "warden.koupleless.io/inject-"]).await?);
    Ok(())
}

#[tokio::test]
async fn what_decides_on_a_rollout_is_reviewed_and_its_number_is_not() -> Result<()> {
    // Given a module of each kind that rolls out
    let scene = Scene::with_bases(shared().await?, 0).await?;
    let module = Module::new("rolled", "1.0.0", &scene.base);
    let changes: [(&str, &[Value]); 3] = [
        (
            "Deployment",
            &[
                json!({"paused": true}),
                json!({"paused": null}),
                json!({"strategy": {"type": "Recreate", "rollingUpdate": null}}),
                json!({"progressDeadlineSeconds": 30}),
            ],
        ),
        ("StatefulSet", &[json!({"updateStrategy": {"type": "OnDelete", "rollingUpdate": null}})]),
        ("DaemonSet", &[json!({"updateStrategy": {"type": "OnDelete", "rollingUpdate": null}})]),
    ];
    for (kind, changes) in changes {
        let mut manifest = module.workload(kind, json!({}));
        manifest["metadata"]["annotations"][UNHEARD_OF] = json!("1");
        scene.apply(&manifest).await?;
        let workload = format!("{}/rolled", kind.to_lowercase());
        // When something is changed that decides on whether its template rolls out, then it is reviewed
        for spec in changes {
            let patch = json!({"spec": spec}).to_string();
            ensure!(is_reviewed(&scene, &["patch", &workload, "--type=merge", "-p", &patch]).await?, "{kind}: {patch}");
        }
        // When anything else is, then it is not
        let patch = json!({"spec": {"revisionHistoryLimit": 3, "minReadySeconds": 1}}).to_string();
        ensure!(!is_reviewed(&scene, &["patch", &workload, "--type=merge", "-p", &patch]).await?, "{kind}: {patch}");
        ensure!(!is_reviewed(&scene, &["label", &workload, "team=a"]).await?, "{kind}: a label");
    }
    Ok(())
}

/// The labels of a Pod by which it is kept off bases that carry the same.
async fn identity_labels(scene: &Scene<'_>, pod: &str) -> Result<Vec<(String, Value)>> {
    let stored = scene.get(pod).await?;
    let labels = stored["metadata"]["labels"].as_object().into_iter().flatten();
    let labels = labels.filter(|(key, _)| key.starts_with("module.warden.koupleless.io/"));
    Ok(labels.map(|(key, value)| (key.clone(), value.clone())).collect())
}

#[tokio::test]
async fn identity_labels_of_a_module_are_put_right() -> Result<()> {
    // Given a bare Pod that is a module
    let scene = Scene::with_bases(shared().await?, 0).await?;
    scene.apply(&Module::new("named", "1.0.0", &scene.base).pod()).await?;
    let (pod, own) = ("pod/named", "module.warden.koupleless.io/named");
    let right = [(own.to_owned(), json!("1.0.0"))];
    ensure!(identity_labels(&scene, pod).await? == right);
    // When its label is changed or taken away, or another one is added, also an empty one
    let removed = format!("{own}-");
    let changed = format!("{own}=2.0.0");
    for label in [&removed, &changed, "module.warden.koupleless.io/other=1.0.0", "module.warden.koupleless.io/other="] {
        scene.kubectl(&["label", "--overwrite", pod, label]).await?.expect_success()?;
        // Then it is as before
        let labels = identity_labels(&scene, pod).await?;
        ensure!(labels == right, "{label}: {labels:?}");
    }
    // When the Pod is said to be no module, then it has none
    let component = DIALECTS[0];
    scene.kubectl(&["label", pod, &format!("{component}-")]).await?.expect_success()?;
    ensure!(identity_labels(&scene, pod).await?.is_empty());
    // When it is said to be one, in the other dialect, then it has its own again
    scene.kubectl(&["label", pod, &format!("{}=module", DIALECTS[1])]).await?.expect_success()?;
    ensure!(identity_labels(&scene, pod).await? == right);
    Ok(())
}

#[tokio::test]
async fn no_other_pod_has_identity_labels() -> Result<()> {
    // Given an ordinary Pod that is made with the identity label of a module
    let scene = Scene::with_bases(shared().await?, 0).await?;
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web", "labels": {"app": "web", "module.warden.koupleless.io/orders": "1.0.0"}},
        "spec": {"containers": [{"name": "web", "image": "nginx"}]},
    });
    scene.apply(&pod).await?;
    // Then it has none
    ensure!(identity_labels(&scene, "pod/web").await?.is_empty());
    // When it is labelled so later, then it has none either
    scene.kubectl(&["label", "pod/web", "module.warden.koupleless.io/orders="]).await?.expect_success()?;
    ensure!(identity_labels(&scene, "pod/web").await?.is_empty());
    // And one that is being deleted stays what it is, so that nothing holds up its end
    pod["metadata"]["finalizers"] = json!(["example.com/wait"]);
    scene.apply(&pod).await?;
    scene.kubectl(&["delete", "pod/web", "--wait=false"]).await?.expect_success()?;
    scene.kubectl(&["label", "pod/web", "module.warden.koupleless.io/orders=1"]).await?.expect_success()?;
    ensure!(identity_labels(&scene, "pod/web").await?.len() == 1);
    scene.kubectl(&["patch", "pod/web", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]).await?;
    Ok(())
}

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
