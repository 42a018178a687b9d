//! Module Pods from before warden get their identity labels.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use warden_testbed::{Component, Options, Proxy, Write, eventually};

use crate::manifests::Module;
use crate::peer::before::from_before;
use crate::peer::ends::{in_haste, told};
use crate::scene::{Scene, raise};

const PODS: usize = 300;
/// What is promised: no more writes a second.
const WRITES_A_SECOND: u32 = 20;
/// 15 s at that rate, on a machine that does other things, too.
const LABELLED: Duration = Duration::from_secs(90);

fn label(write: &Write) -> Option<&Value> {
    write.body.as_ref()?.pointer("/metadata/labels")
}

#[tokio::test]
async fn running_pods_are_labelled_at_a_bounded_rate_and_peers_act_only_then() -> Result<()> {
    // Given 300 Pods of one module and three Pods of a peer, from before warden, one of whose bases is gone
    let mut stage = raise(Options::new()).await?;
    let mut scene = Scene::with_bases(&stage, 3).await?;
    scene.apply(&from_before(&scene, "orders", 3)).await?;
    scene.some_run(3, "orders", "1.0.0").await?;
    let many_scene = Scene::with_bases(&stage, 6).await?;
    let mut many = from_before(&many_scene, "many", PODS);
    many["metadata"]["labels"] = json!({});
    many["spec"]["template"]["spec"]["affinity"].take();
    many_scene.apply(&many).await?;
    many_scene
        .until("all Pods run", "pods", |pods| {
            pods.iter().filter(|pod| pod["status"]["phase"] == "Running").count() == PODS
        })
        .await?;
    let since = stage.plane.ledger().mark();
    // Pod garbage collection must not come before warden, as it would on a slow machine: without warden the replacement of the Pod that it
    // takes lands beside one of a healthy base.
    stage.plane.pause(Component::ControllerManager)?;
    scene.one_goes(2).await?;
    let (scene_nodes, namespaces) = (scene.nodes.clone(), [scene.namespace.clone(), many_scene.namespace.clone()]);
    let base = scene.base.clone();
    drop((scene, many_scene));
    // When warden starts
    let proxy = Proxy::start(&stage.plane).await?;
    stage.serve_through(&proxy, &in_haste()).await?;
    stage.plane.resume(Component::ControllerManager)?;
    let began = Instant::now();
    // Then all of them are labelled
    for namespace in &namespaces {
        let objects = stage.plane.objects(namespace)?;
        eventually("all Pods are labelled", LABELLED, async || {
            let pods = objects.list("pods").await.map_err(|error| error.to_string())?;
            let is_bare = |pod: &&Value| {
                let labels = pod["metadata"]["labels"].as_object().into_iter().flatten();
                !labels.into_iter().any(|(key, _)| key.starts_with("module.warden.koupleless.io/"))
            };
            match pods.iter().filter(is_bare).count() {
                0 => Ok(()),
                bare => Err(format!("{bare} are not")),
            }
        })
        .await?;
    }
    println!("{PODS} Pods were labelled {:?} after warden was ready", began.elapsed());
    // And never more than 20 in a second
    let labels: Vec<Write> = proxy.writes().into_iter().filter(|write| label(write).is_some()).collect();
    ensure!(labels.len() >= PODS, "{} writes\n{}", labels.len(), told(&proxy));
    for first in &labels {
        let within = labels.iter().filter(|write| write.at >= first.at && write.at < first.at + Duration::from_secs(1));
        // What waited on its way here arrives with what came later.
        ensure!(within.count() <= WRITES_A_SECOND as usize + 5, "too many from {first}\n{}", told(&proxy));
    }
    // And the peer follows its departure, after the last label of its own Pods, with no healthy base touched
    let scene = Scene { stage: &stage, namespace: namespaces[0].clone(), base, nodes: scene_nodes };
    scene.replicas_become("orders", 2).await?;
    let writes = proxy.writes();
    let own = |write: &&Write| write.path.contains(&format!("/namespaces/{}/", scene.namespace));
    let last_label = writes.iter().filter(own).filter(|write| label(write).is_some()).map(|write| write.at).max();
    let acts = |write: &&Write| write.method == "DELETE" || write.path.contains("/scale");
    let first_act = writes.iter().filter(own).find(acts).context("it was not scaled")?;
    ensure!(last_label.context("no label")? < first_act.at, "{first_act} came first\n{}", told(&proxy));
    scene.untouched(&scene.nodes, "orders", since).await?;
    scene.metric_becomes("warden_identity_unlabelled_pods", 0).await
}

#[tokio::test]
async fn labels_that_a_user_removes_or_forges_are_put_right() -> Result<()> {
    // Given a Pod that warden's webhooks did not see: they are not registered yet
    let mut stage = raise(Options::new()).await?;
    let scene = Scene::with_bases(&stage, 1).await?;
    let key = "module.warden.koupleless.io/orders";
    let mut pod = Module::new("orders", "1.0.0", &scene.base).pod();
    pod["metadata"]["labels"][key] = json!("2.0.0");
    pod["metadata"]["labels"]["module.warden.koupleless.io/stock"] = json!("1.0.0");
    pod["metadata"]["annotations"]["warden.koupleless.io/inject"] = json!("false");
    scene.apply(&pod).await?;
    let namespace = scene.namespace.clone();
    drop(scene);
    // When warden starts
    stage.serve(&in_haste()).await?;
    // Then it bears the label of its module, and no other
    let objects = stage.plane.objects(&namespace)?;
    eventually("the labels are right", LABELLED, async || {
        let pod = objects.get("pod/orders").await.map_err(|error| error.to_string())?;
        let labels = &pod["metadata"]["labels"];
        let is_right = labels[key] == "1.0.0" && labels.get("module.warden.koupleless.io/stock").is_none();
        if is_right { Ok(()) } else { Err(labels.to_string()) }
    })
    .await
}
