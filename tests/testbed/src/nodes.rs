//! Nodes of either kind: how they come, go, and fall silent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, NodeCondition};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::{ControlPlane, eventually};

/// On a node whose heartbeat KWOK gives, with the value `kwok`. Without it the node falls silent.
pub const HEARTBEAT_LABEL: &str = "testbed.koupleless.io/heartbeat";

/// On a node that is no base, with the value `true`.
pub const ORDINARY_NODE_LABEL: &str = "testbed.koupleless.io/ordinary";

/// Long enough for a busy machine: the node lifecycle controller looks every 5 seconds.
const NODE_TIMEOUT: Duration = Duration::from_secs(60);

/// Where the leases of nodes are.
const LEASES: &str = "kube-node-lease";

/// How many requests for nodes are under way at a time.
const AT_A_TIME: usize = 32;

impl ControlPlane {
    /// Adds a node for pods that are no modules: it has cpu, no taints and the label [`ORDINARY_NODE_LABEL`].
    ///
    /// Without one that stays Ready, Kubernetes takes silent nodes for its own fault and evicts nothing.
    pub async fn add_ordinary_node(&self, name: &str) -> Result<()> {
        let resources = json!({ "cpu": "32", "memory": "64Gi", "pods": "250", "ephemeral-storage": "100Gi" });
        let node = json!({
            "metadata": {
                "name": name,
                "labels": {
                    HEARTBEAT_LABEL: "kwok", ORDINARY_NODE_LABEL: "true",
                    "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
                },
            },
            "status": { "capacity": resources, "allocatable": resources },
        });
        let names = self.create_nodes(&[serde_json::from_value(node)?]).await?;
        self.wait_for_ready_nodes(&names).await
    }

    /// Registers nodes, many at a time. Returns their names at once, before pods can come.
    pub(crate) async fn create_nodes(&self, nodes: &[Node]) -> Result<Vec<String>> {
        let api: Api<Node> = Api::all(self.client()?);
        let params = PostParams::default();
        let creating = nodes.iter().map(|node| api.create(&params, node));
        let created: Vec<Node> = stream::iter(creating).buffered(AT_A_TIME).try_collect().await?;
        Ok(created.iter().map(Node::name_any).collect())
    }

    /// Stops the node's heartbeat: its lease is not renewed and its pods are not served. After the grace period the node
    /// lifecycle controller marks it unreachable. An outage of ModuleController looks like this for a base.
    pub async fn stop_heartbeat(&self, node: &str) -> Result<()> {
        self.relabel(node, &[(HEARTBEAT_LABEL, None)]).await
    }

    /// The node is unreachable *now*: as [`Self::stop_heartbeat`], and what the node lifecycle controller writes after its
    /// grace period is written at once. Returns when the node has the `unreachable` taints.
    pub async fn make_not_ready(&self, node: &str) -> Result<()> {
        self.stop_heartbeat(node).await?;
        let nodes: Api<Node> = Api::all(self.client()?);
        let what = format!("node {node} is unreachable");
        eventually(&what, NODE_TIMEOUT, async || {
            let seen = nodes.get(node).await.map_err(|error| error.to_string())?;
            if has_taint(&seen, "node.kubernetes.io/unreachable", "NoExecute") {
                return Ok(());
            }
            // Again if need be: a last heartbeat may have been on its way.
            if ready_condition(&seen).is_none_or(|ready| ready.status != "Unknown") {
                let condition = json!({
                    "type": "Ready", "status": "Unknown",
                    "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status.",
                    "lastTransitionTime": k8s_openapi::jiff::Timestamp::now().to_string(),
                });
                let patch = Patch::Strategic(json!({ "status": { "conditions": [condition] } }));
                nodes.patch_status(node, &PatchParams::default(), &patch).await.map_err(|error| error.to_string())?;
            }
            Err(describe(&seen))
        })
        .await
    }

    /// The heartbeat is back. Returns when the node is Ready and no longer tainted.
    pub async fn make_ready(&self, node: &str) -> Result<()> {
        self.relabel(node, &[(HEARTBEAT_LABEL, Some("kwok"))]).await?;
        self.wait_for_ready_nodes(&[node.to_owned()]).await
    }

