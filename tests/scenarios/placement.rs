//! Where modules run, when what declares their base changes; and what a Namespace makes of their Pods.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warden_testbed::{Options, eventually};

use crate::manifests::Module;
use crate::scene::{LONG, Scene, raise, shared};

const NAME: &str = "base.koupleless.io/name";
const VERSION: &str = "base.koupleless.io/version";
const CLUSTER: &str = "base.koupleless.io/cluster-name";
const ENV: &str = "virtual-kubelet.koupleless.io/env";
const PLACEMENT: &str = "warden.koupleless.io/placement";

/// A module whose manifest says nothing of a base.
fn undeclared(name: &str, replicas: usize) -> Result<Value> {
    let mut manifest = Module::new(name, "1.0.0", "").deployment(u32::try_from(replicas)?);
    manifest["metadata"] = json!({"name": name});
    Ok(manifest)
}

/// Declares the base of the scene's Namespace, and waits until warden goes by it.
async fn declare(scene: &Scene<'_>, version: &str) -> Result<()> {
    let declared = [format!("{NAME}={}", scene.base), format!("{VERSION}={version}")];
    let [name, version_pair] = declared.each_ref().map(String::as_str);
    let annotate = ["annotate", "--overwrite", "namespace", &scene.namespace, name, version_pair];
    scene.stage.plane.kubectl(&annotate).await?.expect_success()?;
    let probe = undeclared("probe", 1)?;
    eventually("warden goes by the Namespace", LONG, async || {
        let args = ["create", "--dry-run=server", "-o", "json"];
        let shown = scene.kubectl_with(&args, &probe).await.map_err(|error| error.to_string())?;
        let is_there = shown.stdout.contains(&format!("\\\"version\\\":\\\"{version}\\\""));
        if is_there { Ok(()) } else { Err(format!("{} {}", shown.stdout, shown.stderr)) }
    })
    .await
}

/// Deletes the Pods one by one, and waits each time until all bases run the module again.
async fn renew_pods(scene: &Scene<'_>, app: &str) -> Result<()> {
    let pods = scene.list("pods").await?;
    let names = pods.iter().filter(|pod| pod["metadata"]["labels"]["app"] == app);
    for name in names.filter_map(|pod| pod["metadata"]["name"].as_str()) {
        scene.kubectl(&["delete", "pod", name]).await?.expect_success()?;
        scene.rolled_out(&format!("deployment/{app}")).await?;
        scene.each_runs(&scene.nodes, app, "1.0.0").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_namespace_that_declares_another_base_moves_nothing() -> Result<()> {
    // Given a Namespace that declares a base, two bases of that version and one of the next, and a module that goes by it
    let stage = shared().await?;
    let scene = Scene::with_bases(stage, 2).await?;
    let newer = stage.plane.add_base(scene.a_base("newer").version("2.0.0")).await?;
    declare(&scene, "1.0.0").await?;
    scene.apply(&undeclared("stays", 2)?).await?;
    scene.each_runs(&scene.nodes, "stays", "1.0.0").await?;
    let template = scene.get("deployment/stays").await?["spec"]["template"].clone();
    // When the Namespace declares the next version, the Pods are made again, and the manifest is sent again in every way
    declare(&scene, "2.0.0").await?;
    renew_pods(&scene, "stays").await?;
    for args in [&["apply"][..], &["apply", "--server-side", "--force-conflicts"], &["replace"]] {
        scene.kubectl_with(args, &undeclared("stays", 2)?).await?.expect_success()?;
    }
    // Then everything is where it was
    scene.rolled_out("deployment/stays").await?;
    scene.each_runs(&scene.nodes, "stays", "1.0.0").await?;
    ensure!(stage.plane.ledger().runs(&newer).is_empty(), "{}", stage.plane.ledger().now());
    ensure!(scene.get("deployment/stays").await?["spec"]["template"] == template);
    ensure!(scene.list("replicasets").await?.len() == 1);
    Ok(())
}

#[tokio::test]
async fn a_template_from_before_warden_takes_nothing_from_its_namespace() -> Result<()> {
    // Given a template that selects its base by name alone and tolerates it, on bases of two versions, from before warden
    let mut stage = raise(Options::new()).await?;
    let mut scene = Scene::with_bases(&stage, 2).await?;
    let newer = stage.plane.add_base(scene.a_base("newer").version("2.0.0")).await?;
    scene.nodes.push(newer);
    let mut manifest = undeclared("early", 3)?;
    let spec = &mut manifest["spec"]["template"]["spec"];
    spec["nodeSelector"] = json!({NAME: scene.base});
    spec["tolerations"] = json!([{"operator": "Exists", "key": "schedule.koupleless.io/virtual-node"}, {
        "operator": "Exists", "key": "schedule.koupleless.io/node-env",
    }]);
    let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "early"}}});
    spec["affinity"] = json!({"podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [term],
    }});
    scene.apply(&manifest).await?;
    scene.each_runs(&scene.nodes, "early", "1.0.0").await?;
    let Scene { namespace, base, nodes, .. } = scene;
    // When warden comes, the Namespace declares a version, and the Pods are made again
    stage.serve(&[]).await?;
    let scene = Scene { stage: &stage, namespace, base, nodes };
    declare(&scene, "2.0.0").await?;
    // Then every new Pod goes where the old one was
    renew_pods(&scene, "early").await?;
    ensure!(scene.list("replicasets").await?.len() == 1);
    Ok(())
}

