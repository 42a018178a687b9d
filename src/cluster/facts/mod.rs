//! What is kept of the objects that are watched; all else is dropped before it takes memory.

mod deployment;
mod followed;
mod node;
mod pod;
mod view;

pub use deployment::{DeploymentFacts, MAX_STATE_BYTES};
pub use followed::WorkloadSize;
pub use pod::{Member, PodFacts};

pub(crate) use deployment::DeploymentView;
pub(crate) use followed::{WorkloadView, size};
pub(crate) use node::{NodeView, node};
pub(crate) use pod::PodView;
pub(crate) use view::View;

/// A resourceVersion as the number that it is: those of one kind of object can be compared. None of what is no number.
pub(super) fn version(resource_version: Option<&String>) -> Option<u64> {
    resource_version?.parse().ok()
}
