//! A cluster for DaemonSets, and what happens to its nodes.

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Node, ResourceQuota};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use warden_testbed::{Base, ControlPlane, Options, eventually};

use crate::scene::LONG;

/// How many requests are under way at a time.
const AT_A_TIME: usize = 16;

/// Something that happens to a node.
pub(super) enum Change {
    /// `kubectl` with these words.
    Kubectl(&'static [&'static str]),
    /// The node falls silent, and Kubernetes calls it unreachable.
    Silent(&'static str),
    /// A silent node is back.
    Back(&'static str),
    /// The node's condition of this type turns true, or false, and Kubernetes adds, or removes, the taint of this key.
    Condition(&'static str, &'static str, &'static str, bool),
}

/// A cluster on which DaemonSets count their nodes and make no pods.
pub(super) struct Arena {
    plane: ControlPlane,
    nodes: Api<Node>,
    daemon_sets: Api<DaemonSet>,
}

impl Arena {
    /// With these bases and ordinary nodes.
    pub(super) async fn build(bases: Vec<Base>, ordinary: &[&str]) -> Result<Self> {
        let options = Options::new().controller_manager_arg("--concurrent-daemonset-syncs=8");
        let plane = ControlPlane::start(options).await?;
        let namespace = plane.namespace("differential").await?;
        let client = plane.client()?;
        plane.add_bases(bases).await?;
        for name in ordinary {
            plane.add_ordinary_node(name).await?;
        }
        no_pods(&Api::namespaced(client.clone(), &namespace)).await?;
        Ok(Self { plane, nodes: Api::all(client.clone()), daemon_sets: Api::namespaced(client, &namespace) })
    }

    /// Makes the changes happen, all at once.
    pub(super) async fn change(&self, changes: &[Change]) -> Result<()> {
        let changing = changes.iter().map(|change| async move {
            match change {
                Change::Kubectl(args) => self.plane.kubectl(args).await?.expect_success().map(drop),
                Change::Silent(node) => self.plane.make_not_ready(node).await,
                Change::Back(node) => self.plane.make_ready(node).await,
                Change::Condition(node, condition, taint, is_true) => {
                    self.set_condition(node, condition, *is_true).await?;
                    self.tainted(node, taint, *is_true).await
                }
            }
        });
        futures::future::try_join_all(changing).await.map(drop)
    }

    pub(super) async fn nodes(&self) -> kube::Result<Vec<Node>> {
        Ok(self.nodes.list(&ListParams::default()).await?.items)
    }

    pub(super) async fn daemon_sets(&self) -> kube::Result<Vec<DaemonSet>> {
        Ok(self.daemon_sets.list(&ListParams::default()).await?.items)
    }

    pub(super) async fn create(&self, manifests: Vec<Value>) -> Result<()> {
        let creating = manifests.into_iter().map(|manifest| async move {
            let daemon_set: DaemonSet = serde_json::from_value(manifest.clone())?;
            let created = self.daemon_sets.create(&PostParams::default(), &daemon_set).await;
            created.with_context(|| format!("the API server does not take {manifest:#}")).map(drop)
        });
        futures::stream::iter(creating).buffer_unordered(AT_A_TIME).try_collect().await
    }

    /// Makes the controller look at every DaemonSet again. Without a pod on it, it does not notice when a node is no longer
    /// the right one; a new generation tells too when it has looked.
    pub(super) async fn renew(&self, names: impl Iterator<Item = &String>) -> Result<()> {
        let patch = Patch::Merge(json!({"spec": {"minReadySeconds": 1}}));
        let params = PatchParams::default();
        let renewing = names.map(|name| self.daemon_sets.patch(name, &params, &patch));
        futures::stream::iter(renewing).buffer_unordered(AT_A_TIME).map_ok(drop).try_collect().await.map_err(Into::into)
    }

    pub(super) async fn delete_all(&self) -> Result<()> {
        self.daemon_sets.delete_collection(&DeleteParams::background(), &ListParams::default()).await?;
        eventually("the DaemonSets are gone", LONG, async || match self.daemon_sets().await {
            Ok(left) if left.is_empty() => Ok(()),
            Ok(left) => Err(format!("{} are there", left.len())),
            Err(error) => Err(error.to_string()),
        })
        .await
    }

    async fn set_condition(&self, node: &str, condition: &str, is_true: bool) -> Result<()> {
        let status = if is_true { "True" } else { "False" };
        let condition = json!({"type": condition, "status": status, "reason": "Test", "message": "as the test has it"});
        let patch = Patch::Strategic(json!({"status": {"conditions": [condition]}}));
        self.nodes.patch_status(node, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Waits until the node has a taint of this key, or has none.
    async fn tainted(&self, node: &str, key: &str, is_there: bool) -> Result<()> {
        eventually(&format!("taint {key} on {node}: {is_there}"), LONG, async || {
            let node = self.nodes.get(node).await.map_err(|error| error.to_string())?;
            let taints = node.spec.and_then(|spec| spec.taints).unwrap_or_default();
            let found = taints.iter().any(|taint| taint.key == key);
            if found == is_there { Ok(()) } else { Err(format!("{taints:?}")) }
        })
        .await
    }
}

/// Makes a quota that admits no pod in the namespace. The DaemonSet controller counts its nodes all the same.
async fn no_pods(quotas: &Api<ResourceQuota>) -> Result<()> {
    let quota = json!({"metadata": {"name": "no-pods"}, "spec": {"hard": {"pods": "0"}}});
    quotas.create(&PostParams::default(), &serde_json::from_value(quota)?).await?;
    eventually("the quota is in force", LONG, async || match quotas.get("no-pods").await {
        Ok(quota) if quota.status.as_ref().is_some_and(|status| status.hard.is_some()) => Ok(()),
        Ok(quota) => Err(format!("{:?}", quota.status)),
        Err(error) => Err(error.to_string()),
    })
    .await
}