#[tokio::test]
async fn a_version_that_moves_to_another_base_can_be_undone() -> Result<()> {
    for (app, place) in [("by-note", "annotations"), ("by-label", "labels")] {
        // Given a module on bases of one version, and bases of the next
        let stage = shared().await?;
        let scene = Scene::with_bases(stage, 2).await?;
        let mut next = Vec::new();
        for number in 0..2 {
            next.push(stage.plane.add_base(scene.a_base(&format!("n{number}")).version("2.0.0")).await?);
        }
        let manifest = |version: &str, base: &str| {
            let mut manifest = Module::new(app, version, &scene.base).deployment(2);
            manifest["metadata"] = json!({"name": app, "annotations": {NAME: scene.base}});
            manifest["metadata"][place][VERSION] = json!(base);
            manifest
        };
        scene.apply(&manifest("1.0.0", "1.0.0")).await?;
        scene.each_runs(&scene.nodes, app, "1.0.0").await?;
        // When version and declared base change together, and that is undone, and the old manifest applied
        scene.apply(&manifest("2.0.0", "2.0.0")).await?;
        scene.rolled_out(&format!("deployment/{app}")).await?;
        scene.each_runs(&next, app, "2.0.0").await?;
        scene.kubectl(&["rollout", "undo", &format!("deployment/{app}")]).await?.expect_success()?;
        scene.rolled_out(&format!("deployment/{app}")).await?;
        scene.each_runs(&scene.nodes, app, "1.0.0").await.context(place)?;
        scene.apply(&manifest("1.0.0", "1.0.0")).await?;
        // Then it is back where it was, in its old ReplicaSet
        scene.rolled_out(&format!("deployment/{app}")).await?;
        scene.each_runs(&scene.nodes, app, "1.0.0").await.context(place)?;
        let sets = scene.list("replicasets").await?;
        ensure!(sets.len() == 2, "{place}: {} ReplicaSets: {sets:?}", sets.len());
    }
    Ok(())
}

