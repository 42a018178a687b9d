//! Peer Deployments: every matching base carries the module, and no healthy base ever loses it.

mod apiserver;
pub(crate) mod before;
mod burst;
mod cordon;
mod crash_points;
pub(crate) mod ends;
mod failover;
mod follow;
mod frozen;
mod hpa;
mod lasting;
mod lifecycle;
mod mass_loss;
mod moving;
mod nodes_made_again;
mod outage;
mod owned;
mod paused_controller;
mod ready_pods;
mod rollout;
mod shared_host;
mod upgrade;
mod whose_number;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use warden_testbed::eventually;

use crate::manifests::Module;
use crate::scene::{LONG, Scene};

impl Scene<'_> {
    /// A peer Deployment of version 1.0.0 for the scene's bases, as its user writes it.
    pub(crate) fn peer(&self, name: &str) -> Value {
        let mut manifest = Module::new(name, "1.0.0", &self.base).deployment(1);
        manifest["metadata"]["labels"] = json!({"virtual-kubelet.koupleless.io/strategy": "peer"});
        manifest
    }

    pub(crate) async fn replicas(&self, deployment: &str) -> Result<u64> {
        let deployment = self.get(&format!("deployment/{deployment}")).await?;
        Ok(deployment["spec"]["replicas"].as_u64().unwrap_or_default())
    }

    /// Waits until a Deployment asks for so many replicas.
    pub(crate) async fn replicas_become(&self, deployment: &str, count: usize) -> Result<()> {
        let what = format!("{deployment} has {count} replicas");
        let (objects, path) = (self.objects()?, format!("deployment/{deployment}"));
        let waited = eventually(&what, LONG, async || match objects.get(&path).await {
            Ok(deployment) if deployment["spec"]["replicas"] == count => Ok(()),
            Ok(deployment) => Err(deployment["spec"]["replicas"].to_string()),
            Err(error) => Err(error.to_string()),
        });
        match waited.await {
            Ok(()) => Ok(()),
            Err(error) => {
                let warden = self.stage.warden()?.process().log_tail();
                Err(error.context(warden))
            }
        }
    }

    /// The living Pods of a Deployment by the node they are on: one on each of these nodes, and no others.
    pub(crate) async fn pods_by_node(&self, app: &str) -> Result<Vec<(String, String)>> {
        let pods = self.list("pods").await?;
        let living = pods.iter().filter(|pod| {
            pod["metadata"].get("deletionTimestamp").is_none() && pod["metadata"]["labels"]["app"] == app
        });
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut pods: Vec<_> =
            living.map(|pod| (text(&pod["spec"]["nodeName"]), text(&pod["metadata"]["uid"]))).collect();
        pods.sort();
        Ok(pods)
    }

    /// These very Pods are the living ones of the Deployment.
    pub(crate) async fn has_pods(&self, app: &str, pods: &[(String, String)]) -> Result<()> {
        let now = self.pods_by_node(app).await?;
        ensure!(now == pods, "pods are {now:?}, and were {pods:?}");
        Ok(())
    }

    /// A metric of the stage's warden, by its name and labels as they are printed; 0 while it is not there.
    pub(crate) async fn metric(&self, metric: &str) -> Result<u64> {
        let metrics = self.stage.warden()?.metrics().await?;
        let line = metrics.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
        Ok(line.map(str::parse).transpose()?.unwrap_or(0))
    }

    /// Waits until a metric of the stage's warden has this value.
    pub(crate) async fn metric_becomes(&self, metric: &str, value: u64) -> Result<()> {
        eventually(&format!("{metric} is {value}"), LONG, async || match self.metric(metric).await {
            Ok(now) if now == value => Ok(()),
            Ok(now) => Err(now.to_string()),
            Err(error) => Err(error.to_string()),
        })
        .await
    }

    /// Waits until an Event of the Deployment has this reason and says this.
    pub(crate) async fn hears(&self, deployment: &str, reason: &str, says: &str) -> Result<()> {
        let is_told = |event: &Value| {
            event["involvedObject"]["name"] == deployment
                && event["reason"] == reason
                && event["message"].as_str().is_some_and(|said| said.contains(says))
        };
        let what = format!("an Event {reason} of {deployment} says {says:?}");
        self.until(&what, "events", |events| events.iter().any(is_told)).await.map(|_| ())
    }

    /// Prints what `kubectl` prints, for a person who runs a test with `--nocapture`.
    pub(crate) async fn show(&self, args: &[&str]) -> Result<()> {
        let output = self.kubectl(args).await?.expect_success()?;
        println!("$ kubectl {}\n{output}", args.join(" "));
        Ok(())
    }
}
