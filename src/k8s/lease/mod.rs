//! Which replica may write: a leader election over a Lease, by the rule of client-go's `tools/leaderelection`.
//!
//! - [`LeaseSettings`]: which Lease, as whom, and the three times.
//! - [`elect`]: runs the election.
//! - [`Leadership`]: what a writer asks before every write, and runs it by.
//! - [`LeaderMetrics`]: who leads, for those who watch.
//!
//! A Lease of somebody else is taken only after it has not changed for its duration as *this* process saw it, by its own
//! monotonic clock: the times written in it are for people, and nobody's wall clock counts. A leader gives up earlier than
//! that, counted from before its last renewal was sent. So there are never two, as long as monotonic clocks run at about
//! the same rate (with the usual times one may be half as fast again as the other).
//!
//! What it cannot guard against: a machine that sleeps between asking [`Leadership::left`] and writing; a person who empties
//! `holderIdentity`, which gives the Lease away at once; and one who deletes the Lease before every candidate has seen it,
//! that is within seconds of its making or of another replica's start. So writers should name a resourceVersion besides.

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
