//! A base as the cluster sees it.

use std::time::Duration;

use anyhow::{Result, bail};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{Timestamp, Unit};
use serde_json::json;

use crate::ControlPlane;
use crate::nodes::HEARTBEAT_LABEL;

/// The ledger follows by a watch, within milliseconds where the machine is not busy.
const LEDGER_TIMEOUT: Duration = Duration::from_secs(60);

/// How much metaspace a base tells that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// The JVM has a limit.
    Limited {
        /// In mebibytes.
        mebibytes: u32,
    },
    /// The JVM has none, which ModuleController registers as zero.
    Unlimited,
}

/// A base to be registered by [`ControlPlane::add_base`], as ModuleController does it.
#[derive(Clone, Debug)]
pub struct Base {
    identity: String,
    name: String,
    version: String,
    cluster: String,
    env: String,
    hostname: String,
    address: String,
    memory: Memory,
    labels: Vec<(String, String)>,
}

impl Base {
    /// A base of the official example: named `base`, version 1.0.0, cluster `default`, environment `dev`.
    /// The identity is often the base's IPv4 address; its host name is the same until said otherwise.
    pub fn new(identity: impl Into<String>) -> Self {
        let identity = identity.into();
        Self {
            name: "base".to_owned(),
            version: "1.0.0".to_owned(),
            cluster: "default".to_owned(),
            env: "dev".to_owned(),
            hostname: identity.clone(),
            address: "127.0.0.1".to_owned(),
            memory: Memory::Limited { mebibytes: 256 },
            labels: Vec::new(),
            identity,
        }
    }

    /// The name of the base application.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The version of the base application.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// The cluster name the base carries.
    #[must_use]
    pub fn cluster(mut self, cluster: impl Into<String>) -> Self {
        self.cluster = cluster.into();
        self
    }

    /// The environment the base belongs to.
    #[must_use]
    pub fn env(mut self, env: impl Into<String>) -> Self {
        self.env = env.into();
        self
    }

    /// The host name, which bases may share.
    #[must_use]
    pub fn hostname(mut self, hostname: impl Into<String>) -> Self {
        self.hostname = hostname.into();
        self
    }

    /// The address of the base's own HTTP API.
    #[must_use]
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    /// The metaspace.
    #[must_use]
    pub fn memory(mut self, memory: Memory) -> Self {
        self.memory = memory;
        self
    }

    /// One more label, or another value for one of its own.
    #[must_use]
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((key.into(), value.into()));
        self
    }

    /// The name of its node.
    pub fn node_name(&self) -> String {
        format!("vnode.{}.{}", self.identity, self.env)
    }

    /// The node that ModuleController would register.
    pub fn node(&self) -> Result<Node> {
        let memory = match self.memory {
            Memory::Limited { mebibytes } => format!("{mebibytes}Mi"),
            Memory::Unlimited => "0".to_owned(),
        };
        // No cpu and no ephemeral storage: a pod that requests either can never come here.
        let resources = json!({ "pods": "65535", "memory": memory });
        // Kubernetes wants whole seconds here.
        let now = Time(Timestamp::now().round(Unit::Second)?);
        let mut node: Node = serde_json::from_value(json!({
            "metadata": {
                "name": self.node_name(),
                "labels": {
                    HEARTBEAT_LABEL: "kwok",
                    "virtual-kubelet.koupleless.io/component": "vnode",
                    "virtual-kubelet.koupleless.io/env": self.env,
                    "base.koupleless.io/name": self.name,
                    "base.koupleless.io/version": self.version,
                    "base.koupleless.io/cluster-name": self.cluster,
                    "base.koupleless.io/host-name": self.hostname,
                    "base.koupleless.io/tunnel-port": "1238",
                    "kubernetes.io/hostname": self.hostname,
                },
            },
            "spec": {
                "taints": [
                    { "key": "schedule.koupleless.io/virtual-node", "value": "True", "effect": "NoExecute" },
                    { "key": "schedule.koupleless.io/node-env", "value": self.env, "effect": "NoExecute" },
                ],
            },
            "status": {
                // From the first moment, as ModuleController has it: no controller ever takes it for not ready.
                "conditions": [{
                    "type": "Ready", "status": "True", "reason": "BaseReady", "message": "the base is healthy",
                    "lastHeartbeatTime": now, "lastTransitionTime": now,
                }],
                "capacity": resources,
                "allocatable": resources,
                "addresses": [
                    { "type": "InternalIP", "address": self.address },
                    { "type": "Hostname", "address": self.hostname },
                ],
            },
        }))?;
        node.metadata.labels.get_or_insert_default().extend(self.labels.iter().cloned());
        Ok(node)
    }
}

impl ControlPlane {
    /// Registers a base. Returns the name of its node when it is Ready and in the ledger.
    pub async fn add_base(&self, base: Base) -> Result<String> {
        let name = base.node_name();
        self.add_bases([base]).await?;
        Ok(name)
    }

    /// Registers many bases at once. Returns the names of their nodes, in the order given, when all are Ready and in the
    /// ledger.
    pub async fn add_bases(&self, bases: impl IntoIterator<Item = Base>) -> Result<Vec<String>> {
        let names = self.create_bases(bases).await?;
        self.wait_for_ready_nodes(&names).await?;
        self.ledger()
            .wait_until("the new bases are in the ledger", LEDGER_TIMEOUT, |ledger| {
                match names.iter().find(|name| !ledger.lives(name)) {
                    None => Ok(()),
                    Some(name) => Err(format!("{name} is not, only these are:\n{ledger}")),
                }
            })
            .await?;
        Ok(names)
    }

    /// Registers many bases at once and waits for nothing: they turn Ready when they do. Returns the names of their nodes,
    /// in the order given.
    pub async fn create_bases(&self, bases: impl IntoIterator<Item = Base>) -> Result<Vec<String>> {
        let nodes: Vec<Node> = bases.into_iter().map(|base| base.node()).collect::<Result<_>>()?;
        self.create_nodes(&nodes).await
    }

    /// The base's process is gone, and ModuleController has deleted its node. Returns when the ledger knows.
    pub async fn delete_base(&self, node: &str) -> Result<()> {
        self.delete_bases(&[node.to_owned()]).await
    }

    /// The processes of many bases are gone at once. Returns when the ledger knows.
    pub async fn delete_bases(&self, nodes: &[String]) -> Result<()> {
        let ledger = self.ledger().now();
        if let Some(node) = nodes.iter().find(|node| !ledger.lives(node)) {
            bail!("there is no base {node}");
        }
        self.delete_nodes(nodes).await?;
        self.ledger()
            .wait_until("the bases are gone from the ledger", LEDGER_TIMEOUT, |ledger| {
                match nodes.iter().find(|node| ledger.lives(node)) {
                    None => Ok(()),
                    Some(node) => Err(format!("{node} lives")),
                }
            })
            .await
    }
}
