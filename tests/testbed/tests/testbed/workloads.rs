//! What scenarios need of Kubernetes' own controllers beside modules: autoscalers, and bases that are ordinary pods.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use warden_testbed::{Base, ControlPlane, Options, eventually};

const LONG: Duration = Duration::from_secs(60);

async fn reads(plane: &ControlPlane, object: &str, path: &str, wanted: &str) -> Result<()> {
    let args = ["get", object, "-o", &format!("jsonpath={path}")];
    eventually(&format!("{path} of {object} is {wanted}"), LONG, async || {
        match plane.kubectl(&args).await.map_err(|error| error.to_string())? {
            output if output.success && output.stdout == wanted => Ok(()),
            output => Err(output.stdout + &output.stderr),
        }
    })
    .await
}

fn web(kind: &str, name: &str, replicas: u32) -> serde_json::Value {
    let labels = json!({ "app": name });
    json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": name },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "terminationGracePeriodSeconds": 1, "containers": [{ "name": "web", "image": "web" }] },
            },
        },
    })
}

#[tokio::test]
async fn an_autoscaler_without_metrics_keeps_its_bounds() -> Result<()> {
    // Given a deployment of three, and an autoscaler that looks every second
    let options = Options::new().controller_manager_arg("--horizontal-pod-autoscaler-sync-period=1s");
    let plane = ControlPlane::start(options).await?;
    plane.add_ordinary_node("ordinary-1").await?;
    plane
        .kubectl_with_stdin(&["apply", "-f", "-"], &web("Deployment", "web", 3).to_string())
        .await?
        .expect_success()?;
    reads(&plane, "deployment/web", "{.status.readyReplicas}", "3").await?;
    // When its lower bound is above, then it scales up, with no metric to be had
    plane.kubectl(&["autoscale", "deployment", "web", "--min=5", "--max=9"]).await?.expect_success()?;
    reads(&plane, "deployment/web", "{.status.readyReplicas}", "5").await?;
    // When its upper bound is below, then it scales down
    let bounds = r#"{"spec":{"minReplicas":1,"maxReplicas":2}}"#;
    plane.kubectl(&["patch", "hpa", "web", "--patch", bounds]).await?.expect_success()?;
    reads(&plane, "deployment/web", "{.spec.replicas}", "2").await
}

#[tokio::test]
async fn a_stateful_set_on_an_ordinary_node_is_ready_and_follows_its_number() -> Result<()> {
    // Given an ordinary node beside a base
    let plane = ControlPlane::start(Options::new()).await?;
    plane.add_ordinary_node("ordinary-1").await?;
    plane.add_base(Base::new("10.8.0.1")).await?;
    // When a stateful set comes, then its pods are ready one after the other, all on that node
    let apply = ["apply", "-f", "-"];
    plane.kubectl_with_stdin(&apply, &web("StatefulSet", "bases", 3).to_string()).await?.expect_success()?;
    reads(&plane, "statefulset/bases", "{.status.readyReplicas}", "3").await?;
    reads(&plane, "pods", "{.items[*].spec.nodeName}", "ordinary-1 ordinary-1 ordinary-1").await?;
    // When its number changes, then so do they
    plane.kubectl(&["scale", "statefulset", "bases", "--replicas=1"]).await?.expect_success()?;
    reads(&plane, "statefulset/bases", "{.status.readyReplicas}", "1").await
}

#[tokio::test]
async fn a_hundred_bases_join_and_leave_together() -> Result<()> {
    // Given a control plane
    let plane = ControlPlane::start(Options::new()).await?;
    // When a hundred bases are created
    let begun = std::time::Instant::now();
    let nodes = plane.create_bases((0..100).map(|number| Base::new(format!("10.9.0.{number}")))).await?;
    let created = begun.elapsed();
    // Then that is a matter of two seconds on a quiet machine, and they are still to turn ready together
    ensure!(nodes.len() == 100 && created < Duration::from_secs(10), "created after {created:?}");
    let more = plane.add_bases((0..100).map(|number| Base::new(format!("10.10.0.{number}")))).await?;
    let ledger = plane.ledger().now();
    ensure!(more.iter().all(|node| ledger.lives(node)) && more[7] == "vnode.10.10.0.7.dev", "{ledger}");
    println!("created after {created:?}, all ready after {:?}", begun.elapsed());
    // When they leave together, then the ledger knows, and no lease is left
    plane.delete_bases(&more).await?;
    let ledger = plane.ledger().now();
    ensure!(!more.iter().any(|node| ledger.lives(node)));
    let leases = plane.kubectl(&["get", "leases", "-n", "kube-node-lease", "-o", "name"]).await?.expect_success()?;
    ensure!(!leases.contains("vnode.10.10.0."), "{leases}");
    ensure!(plane.delete_bases(&more[..1]).await.is_err());
    Ok(())
}
