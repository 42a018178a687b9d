//! Facts about the objects of a cluster. The facts of each kind are declared once, and are bounded in size for each object.
//!
//! To read another field of an object, add it to the view and to the facts in the file of its kind.

mod deployment;
mod dual_watch;
mod limit_ranges;
mod namespace;
mod node;
mod node_classes;
mod owners;
mod pod;
mod revisions;
mod unlabelled;
mod workload_size;

pub use deployment::{DeploymentFacts, DeploymentView, MAX_STATE_BYTES};
pub use dual_watch::{DualWatchMerge, Merged, Spelling};
pub use limit_ranges::{LimitRangeReader, LimitRangesUnavailable};
pub use namespace::{
    InvalidNamespaceSelector, NamespaceIndex, NamespaceSelector, NamespaceStore, NamespaceUnavailable,
};
pub use node::{NodeView, node_facts};
pub use node_classes::{ClassId, Eligibility, Eligible, NodeClasses, Projection};
pub use owners::{DeploymentPods, Owners, Touched};
pub use pod::{OwnedPod, PodFacts, PodView, UnlabelledPod};
pub use revisions::{RevisionReader, RevisionsUnavailable};
pub use unlabelled::Unlabelled;
pub use workload_size::{FollowedFacts, WorkloadSize, WorkloadView};

/// A resourceVersion as a number, by which two states of one object can be compared. None if it is not a number.
fn version(resource_version: Option<&String>) -> Option<u64> {
    resource_version?.parse().ok()
}
