//! Peer Deployments that warden did not make, or not alone: no healthy base loses the module by a departure.

use anyhow::{Result, ensure};
use rstest::rstest;
use serde_json::{Value, json};
use warden_testbed::Options;

use super::ends::in_haste;
use crate::manifests::Module;
use crate::scene::{Scene, raise};

const DEPARTURES: usize = 10;
/// How many bases are there all the time.
const STAYING: usize = 2;
const BASES: usize = DEPARTURES + STAYING;

/// All departures are followed, although they come to a mass loss.
fn without_holds() -> Vec<String> {
    in_haste().into_iter().chain(["--mass-loss-hold=0".to_owned()]).collect()
}

/// A peer Deployment as users wrote them before warden: its own selection and tolerations, and anti-affinity that is only preferred.
pub(crate) fn from_before(scene: &Scene<'_>, name: &str, replicas: usize) -> Value {
    let mut manifest = Module::new(name, "1.0.0", &scene.base).deployment(u32::try_from(replicas).unwrap_or(u32::MAX));
    manifest["metadata"] = json!({
        "name": name,
        "labels": {
            "virtual-kubelet.koupleless.io/component": "module-deployment",
            "virtual-kubelet.koupleless.io/env": "dev",
            "virtual-kubelet.koupleless.io/strategy": "peer",
        },
    });
    let spec = &mut manifest["spec"]["template"]["spec"];
    spec["nodeSelector"] = json!({"base.koupleless.io/name": scene.base, "base.koupleless.io/version": "1.0.0"});
    spec["tolerations"] = json!([
        {"key": "schedule.koupleless.io/virtual-node", "operator": "Equal", "value": "True", "effect": "NoExecute"},
        {"key": "schedule.koupleless.io/node-env", "operator": "Equal", "value": "dev", "effect": "NoExecute"},
    ]);
    let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": name}}});
    spec["affinity"] = json!({"podAntiAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}],
    }});
    manifest
}

fn as_it_was(manifest: Value) -> Value {
    manifest
}

fn two_jars(mut manifest: Value) -> Value {
    let containers = &mut manifest["spec"]["template"]["spec"]["containers"];
    let other = Module::new("stock", "1.0.0", "").spec()["containers"][0].take();
    *containers = json!([containers[0].take(), other]);
    manifest
}

fn no_label_value(mut manifest: Value) -> Value {
    manifest["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = json!("1.0.0+build.7");
    manifest
}

#[rstest]
#[case::as_it_was(as_it_was, false)]
#[case::two_jars(two_jars, false)]
#[case::labels_are_taken_off_meanwhile(as_it_was, true)]
#[case::a_version_that_is_no_label_value(no_label_value, false)]
#[tokio::test]
async fn departures_touch_no_healthy_base_of_a_peer_from_before_warden(
    #[case] written: fn(Value) -> Value,
    #[case] takes_labels_off: bool,
) -> Result<()> {
    // Given a peer on twelve bases, made without warden
    let mut stage = raise(Options::new()).await?;
    let mut scene = Scene::with_bases(&stage, BASES).await?;
    scene.apply(&written(from_before(&scene, "orders", BASES))).await?;
    scene.rolled_out("deployment/orders").await?;
    let (namespace, base, nodes) = (scene.namespace.clone(), scene.base.clone(), std::mem::take(&mut scene.nodes));
    drop(scene);
    // When warden comes, and ten bases go, one after the other
    stage.serve(&without_holds()).await?;
    let mut scene = Scene { stage: &stage, namespace, base, nodes };
    depart(&mut scene, takes_labels_off).await
}

#[tokio::test]
async fn a_pod_of_a_tenant_that_opted_out_holds_no_peer() -> Result<()> {
    // Given a peer, and a tenant's Pod of the same name and version on one of its bases, which opted out
    let mut stage = raise(Options::new()).await?;
    stage.serve(&without_holds()).await?;
    let mut scene = Scene::with_peers(&stage, BASES, "orders").await?;
    let tenant = stage.plane.namespace("tenant").await?;
    let mut pod = Module::new("orders", "1.0.0", &scene.base).pod();
    pod["metadata"]["annotations"]["warden.koupleless.io/inject"] = json!("false");
    pod["spec"]["nodeName"] = json!(scene.nodes[0]);
    pod["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
    let apply = ["-n", &tenant, "apply", "-f", "-"];
    stage.plane.kubectl_with_stdin(&apply, &pod.to_string()).await?.expect_success()?;
    // When ten bases go, then each departure is followed
    let since = stage.plane.ledger().mark();
    for left in (STAYING..BASES).rev() {
        scene.one_goes(left).await?;
        scene.replicas_become("orders", left).await?;
    }
    ensure!(
        stage.plane.ledger().was_ever_without(&scene.nodes[1], "orders", since).is_none(),
        "{}",
        stage.plane.ledger().now()
    );
    Ok(())
}

/// Ten bases go, one after the other. No other base is touched, and it ends right.
async fn depart(scene: &mut Scene<'_>, takes_labels_off: bool) -> Result<()> {
    let ledger = scene.stage.plane.ledger();
    let since = ledger.mark();
    for left in (STAYING..BASES).rev() {
        if takes_labels_off {
            let label = "module.warden.koupleless.io/orders-";
            scene.kubectl(&["label", "pods", "--all", label]).await?.expect_success()?;
        }
        scene.one_goes(left).await?;
        scene.replicas_become("orders", left).await?;
        scene.untouched(&scene.nodes, "orders", since).await?;
    }
    let mut nodes = scene.nodes.clone();
    nodes.sort();
    let on: Vec<String> = scene.pods_by_node("orders").await?.into_iter().map(|(node, _)| node).collect();
    ensure!(on == nodes, "Pods are on {on:?}, not on {nodes:?}");
    Ok(())
}