#[tokio::test]
async fn a_daemon_set_follows_its_declaration_and_one_that_runs_by_itself_is_left_alone() -> Result<()> {
    // Given a plain DaemonSet on the bases of one version, and bases of the next
    let stage = shared().await?;
    let scene = Scene::with_bases(stage, 2).await?;
    let next = vec![stage.plane.add_base(scene.a_base("next").version("2.0.0")).await?];
    let mut plain = Module::new("daemon", "1.0.0", &scene.base).workload("DaemonSet", json!({}));
    scene.apply(&plain).await?;
    scene.each_runs(&scene.nodes, "daemon", "1.0.0").await?;
    // When it declares the next version, then it moves
    plain["metadata"]["annotations"][VERSION] = json!("2.0.0");
    scene.apply(&plain).await?;
    scene.each_runs(&next, "daemon", "1.0.0").await?;
    scene.rolled_out("daemonset/daemon").await?;
    for node in &scene.nodes {
        stage.plane.ledger().wait_until_runs(node, &[], LONG).await?;
    }
    // When one comes that selects and tolerates its bases by itself, then its template stays as it was written
    let mut own = Module::new("own", "1.0.0", &scene.base).workload("DaemonSet", json!({}));
    own["metadata"] = json!({"name": "own"});
    own["spec"]["template"]["spec"]["nodeSelector"] = json!({NAME: scene.base, VERSION: "1.0.0"});
    own["spec"]["template"]["spec"]["tolerations"] = json!([
        {"key": "schedule.koupleless.io/virtual-node", "operator": "Exists"},
        {"key": "schedule.koupleless.io/node-env", "operator": "Exists"},
    ]);
    own["spec"]["updateStrategy"] = json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    scene.apply(&own).await?;
    scene.each_runs(&scene.nodes, "own", "1.0.0").await?;
    let stored = scene.get("daemonset/own").await?["spec"]["template"].clone();
    for field in ["tolerations", "nodeSelector"] {
        ensure!(stored["spec"][field] == own["spec"]["template"]["spec"][field], "{stored}");
    }
    ensure!(stored["spec"].get("affinity").is_none() && stored["metadata"].get("annotations").is_none(), "{stored}");
    // When its template changes under the same version, it is refused, because it surges
    let since = stage.plane.ledger().mark();
    own["spec"]["template"]["metadata"]["labels"]["team"] = json!("a");
    let refused = scene.kubectl_with(&["apply"], &own).await?;
    ensure!(!refused.success && refused.stderr.contains("set maxSurge to 0"), "{}", refused.stderr);
    // And the way out works
    scene.never_two(since).await?;
    own["spec"]["updateStrategy"] = json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
    scene.apply(&own).await?;
    scene.rolled_out("daemonset/own").await?;
    scene.each_runs(&scene.nodes, "own", "1.0.0").await?;
    scene.never_two(since).await
}

#[tokio::test]
async fn a_job_from_before_warden_that_is_suspended_can_be_patched_and_resumed() -> Result<()> {
    // Given a suspended Job from before warden
    let mut stage = raise(Options::new()).await?;
    let scene = Scene::with_bases(&stage, 1).await?;
    let mut template = Module::new("late", "1.0.0", &scene.base).template();
    template["spec"]["restartPolicy"] = json!("Never");
    template["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
    scene
        .apply(&json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "late"},
            "spec": {"suspend": true, "template": template},
        }))
        .await?;
    let Scene { namespace, base, nodes, .. } = scene;
    stage.serve(&[]).await?;
    let scene = Scene { stage: &stage, namespace, base, nodes };
    // When it is given a node selector, and resumed
    let patch = json!({"spec": {"template": {"spec": {"nodeSelector": {NAME: scene.base}}}}}).to_string();
    scene.kubectl(&["patch", "job", "late", "--patch", &patch]).await?.expect_success()?;
    scene.kubectl(&["patch", "job", "late", "--patch", r#"{"spec":{"suspend":false}}"#]).await?.expect_success()?;
    // Then it runs
    scene.each_runs(&scene.nodes, "late", "1.0.0").await
}

#[tokio::test]
async fn limits_of_a_namespace_keep_no_module_from_its_base() -> Result<()> {
    // Given a Namespace with default requests and limits, and a quota that demands requests
    let scene = Scene::with_bases(shared().await?, 2).await?;
    scene
        .apply(&json!({
            "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "defaults"},
            "spec": {"limits": [{
                "type": "Container",
                "default": {"cpu": "500m", "memory": "512Mi"},
                "defaultRequest": {"cpu": "100m", "memory": "128Mi"},
            }]},
        }))
        .await?;
    scene
        .apply(&json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota"},
            "spec": {"hard": {"requests.cpu": "50m"}},
        }))
        .await?;
    // When a plain module comes, then it runs
    scene.apply(&Module::new("limited", "1.0.0", &scene.base).deployment(2)).await?;
    scene.each_runs(&scene.nodes, "limited", "1.0.0").await?;
    let pods = scene.list("pods").await?;
    let resources = &pods[0]["spec"]["containers"][0]["resources"];
    ensure!(resources["requests"] == json!({"cpu": "0", "memory": "0"}), "{resources}");
    Ok(())
}