    /// Sets labels of a node, or removes those without a value.
    pub async fn relabel(&self, node: &str, labels: &[(&str, Option<&str>)]) -> Result<()> {
        let labels: serde_json::Map<_, _> = labels.iter().map(|&(key, value)| (key.to_owned(), json!(value))).collect();
        let patch = Patch::Merge(json!({ "metadata": { "labels": labels } }));
        Api::<Node>::all(self.client()?).patch(node, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Deletes a node: for a base, its process is gone. Returns when the node and its lease are gone.
    pub async fn delete_node(&self, node: &str) -> Result<()> {
        self.delete_nodes(&[node.to_owned()]).await
    }

    /// Deletes nodes, many at a time. Returns when they are gone, and then their leases.
    pub(crate) async fn delete_nodes(&self, names: &[String]) -> Result<()> {
        let client = self.client()?;
        let nodes: Api<Node> = Api::all(client.clone());
        let params = DeleteParams::default();
        let deleting = names.iter().map(|name| nodes.delete(name, &params));
        let _: Vec<_> = stream::iter(deleting).buffered(AT_A_TIME).try_collect().await?;
        eventually(&format!("{} nodes are gone", names.len()), NODE_TIMEOUT, async || {
            let there = nodes.list_metadata(&ListParams::default()).await.map_err(|error| error.to_string())?;
            let left: Vec<String> =
                there.iter().map(|node| node.name_any()).filter(|name| names.contains(name)).collect();
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?} are there")) }
        })
        .await?;
        // The garbage collector would take them too, but perhaps from a node that is back under the same name by then.
        let leases: Api<Lease> = Api::namespaced(client, LEASES);
        let deleting = names.iter().map(async |name| match leases.delete(name, &params).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        });
        stream::iter(deleting).buffered(AT_A_TIME).try_collect::<()>().await?;
        Ok(())
    }

    /// Waits until each is Ready, has its lease and is not tainted for either.
    pub(crate) async fn wait_for_ready_nodes(&self, names: &[String]) -> Result<()> {
        let client = self.client()?;
        let nodes: Api<Node> = Api::all(client.clone());
        let leases: Api<Lease> = Api::namespaced(client, LEASES);
        let all = ListParams::default();
        eventually(&format!("{} nodes are ready", names.len()), NODE_TIMEOUT, async || {
            let nodes = nodes.list(&all).await.map_err(|error| error.to_string())?;
            let leases = leases.list_metadata(&all).await.map_err(|error| error.to_string())?;
            let nodes: BTreeMap<String, &Node> = nodes.iter().map(|node| (node.name_any(), node)).collect();
            let leases: BTreeSet<String> = leases.iter().map(|lease| lease.name_any()).collect();
            let missing = names.iter().find_map(|name| match nodes.get(name) {
                None => Some(format!("{name} is not there")),
                Some(node) if !is_ready(node) => Some(format!("{name}: {}", describe(node))),
                Some(_) if !leases.contains(name) => Some(format!("{name} has no lease")),
                Some(_) => None,
            });
            missing.map_or(Ok(()), Err)
        })
        .await
    }
}

fn is_ready(node: &Node) -> bool {
    let is_tainted = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]
        .iter()
        .any(|key| has_taint(node, key, "NoSchedule") || has_taint(node, key, "NoExecute"));
    !is_tainted && ready_condition(node).is_some_and(|ready| ready.status == "True")
}

fn ready_condition(node: &Node) -> Option<&NodeCondition> {
    node.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == "Ready")
}

fn has_taint(node: &Node, key: &str, effect: &str) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    taints.iter().any(|taint| taint.key == key && taint.effect == effect)
}

fn describe(node: &Node) -> String {
    let ready = ready_condition(node).map_or("absent", |ready| ready.status.as_str());
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    let taints: Vec<_> = taints.iter().map(|taint| format!("{}:{}", taint.key, taint.effect)).collect();
    format!("condition Ready is {ready}, taints are {taints:?}")
}
