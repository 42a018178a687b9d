//! Nodes of either kind: how they come, go, and fall silent.

use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, NodeCondition};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::{ControlPlane, eventually};

/// On a node whose heartbeat KWOK gives, with the value `kwok`. Without it the node falls silent.
pub const HEARTBEAT_LABEL: &str = "testbed.koupleless.io/heartbeat";

/// On a node that is no base, with the value `true`.
pub const ORDINARY_NODE_LABEL: &str = "testbed.koupleless.io/ordinary";

/// Long enough for a busy machine: the node lifecycle controller looks every 5 seconds.
const NODE_TIMEOUT: Duration = Duration::from_secs(60);

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
        self.add_node(serde_json::from_value(node)?).await
    }

    /// Registers a node and waits until it is Ready and pods can come.
    pub(crate) async fn add_node(&self, node: Node) -> Result<()> {
        let name = node.name_any();
        Api::all(self.client()?).create(&PostParams::default(), &node).await?;
        self.wait_for_ready_node(&name).await
    }

    /// The node falls silent, and after the grace period the node lifecycle controller calls it unreachable: nobody
    /// renews its lease, nobody serves its pods. For a base this is what an outage of ModuleController looks like.
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
        self.wait_for_ready_node(node).await
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
        let client = self.client()?;
        let nodes: Api<Node> = Api::all(client.clone());
        nodes.delete(node, &DeleteParams::default()).await?;
        eventually(&format!("node {node} is gone"), NODE_TIMEOUT, async || match nodes.get_opt(node).await {
            Ok(None) => Ok(()),
            Ok(Some(seen)) => Err(describe(&seen)),
            Err(error) => Err(error.to_string()),
        })
        .await?;
        // The garbage collector would take it too, but perhaps from a node that is back under the same name by then.
        match Api::<Lease>::namespaced(client, "kube-node-lease").delete(node, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
    }

    async fn wait_for_ready_node(&self, name: &str) -> Result<()> {
        let client = self.client()?;
        let nodes: Api<Node> = Api::all(client.clone());
        let leases: Api<Lease> = Api::namespaced(client, "kube-node-lease");
        eventually(&format!("node {name} is ready"), NODE_TIMEOUT, async || {
            let node = nodes.get(name).await.map_err(|error| error.to_string())?;
            let lease = leases.get_opt(name).await.map_err(|error| error.to_string())?;
            let is_ready = ready_condition(&node).is_some_and(|ready| ready.status == "True");
            let is_tainted = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]
                .iter()
                .any(|key| has_taint(&node, key, "NoSchedule") || has_taint(&node, key, "NoExecute"));
            match (is_ready && !is_tainted, lease) {
                (true, Some(_)) => Ok(()),
                (true, None) => Err("no lease".to_owned()),
                (false, _) => Err(describe(&node)),
            }
        })
        .await
    }
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