#[tokio::test]
async fn what_a_namespace_does_not_allow_is_kept_to_and_told() -> Result<()> {
    // Given an API server that keeps to the whitelists and node selectors of Namespaces
    let plugins = "--enable-admission-plugins=PodTolerationRestriction,PodNodeSelector";
    let mut stage = raise(Options::new().api_server_arg(plugins)).await?;
    stage.serve(&[]).await?;
    let scene = Scene::with_bases(&stage, 1).await?;
    let ends = |taint: &str| json!({"key": format!("node.kubernetes.io/{taint}"), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
    let any = |taint: &str| json!({"key": format!("schedule.koupleless.io/{taint}"), "operator": "Exists"});
    let whitelist = json!([any("virtual-node"), any("node-env"), ends("not-ready"), ends("unreachable")]).to_string();
    let annotate = async |key: &str, value: &str| -> Result<()> {
        let pair = format!("scheduler.alpha.kubernetes.io/{key}={value}");
        stage
            .plane
            .kubectl(&["annotate", "--overwrite", "namespace", &scene.namespace, &pair])
            .await?
            .expect_success()?;
        Ok(())
    };
    // When a module is applied to a Namespace that allows only 300 s, then it is told, and runs with what is allowed
    annotate("tolerationsWhitelist", &whitelist).await?;
    let manifest = Module::new("listed", "1.0.0", &scene.base).deployment(1);
    told(&scene, &manifest, "an outage evicts modules").await?;
    scene.apply(&manifest).await?;
    scene.each_runs(&scene.nodes, "listed", "1.0.0").await?;
    // When the Namespace adds a node selector that no base has, then it is told
    annotate("node-selector", "disk=ssd").await?;
    told(&scene, &Module::new("selected", "1.0.0", &scene.base).deployment(1), "adds node selector disk=ssd").await
}

/// A LimitRange that demands cpu of each container.
fn floor() -> Value {
    json!({
        "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "floor"},
        "spec": {"limits": [{"type": "Container", "min": {"cpu": "100m"}}]},
    })
}

#[tokio::test]
async fn a_limit_range_that_demands_a_request_is_told_and_mended() -> Result<()> {
    // Given a Namespace whose LimitRange demands cpu
    let scene = Scene::with_bases(shared().await?, 2).await?;
    scene.apply(&floor()).await?;
    // When a module is applied, then it is refused, with what must be changed
    let manifest = Module::new("floored", "1.0.0", &scene.base).deployment(2);
    let remedy = "remove cpu from min in LimitRange floor";
    let refused = scene.kubectl_with(&["apply"], &manifest).await?;
    ensure!(!refused.success && refused.stderr.contains("containers[0].resources.requests[cpu]"), "{}", refused.stderr);
    ensure!(refused.stderr.contains(remedy), "{}", refused.stderr);
    // And so is a bare Pod, by the API server itself, which warden explains
    let refused = scene.kubectl_with(&["apply"], &Module::new("bare", "1.0.0", &scene.base).pod()).await?;
    ensure!(!refused.success && refused.stderr.contains("but request is 0"), "{}", refused.stderr);
    ensure!(refused.stderr.contains("remove it from min in LimitRange floor"), "{}", refused.stderr);
    // When the LimitRange is changed as it says, then the same manifest is admitted, and runs
    let remove = r#"[{"op": "remove", "path": "/spec/limits/0/min/cpu"}]"#;
    scene.kubectl(&["patch", "limitrange", "floor", "--type=json", "-p", remove]).await?.expect_success()?;
    scene.apply(&manifest).await?;
    scene.each_runs(&scene.nodes, "floored", "1.0.0").await?;
    // When the demand comes back, then what runs stays, and its new Pods come once the LimitRange is mended again
    scene.kubectl(&["delete", "limitrange", "floor"]).await?.expect_success()?;
    scene.apply(&floor()).await?;
    scene.kubectl(&["scale", "deployment/floored", "--replicas=0"]).await?.expect_success()?;
    scene.some_run(0, "floored", "1.0.0").await?;
    scene.kubectl(&["scale", "deployment/floored", "--replicas=2"]).await?.expect_success()?;
    scene
        .until("the API server refuses its Pods", "events", |events| {
            let refused = |event: &Value| event["message"].as_str().is_some_and(|it| it.contains("minimum cpu usage"));
            events.iter().any(refused)
        })
        .await?;
    scene.kubectl(&["patch", "limitrange", "floor", "--type=json", "-p", remove]).await?.expect_success()?;
    scene.each_runs(&scene.nodes, "floored", "1.0.0").await?;
    scene.kubectl(&["delete", "limitrange/floor", "deployment/floored"]).await?.expect_success()?;
    // When a LimitRange has a max of Pods, then a module without a limit is refused, and a bare Pod by the API server itself
    scene.apply(&ceiling(&[])).await?;
    let mut manifest = Module::new("limited", "1.0.0", &scene.base).deployment(2);
    let refused = scene.kubectl_with(&["apply"], &manifest).await?;
    ensure!(!refused.success && refused.stderr.contains("containers[0].resources.limits[cpu]"), "{}", refused.stderr);
    ensure!(refused.stderr.contains("set it to \"0\""), "{}", refused.stderr);
    let refused = scene.kubectl_with(&["apply"], &Module::new("bare", "1.0.0", &scene.base).pod()).await?;
    ensure!(!refused.success && refused.stderr.contains("No limit is specified"), "{}", refused.stderr);
    ensure!(refused.stderr.contains("set resources.limits.cpu to \"0\""), "{}", refused.stderr);
    // When its limit is 0, as the refusal says, then it is admitted, and runs
    manifest["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": "0"}});
    scene.apply(&manifest).await?;
    scene.each_runs(&scene.nodes, "limited", "1.0.0").await?;
    // When the LimitRange has a default instead, then a module without a limit runs, too
    scene.kubectl(&["delete", "deployment/limited"]).await?.expect_success()?;
    scene.apply(&ceiling(&[json!({"type": "Container", "default": {"cpu": "1"}})])).await?;
    scene.apply(&Module::new("defaulted", "1.0.0", &scene.base).deployment(2)).await?;
    scene.each_runs(&scene.nodes, "defaulted", "1.0.0").await
}

