//! The facts of a Node that decide which Pods run there.

use std::collections::BTreeMap;
use std::fmt;

use crate::module::Taint;

/// What of a Node decides which Pods run there.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// `metadata.name`.
    pub name: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The taints.
    pub taints: Vec<NodeTaint>,
    /// `spec.unschedulable`: the Node is cordoned.
    pub unschedulable: bool,
    /// Whether its capacity has memory. That of a vnode is the metaspace of its base: none where the JVM sets no limit. No
    /// [`Demand`](super::Demand) asks for it, as the DaemonSet controller asks for no resource.
    pub has_memory: bool,
}

/// A taint of a Node.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeTaint {
    /// The key.
    pub key: String,
    /// The value; often empty.
    pub value: String,
    /// The effect.
    pub effect: String,
}

impl NodeTaint {
    /// The same, borrowed.
    pub fn as_taint(&self) -> Taint<'_> {
        Taint { key: &self.key, value: &self.value, effect: &self.effect }
    }
}

/// As kubectl writes it: `key=value:effect`, or `key:effect` where there is no value.
impl fmt::Display for NodeTaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value, effect } = self;
        if value.is_empty() { write!(f, "{key}:{effect}") } else { write!(f, "{key}={value}:{effect}") }
    }
}
