//! Bases, pods and the ledger on a real control plane.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use warden_testbed::ledger::Module;
use warden_testbed::{Base, ControlPlane, Memory, Options, READY_ANNOTATION, eventually};

/// Longer than a slow pod takes to turn Ready.
const SOON: Duration = Duration::from_secs(30);

/// What a module pod needs to come to one base and stay through an outage of ModuleController.
fn module_pod(name: &str, version: &str, node: &str) -> serde_json::Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "labels": { "virtual-kubelet.koupleless.io/component": "module" } },
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [{
                "name": "biz1", "image": "http://example.org/biz1.jar",
                "env": [{ "name": "BIZ_VERSION", "value": version }],
            }],
            "tolerations": [
                { "key": "schedule.koupleless.io/virtual-node", "operator": "Equal", "value": "True", "effect": "NoExecute" },
                { "key": "schedule.koupleless.io/node-env", "operator": "Equal", "value": "dev", "effect": "NoExecute" },
            ],
            "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
                { "matchFields": [{ "key": "metadata.name", "operator": "In", "values": [node] }] },
            ] } } },
        },
    })
}

async fn apply(plane: &ControlPlane, namespace: &str, object: &serde_json::Value) -> Result<()> {
    plane.kubectl_with_stdin(&["apply", "-n", namespace, "-f", "-"], &object.to_string()).await?.expect_success()?;
    Ok(())
}

/// Waits until a JSONPath of an object reads as wanted.
async fn reads(plane: &ControlPlane, namespace: &str, object: &str, path: &str, wanted: &str) -> Result<()> {
    let args = ["get", "-n", namespace, object, "-o", &format!("jsonpath={path}")];
    eventually(&format!("{path} of {object} is {wanted}"), SOON, async || {
        match plane.kubectl(&args).await.map_err(|error| error.to_string())? {
            output if output.success && output.stdout == wanted => Ok(()),
            output => Err(output.stdout + &output.stderr),
        }
    })
    .await
}

const READY: &str = r#"{.status.conditions[?(@.type=="Ready")].status}"#;

#[tokio::test]
async fn the_control_plane_knows_its_version_and_serves_kubectl() -> Result<()> {
    // Given the shared control plane
    let plane = ControlPlane::shared().await?;
    // When a person asks for nodes and versions
    let nodes = plane.kubectl(&["get", "nodes"]).await?;
    let version = plane.kubectl(&["version"]).await?.expect_success()?;
    // Then both answer
    ensure!(nodes.success, "{nodes:?}");
    ensure!(version.matches("v1.36.3").count() == 2, "{version}");
    Ok(())
}

#[tokio::test]
async fn a_module_pod_on_a_base_is_in_the_ledger() -> Result<()> {
    // Given two bases
    let plane = ControlPlane::shared().await?;
    let namespace = plane.namespace("modules").await?;
    let b1 = plane.add_base(Base::new("10.1.0.1").memory(Memory::Unlimited)).await?;
    let b2 = plane.add_base(Base::new("10.1.0.2")).await?;
    // When a module is scheduled onto the first
    apply(plane, &namespace, &module_pod("p1", "1.0.0", &b1)).await?;
    // Then that base runs it and the other does not
    plane.ledger().wait_until_runs(&b1, &[("biz1", "1.0.0")], SOON).await?;
    reads(plane, &namespace, "pod/p1", READY, "True").await?;
    ensure!(plane.ledger().runs(&b2).is_empty());
    // When the next version comes beside it and the first goes
    let mark = plane.ledger().mark();
    apply(plane, &namespace, &module_pod("p2", "2.0.0", &b1)).await?;
    plane.ledger().wait_until_runs(&b1, &[("biz1", "1.0.0"), ("biz1", "2.0.0")], SOON).await?;
    plane.kubectl(&["delete", "pod", "-n", &namespace, "p1"]).await?.expect_success()?;
    // Then the base was never without the module
    plane.ledger().wait_until_runs(&b1, &[("biz1", "2.0.0")], SOON).await?;
    plane.ledger().catch_up(SOON).await?;
    ensure!(plane.ledger().was_ever_without(&b1, "biz1", mark).is_none());
    ensure!(plane.ledger().two_at_once(mark).is_none());
    plane.delete_base(&b1).await?;
    plane.delete_base(&b2).await
}

