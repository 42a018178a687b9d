//! The updates of all watches.

use crate::cluster::{DeploymentFacts, PodFacts, Spelling, WorkloadSize};
use crate::fit::Node;
use crate::k8s::{ObjectKey, Update};
use crate::module::Follow;
use crate::policy::NamespaceFacts;

/// An update of one of the watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Of the Nodes, by name. Their taints must be sorted: in another order they count as other taints.
    Node(Update<String, Node>),
    /// Of the Namespaces, by name.
    Namespace(Update<String, NamespaceFacts>),
    /// Of the peer Deployments with the label in this spelling.
    Deployment(Spelling, Update<ObjectKey, DeploymentFacts>),
    /// Of the module Pods with the label in this spelling.
    Pod(Spelling, Update<ObjectKey, PodFacts>),
    /// Of the size of a followed workload; none if the workload does not exist.
    Followed(Follow, Option<WorkloadSize>),
}
