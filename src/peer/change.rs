//! What the watches tell.

use crate::cluster::{DeploymentFacts, PodFacts, Spelling, WorkloadSize};
use crate::fit::Node;
use crate::k8s::{ObjectKey, Update};
use crate::module::Follow;
use crate::policy::NamespaceFacts;

/// A change of what is known of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Of the Nodes, by name. Taints in another order are other taints here.
    Node(Update<String, Node>),
    /// Of the Namespaces, by name.
    Namespace(Update<String, NamespaceFacts>),
    /// Of the peer Deployments that are labelled so in one spelling.
    Deployment(Spelling, Update<ObjectKey, DeploymentFacts>),
    /// Of the module Pods that are labelled so in one spelling.
    Pod(Spelling, Update<ObjectKey, PodFacts>),
    /// Of the size of a followed workload; none where there is no such workload.
    Followed(Follow, Option<WorkloadSize>),
}
