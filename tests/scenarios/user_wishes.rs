//! What the user wrote stays, and is only ever narrowed.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::manifests::Module;
use crate::scene::{Scene, shared, tolerations};

#[tokio::test]
async fn terms_that_are_ored_are_both_narrowed() -> Result<()> {
    // Given bases of clusters a, b and c, and of a another version
    let stage = shared().await?;
    let mut scene = Scene::with_bases(stage, 0).await?;
    for cluster in ["a", "b", "c"] {
        scene.nodes.push(stage.plane.add_base(scene.a_base(cluster).cluster(cluster)).await?);
    }
    let old = stage.plane.add_base(scene.a_base("old").cluster("a").version("0.9.0")).await?;
    // When a module is applied whose two terms allow the clusters a and b, and whose annotations name base and version
    let term = |cluster: &str| json!({"matchExpressions": [{"key": "base.koupleless.io/cluster-name", "operator": "In", "values": [cluster]}]});
    let mut manifest = Module::new("ored", "1.0.0", &scene.base).deployment(4);
    manifest["spec"]["template"]["spec"]["affinity"] = json!({"nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term("a"), term("b")]},
    }});
    scene.apply(&manifest).await?;
    // Then in its Pods both terms have the base and its version too
    let pods = scene.until("it has its pods", "pods", |pods| pods.len() == 4).await?;
    let terms = &pods[0]["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
    ensure!(terms.as_array().map(Vec::len) == Some(2), "{terms}");
    for term in terms.as_array().unwrap() {
        let expressions = term["matchExpressions"].as_array().unwrap();
        let keys: Vec<&str> = expressions.iter().filter_map(|e| e["key"].as_str()).collect();
        ensure!(
            keys == ["base.koupleless.io/cluster-name", "base.koupleless.io/name", "base.koupleless.io/version"],
            "{term}"
        );
    }
    // And of four pods two run, on the bases that the user's terms allow; the others wait
    let running = scene.some_run(2, "ored", "1.0.0").await?;
    ensure!(running == scene.nodes[..2], "{running:?}");
    let waiting = |pods: &[Value]| {
        let unschedulable = |pod: &&Value| pod["status"]["conditions"][0]["reason"] == "Unschedulable";
        pods.iter().filter(unschedulable).count() == 2
    };
    scene.until("two pods find no base", "pods", waiting).await?;
    ensure!(stage.plane.ledger().runs(&old).is_empty());
    Ok(())
}

#[tokio::test]
async fn no_toleration_is_lost_and_none_is_doubled() -> Result<()> {
    let stage = shared().await?;
    let scene = Scene::with_bases(stage, 1).await?;
    let virtual_node = json!({"key": "schedule.koupleless.io/virtual-node", "operator": "Exists"});
    let not_ready = json!({
        "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60,
    });
    let cases = [
        // Given tolerations of the user's, then what is added
        ("some", json!([{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]), 4),
        ("cover", json!([virtual_node, not_ready]), 2),
        ("all", json!([{"operator": "Exists"}]), 0),
    ];
    for (name, written, added) in cases {
        // When the module is applied
        let mut manifest = Module::new(name, "1.0.0", &scene.base).deployment(1);
        manifest["spec"]["template"]["spec"]["tolerations"] = written.clone();
        scene.apply(&manifest).await?;
        // Then its template is as it was written
        let stored = scene.get(&format!("deployment/{name}")).await?;
        ensure!(stored["spec"]["template"]["spec"]["tolerations"] == written, "{name}: {stored}");
        // And its Pod has those of the template first, and as many more as were not covered, none twice
        let pods = scene
            .until("it has a pod", "pods", |pods| pods.iter().any(|pod| pod["metadata"]["labels"]["app"] == name))
            .await?;
        let pod = pods.iter().find(|pod| pod["metadata"]["labels"]["app"] == name).unwrap();
        let on_pod = tolerations(&pod["spec"]);
        let mut single = on_pod.clone();
        single.dedup();
        ensure!(on_pod == single, "{name}: {on_pod:?}");
        let list = pod["spec"]["tolerations"].as_array().cloned().unwrap_or_default();
        let written = written.as_array().unwrap();
        ensure!(list.starts_with(written) && list.len() == written.len() + added, "{name}: {list:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_dry_run_shows_what_would_be_stored_and_stores_nothing() -> Result<()> {
    // Given a namespace without modules
    let scene = Scene::with_bases(shared().await?, 1).await?;
    // When a module is applied with --dry-run=server
    let manifest = Module::new("dry", "1.0.0", &scene.base).deployment(1);
    let output = scene.kubectl_with(&["apply", "--dry-run=server", "-o", "json"], &manifest).await?;
    // Then it comes back with its placement, and nothing is stored
    let shown: Value = serde_json::from_str(&output.expect_success()?)?;
    let annotations = &shown["spec"]["template"]["metadata"]["annotations"];
    ensure!(annotations["warden.koupleless.io/placement"].is_string(), "{shown}");
    ensure!(scene.list("deployments").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_generated_name_and_a_field_of_the_future_are_no_trouble() -> Result<()> {
    // Given a pod spec with a field that is younger than the API version that warden is built against
    let scene = Scene::with_bases(shared().await?, 1).await?;
    let mut pod = Module::new("future", "1.0.0", &scene.base).pod();
    pod["spec"]["hostnameOverride"] = json!("from-the-future");
    let metadata = pod["metadata"].as_object_mut().expect("metadata");
    metadata.remove("name");
    metadata.insert("generateName".to_owned(), json!("future-"));
    // When it is created under a generated name
    scene.kubectl_with(&["create"], &pod).await?.expect_success()?;
    // Then it runs, and the field is there
    scene.each_runs(&scene.nodes, "future", "1.0.0").await?;
    let pods = scene.list("pods").await?;
    ensure!(pods[0]["spec"]["hostnameOverride"] == "from-the-future", "{}", pods[0]);
    Ok(())
}
