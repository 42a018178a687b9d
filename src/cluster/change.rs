//! What the watches tell.

use super::facts::{DeploymentFacts, PodFacts};
use super::{ObjectKey, WorkloadSize};
use crate::fit::Node;
use crate::module::Follow;
use crate::policy::NamespaceFacts;

/// What a watch tells of the objects it sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News<K, T> {
    /// The object under this key is there, new or changed or neither.
    Is(K, T),
    /// It is there no more.
    Gone(K),
    /// These are all there are; all others are gone.
    All(Vec<(K, T)>),
}

/// By which spelling of its label an object was found. A label selector cannot say "this key or that", so each spelling has
/// a watch of its own, and an object that carries both is found twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// [`crate::vocabulary::Dialects::current`].
    Current,
    /// [`crate::vocabulary::Dialects::older`].
    Older,
}

/// A change of what is known of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Of the Nodes, by name. Taints in another order are other taints here.
    Node(News<String, Node>),
    /// Of the Namespaces, by name.
    Namespace(News<String, NamespaceFacts>),
    /// Of the peer Deployments that are labelled so in one spelling.
    Deployment(Spelling, News<ObjectKey, DeploymentFacts>),
    /// Of the module Pods that are labelled so in one spelling.
    Pod(Spelling, News<ObjectKey, PodFacts>),
    /// Of the size of a followed workload; none where there is no such workload.
    Followed(Follow, Option<WorkloadSize>),
}

impl Spelling {
    /// Both, the current one first.
    pub const ALL: [Self; 2] = [Self::Current, Self::Older];
}
