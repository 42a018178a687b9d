//! Peer Deployments: every matching base carries the module, and no healthy base ever loses it.

mod apiserver;
mod crash_points;
mod ends;
mod failover;
mod frozen;
mod lifecycle;
mod paused_controller;
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
        let deployment = self.get(&["deployment", deployment]).await?;
        Ok(deployment["spec"]["replicas"].as_u64().unwrap_or_default())
    }

    /// Waits until a Deployment asks for so many replicas.
    pub(crate) async fn replicas_become(&self, deployment: &str, count: usize) -> Result<()> {
        let what = format!("{deployment} has {count} replicas");
        let waited = eventually(&what, LONG, async || match self.replicas(deployment).await {
            Ok(replicas) if replicas == count as u64 => Ok(()),
            Ok(replicas) => Err(format!("{replicas}")),
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
}