#[tokio::test]
async fn a_base_keeps_the_capacity_it_registered() -> Result<()> {
    // Given a base without a metaspace limit
    let plane = ControlPlane::shared().await?;
    let base = plane.add_base(Base::new("10.2.0.1").memory(Memory::Unlimited)).await?;
    // Then its node has pods and no memory, and nothing else was made up for it
    let capacity =
        plane.kubectl(&["get", "node", &base, "-o", "jsonpath={.status.capacity}"]).await?.expect_success()?;
    ensure!(capacity == r#"{"memory":"0","pods":"65535"}"#, "{capacity}");
    plane.delete_base(&base).await
}

#[tokio::test]
async fn a_base_refuses_a_module_without_version() -> Result<()> {
    // Given a base
    let plane = ControlPlane::shared().await?;
    let namespace = plane.namespace("refused").await?;
    let base = plane.add_base(Base::new("10.3.0.1")).await?;
    // When a module without a version is bound to it, and one with
    apply(plane, &namespace, &module_pod("without", "", &base)).await?;
    reads(plane, &namespace, "pod/without", "{.spec.nodeName}", &base).await?;
    apply(plane, &namespace, &module_pod("with", "1.0.0", &base)).await?;
    reads(plane, &namespace, "pod/with", READY, "True").await?;
    // Then the first stays Pending
    reads(plane, &namespace, "pod/without", "{.status.phase}", "Pending").await?;
    ensure!(plane.ledger().runs(&base) == [Module::new("biz1", "1.0.0")].into());
    plane.delete_base(&base).await
}

#[tokio::test]
async fn a_pod_can_be_told_when_to_turn_ready() -> Result<()> {
    // Given a base
    let plane = ControlPlane::shared().await?;
    let namespace = plane.namespace("ready").await?;
    let base = plane.add_base(Base::new("10.6.0.1")).await?;
    // When a module is to turn Ready slowly, and another never
    for (name, version, when) in [("never", "1.0.0", "never"), ("slow", "2.0.0", "slow")] {
        let mut pod = module_pod(name, version, &base);
        pod["metadata"]["annotations"] = json!({ READY_ANNOTATION: when });
        apply(plane, &namespace, &pod).await?;
    }
    // Then the base has both at once, the one turns Ready and the other does not
    plane.ledger().wait_until_runs(&base, &[("biz1", "1.0.0"), ("biz1", "2.0.0")], SOON).await?;
    reads(plane, &namespace, "pod/slow", "{.status.phase}", "Pending").await?;
    reads(plane, &namespace, "pod/slow", READY, "True").await?;
    reads(plane, &namespace, "pod/never", "{.status.phase}", "Pending").await?;
    plane.delete_base(&base).await
}

#[tokio::test]
async fn a_base_that_restarts_comes_back_empty() -> Result<()> {
    // Given a base with a module
    let plane = ControlPlane::shared().await?;
    let namespace = plane.namespace("restart").await?;
    let base = plane.add_base(Base::new("10.4.0.1")).await?;
    apply(plane, &namespace, &module_pod("p1", "1.0.0", &base)).await?;
    plane.ledger().wait_until_runs(&base, &[("biz1", "1.0.0")], SOON).await?;
    let mark = plane.ledger().mark();
    // When its node goes and comes back
    plane.delete_base(&base).await?;
    plane.add_base(Base::new("10.4.0.1")).await?;
    // Then it is empty, until a new pod comes
    ensure!(plane.ledger().runs(&base).is_empty());
    apply(plane, &namespace, &module_pod("p2", "1.0.0", &base)).await?;
    plane.ledger().wait_until_runs(&base, &[("biz1", "1.0.0")], SOON).await?;
    reads(plane, &namespace, "pod/p2", READY, "True").await?;
    ensure!(plane.ledger().was_ever_without(&base, "biz1", mark).is_some());
    plane.delete_base(&base).await
}

#[tokio::test]
async fn ordinary_pods_and_jobs_run_on_ordinary_nodes() -> Result<()> {
    // Given an ordinary node beside a base
    let plane = ControlPlane::shared().await?;
    let namespace = plane.namespace("ordinary").await?;
    plane.add_ordinary_node("ordinary-1").await?;
    // When a deployment with requests and a job come
    for args in [
        &["create", "deployment", "web", "--image=web", "--replicas=2", "-n", &namespace][..],
        &["create", "job", "once", "--image=once", "-n", &namespace],
    ] {
        plane.kubectl(args).await?.expect_success()?;
    }
    // Then the one is available and the other is done
    reads(plane, &namespace, "deployment/web", "{.status.availableReplicas}", "2").await?;
    reads(plane, &namespace, "job/once", "{.status.succeeded}", "1").await?;
    plane.delete_node("ordinary-1").await
}

#[tokio::test]
async fn service_account_tokens_are_good_for_what_rbac_allows() -> Result<()> {
    // Given a service account without rights
    let plane = ControlPlane::shared().await?;
    let namespace = plane.namespace("accounts").await?;
    let token = plane.kubectl(&["create", "token", "default", "-n", &namespace]).await?.expect_success()?;
    ensure!(token.split('.').count() == 3, "{token}");
    // When it asks who it is, and for secrets
    let kubeconfig = plane.kubeconfig_for_service_account(&namespace, "default").await?;
    let kubeconfig = format!("--kubeconfig={}", kubeconfig.display());
    let who = plane.kubectl(&[&kubeconfig, "auth", "whoami"]).await?.expect_success()?;
    let secrets = plane.kubectl(&[&kubeconfig, "get", "secrets"]).await?;
    // Then it is told, and refused
    ensure!(who.contains(&format!("system:serviceaccount:{namespace}:default")), "{who}");
    ensure!(!secrets.success && secrets.stderr.contains("forbidden"), "{secrets:?}");
    Ok(())
}

#[tokio::test]
async fn a_base_that_falls_silent_turns_unreachable_and_its_pods_are_evicted() -> Result<()> {
    // Given a short grace period, an ordinary node that stays, and a base with a module that tolerates nothing for long
    let plane = ControlPlane::start(Options::new().node_monitor_grace_period(Duration::from_secs(4))).await?;
    let namespace = plane.namespace("silent").await?;
    plane.add_ordinary_node("ordinary-1").await?;
    let base = plane.add_base(Base::new("10.5.0.1")).await?;
    let mut pod = module_pod("p1", "1.0.0", &base);
    if let Some(tolerations) = pod["spec"]["tolerations"].as_array_mut() {
        tolerations.extend(["not-ready", "unreachable"].map(|what| {
            json!({
                "key": format!("node.kubernetes.io/{what}"), "operator": "Exists", "effect": "NoExecute",
                "tolerationSeconds": 1,
            })
        }));
    }
    apply(&plane, &namespace, &pod).await?;
    plane.ledger().wait_until_runs(&base, &[("biz1", "1.0.0")], SOON).await?;
    // When the base's lease is renewed no more
    plane.stop_heartbeat(&base).await?;
    // Then it is unreachable after the grace period, and the module is uninstalled from a base that is well
    reads(&plane, "", &format!("node/{base}"), READY, "Unknown").await?;
    plane.ledger().wait_until_runs(&base, &[], SOON).await?;
    ensure!(plane.ledger().now().lives(&base));
    // When the heartbeat is back, then the pod that was being deleted goes, and the node takes pods again
    plane.make_ready(&base).await?;
    reads(&plane, &namespace, "pods", "{.items}", "[]").await?;
    apply(&plane, &namespace, &module_pod("p2", "1.0.0", &base)).await?;
    plane.ledger().wait_until_runs(&base, &[("biz1", "1.0.0")], SOON).await?;
    // When it is made unreachable without waiting, then it has the taints at once, and its pods are not served
    plane.make_not_ready(&base).await?;
    plane.kubectl(&["delete", "pod", "-n", &namespace, "p2", "--wait=false"]).await?.expect_success()?;
    plane.ledger().wait_until_runs(&base, &[], SOON).await?;
    reads(&plane, &namespace, "pod/p2", "{.metadata.name}", "p2").await?;
    Ok(())
}
