//! Would a Pod of this template run on this node? The answer carries a [`Reason`] for every no.
//!
//! Pure: no client, no clock, no runtime. The rules are those of Kubernetes 1.36: `NodeShouldRunDaemonPod` of the DaemonSet
//! controller, and the scheduler's `nodeaffinity` that it calls. The tolerations that the DaemonSet controller adds to its
//! own Pods are not assumed, because the Pods of other workloads do not get them.
//!
//! The peer inventory judges every peer Deployment on every class of nodes, so a [`Reason`] only borrows what differs. It
//! becomes text when it is displayed: by the inventory's debug log, which says why a node is lost to a peer Deployment, and
//! by the test that compares [`Demand::judge`] with the real DaemonSet controller.

mod affinity;
mod demand;
mod node;
mod reason;
mod requirement;
mod taints;

pub use demand::Demand;
pub use node::{Node, NodeTaint};
pub use reason::{Fit, LabelMismatch, Reason, TermMismatch};
pub use requirement::{Test, Unreadable, Written};

#[cfg(test)]
mod tests;
