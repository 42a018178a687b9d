//! Keeps the replicas of peer Deployments in step with their bases.
//!
//! [`decide`] is pure: a [`Snapshot`](crate::cluster::Snapshot), what is remembered of the Deployment and the time in, a
//! [`Plan`] out. [`Controller`] does the I/O around it: it marks and deletes Pods of departed bases, writes `/scale`, Events and
//! the status line, and only while it holds the lease.

mod controller;
mod hold;
mod look;
mod loss;
mod memory;
mod metrics;
mod news;
mod patience;
mod plan;
#[cfg(test)]
mod testing;
mod texts;
mod victims;
mod writes;

pub use controller::Controller;
pub use hold::Hold;
pub use loss::Loss;
pub use memory::Memory;
pub use metrics::Metrics;
pub use plan::{Plan, Settings, Standing, Step, decide};

/// A moment by a monotonic clock: the time since some beginning.
pub type Moment = std::time::Duration;
