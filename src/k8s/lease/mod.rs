//! Which replica may write: a leader election over a Lease, by the rule of client-go's `tools/leaderelection`.
//!
//! - [`LeaseSettings`]: the Lease, the candidate's identity, and the three times.
//! - [`elect`]: runs the election.
//! - [`Leadership`]: what a writer asks before every write, and sends it by.
//! - [`LeaderMetrics`]: the metric that shows who leads.
//! - [`LeaderTask`](super::LeaderTask) puts them together for controllers.
//!
//! A candidate takes over another one's Lease only after that Lease has not changed for its whole duration, as *this* process
//! observed it by its own monotonic clock. The times written in the Lease are for people; no wall clock decides anything. A
//! leader gives up earlier than that, counted from before it sent its last renewal. So there are never two leaders, as long as
//! monotonic clocks run at about the same rate (with the usual times, one may run half as fast again as the other).
//!
//! The client is written by hand: kube has no leader election, and the crates that do are not made for kube 5 or go by the
//! times written in the Lease.
//!
//! # RBAC
//! It needs `get`, `create` and `update` of `leases` in the group `coordination.k8s.io`, in the namespace of the Lease.
//!
//! # What it cannot guard against
//! A machine that is suspended between a call of [`Leadership::left`] and the write; a person who empties `holderIdentity`, which
//! gives the Lease away at once; a person who deletes the Lease before every candidate has seen it, that is within seconds of its
//! creation or of another replica's start. So a write should also name the resourceVersion that it was decided on.

mod candidate;
mod decide;
mod election;
mod leadership;
mod metrics;
mod record;
mod settings;
#[cfg(test)]
mod simulation;
mod write;

pub use election::elect;
pub use leadership::Leadership;
pub use metrics::LeaderMetrics;
pub use settings::{InvalidLeaseSettings, LeaseSettings, process_identity};
pub use write::WriteError;
