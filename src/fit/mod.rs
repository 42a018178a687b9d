//! Would this template run on this node? By the rules of the DaemonSet controller and the scheduler, with a reason for every no.
//!
//! Pure: no client, no clock, no runtime. The rules are those of Kubernetes 1.36: `NodeShouldRunDaemonPod` of the DaemonSet
//! controller, and the scheduler's `nodeaffinity` that it asks. The tolerations that the DaemonSet controller adds to its own
//! Pods are not assumed; a module's Pods do not get them.

mod affinity;
mod demand;
mod node;
mod requirement;
mod taints;

pub use demand::{Demand, Fit};
pub use node::{Node, NodeTaint};

#[cfg(test)]
mod tests;
