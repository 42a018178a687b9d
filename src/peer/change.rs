//! The updates of all watches.

use crate::cluster::{DeploymentFacts, FollowedFacts, PodFacts, Spelling};
use crate::fit::Node;
use crate::k8s::{ObjectKey, Update};
use crate::module::FollowedKind;
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
    /// Of the workloads of a kind that can be followed. The watch of the kind runs while some Deployment follows one of them.
    Followed(FollowedKind, Update<ObjectKey, FollowedFacts>),
}
