//! Keeps the replicas of peer Deployments in step with their bases.
//!
//! The store ([`PeerStore`]) shows each Deployment as a [`Snapshot`]. [`decide`] is pure: a snapshot, the history that was observed
//! of the Deployment ([`ObservedHistory`]) and the time in, a [`Plan`] out. [`Controller`] does the I/O around it, while it holds
//! the lease: a work queue of keys, each reconciled by one worker at a time, which marks and deletes Pods of departed bases and
//! writes `/scale`, the state annotation ([`PeerState`]) and Events.
//!
//! | file | what |
//! |---|---|
//! | `watch`, `followed`, `change` | the watches that fill the store |
//! | `store`, `index` | what the watches show, and how many bases each Deployment has. Pure, but for the lock |
//! | `observed` | the observed state of one Deployment |
//! | `controller` | the run loop: subscribes to the store, runs the work queue |
//! | `reconcile` | one reconcile: decide, write, report |
//! | `plan` | the decision. Pure, as are the files that it uses: `observed_history`, `mass_loss`, `scale_down_risk`, `hold` |
//! | `writes`, `live_recheck` | what is written to the API server, under the lease, and what is asked before |
//! | `state` | the state annotation, which the next process reads |
//! | `messages`, `hold_reporter`, `metrics` | what the controller reports to people, and when |

mod change;
mod controller;
mod followed;
mod hold;
mod hold_reporter;
mod index;
mod live_recheck;
mod mass_loss;
mod messages;
mod metrics;
mod observed;
mod observed_history;
mod plan;
mod reconcile;
mod scale_down_risk;
mod state;
mod store;
#[cfg(test)]
mod testing;
mod watch;
mod writes;

pub use change::Change;
pub use controller::Controller;
pub use hold::Hold;
pub use index::PeerIndex;
pub use mass_loss::MassLoss;
pub use metrics::Metrics;
pub use observed::{Place, Pod, Snapshot, Source};
pub use observed_history::ObservedHistory;
pub use plan::{Plan, ScaleDecision, Settings, WritePreconditions, decide};
pub use state::PeerState;
pub use store::{List, PeerStore};

/// The time since the controller began to lead, by a monotonic clock.
pub type Elapsed = std::time::Duration;
