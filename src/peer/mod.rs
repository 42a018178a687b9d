//! Keeps the replicas of peer Deployments in step with their bases.
//!
//! [`decide`] is pure: a [`Snapshot`](crate::peer::Snapshot), what is remembered of the Deployment and the time in, a
//! [`Plan`] out. [`Controller`] does the I/O around it: it marks and deletes Pods of departed bases, writes `/scale`, Events and
//! the status line, and only while it holds the lease.

mod change;
mod controller;
mod followed;
mod hold;
mod index;
mod live_recheck;
mod look;
mod loss;
mod memory;
mod metrics;
mod news;
mod patience;
mod peers;
mod plan;
mod snapshot;
mod store;
#[cfg(test)]
mod testing;
mod texts;
mod victims;
mod watch;
mod writes;

pub use change::Change;
pub use controller::Controller;
pub use hold::Hold;
pub use index::PeerIndex;
pub use loss::Loss;
pub use memory::Memory;
pub use metrics::Metrics;
pub use peers::{NoPeers, Peers};
pub use plan::{Plan, Settings, Standing, Step, decide};
pub use snapshot::{Place, Pod, Snapshot, Source};
pub use store::{List, PeerStore};

/// A moment by a monotonic clock: the time since some beginning.
pub type Moment = std::time::Duration;