/// A LimitRange with a `max` of cpu of Pods, and with `others`.
fn ceiling(others: &[Value]) -> Value {
    let of_pods = json!({"type": "Pod", "max": {"cpu": "1"}});
    let limits = [&[of_pods][..], others].concat();
    json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "ceiling"}, "spec": {"limits": limits}})
}

/// Waits until a dry run of applying the manifest tells this: warden learns of the Namespace by a watch.
pub(crate) async fn told(scene: &Scene<'_>, manifest: &Value, says: &str) -> Result<()> {
    eventually(says, LONG, async || {
        let shown = scene.kubectl_with(&["apply", "--dry-run=server"], manifest).await;
        let shown = shown.map_err(|error| error.to_string())?;
        if shown.success && shown.stderr.contains(says) { Ok(()) } else { Err(shown.stderr) }
    })
    .await
}

#[tokio::test]
async fn a_term_that_only_excludes_a_node_is_narrowed_and_a_toleration_that_ends_is_told() -> Result<()> {
    // Given a base, one of another version, and one that a term excludes
    let stage = shared().await?;
    let scene = Scene::with_bases(stage, 1).await?;
    let excluded = stage.plane.add_base(scene.a_base("excluded")).await?;
    let other = stage.plane.add_base(scene.a_base("other").version("2.0.0")).await?;
    // When a module is applied with that term, and a toleration of everything that ends
    let mut manifest = Module::new("odd", "1.0.0", &scene.base).deployment(3);
    let field = json!({"key": "metadata.name", "operator": "NotIn", "values": [excluded]});
    manifest["spec"]["template"]["spec"]["affinity"] = json!({"nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": [field]}]},
    }});
    manifest["spec"]["template"]["spec"]["tolerations"] =
        json!([{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 6}]);
    let warnings = scene.apply(&manifest).await?;
    // Then it is told that it ends, and it runs on the one base alone
    ensure!(warnings.contains("ends after 6 s"), "{warnings}");
    scene.each_runs(&scene.nodes, "odd", "1.0.0").await?;
    scene
        .until("two Pods find no base", "pods", |pods| {
            pods.iter().filter(|pod| pod["status"]["conditions"][0]["reason"] == "Unschedulable").count() >= 2
        })
        .await?;
    for node in [&excluded, &other] {
        ensure!(stage.plane.ledger().runs(node).is_empty(), "{}", stage.plane.ledger().now());
    }
    Ok(())
}

#[tokio::test]
async fn a_url_that_no_base_ever_ran_can_be_mended() -> Result<()> {
    // Given a Deployment whose Pods find no base, and one without Pods
    let scene = Scene::with_bases(shared().await?, 1).await?;
    let mut pending = Module::new("pending", "1.0.0", &scene.base).deployment(1);
    pending["metadata"]["annotations"][VERSION] = json!("9.9.9");
    let mut none = Module::new("none", "1.0.0", &scene.base).deployment(0);
    for manifest in [&mut pending, &mut none] {
        scene.apply(manifest).await?;
        let name = manifest["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        scene
            .until("its controller has seen it", "deployments", |all| {
                all.iter().any(|it| it["metadata"]["name"] == name && it["status"]["observedGeneration"] == 1)
            })
            .await?;
        // When its URL is mended, then that is admitted
        manifest["spec"]["template"]["spec"]["containers"][0]["image"] =
            json!(format!("https://repo.example.com/mended/{name}-1.0.0-ark-biz.jar"));
        scene.apply(manifest).await?;
    }
    Ok(())
}

/// What a base of this environment and cluster asks to install when it starts, by ModuleController's rule: all modules of all
/// Deployments labelled with the environment whose label, node selector or affinity names the cluster (domain of ModuleController
/// 2.2.0, `queryBaseline`).
fn baseline(deployments: &[Value], env: &str, cluster: &str) -> Vec<String> {
    let names_cluster = |deployment: &Value| {
        let spec = &deployment["spec"]["template"]["spec"];
        deployment["metadata"]["labels"][CLUSTER] == cluster
            || spec["nodeSelector"][CLUSTER] == cluster
            || spec["affinity"].to_string().contains(&format!("\"{cluster}\""))
    };
    let baseline = deployments.iter().filter(|it| it["metadata"]["labels"][ENV] == env && names_cluster(it));
    baseline.filter_map(|it| it["metadata"]["name"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn the_baseline_of_a_base_has_only_peers_for_every_base_of_its_cluster() -> Result<()> {
    // Given a cluster of bases, and modules for it in many ways
    let scene = Scene::with_bases(shared().await?, 0).await?;
    let cluster = format!("cluster-of-{}", scene.namespace);
    let peer = json!({"virtual-kubelet.koupleless.io/strategy": "peer"});
    let declared =
        |keys: &[(&str, &str)]| keys.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect::<Value>();
    let whole = declared(&[(CLUSTER, &cluster)]);
    let cases = [
        ("one-by-cluster", json!({}), whole.clone(), false),
        ("peer-by-cluster", peer.clone(), whole, true),
        ("peer-by-version", peer.clone(), declared(&[(CLUSTER, &cluster), (VERSION, "1.0.0")]), false),
        ("peer-by-name", peer, declared(&[(CLUSTER, &cluster), (NAME, "a")]), false),
    ];
    for (name, labels, annotations, _) in &cases {
        let mut manifest = Module::new(name, "1.0.0", "").deployment(1);
        manifest["metadata"] = json!({"name": name, "labels": labels, "annotations": annotations});
        scene.apply(&manifest).await?;
    }
    // Then a base of the cluster that starts is told to install the peers of the whole cluster, and nothing else
    let expected: Vec<_> = cases.iter().filter(|case| case.3).map(|case| case.0.to_owned()).collect();
    let deployments = scene.list("deployments").await?;
    ensure!(baseline(&deployments, "dev", &cluster) == expected, "{deployments:?}");
    // And where a user's own labels say otherwise, the user is told
    let mut own = Module::new("own-labels", "1.0.0", "a").deployment(1);
    own["metadata"]["labels"] = json!({ENV: "dev", CLUSTER: cluster});
    let warnings = scene.apply(&own).await?;
    ensure!(warnings.contains("that starts installs this"), "{warnings}");
    let stored =
        scene.get("deployment/own-labels").await?["spec"]["template"]["metadata"]["annotations"][PLACEMENT].clone();
    ensure!(stored.is_string(), "{stored}");
    Ok(())
}
