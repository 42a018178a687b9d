//! What every controller needs to work with the Kubernetes API. Nothing in it is about modules.
//!
//! A controller consists of these parts. A [`Watch`] lists and watches objects, and its updates ([`Update`]) fill a [`Store`]. A
//! [`Subscriber`] of the store adds the keys that changed to a work queue ([`work_queue`]), from which [`Workers`] reconcile them, one
//! key by one worker at a time. A reconcile writes while the process holds the lease ([`Leadership::write_within`]), counts the
//! outcome ([`ControllerWrites`]), is tried again after failures ([`Backoff`]), and records Events ([`EventRecorder`]). A [`LeaderTask`]
//! runs the controller, alone or with others under the same lease.

mod backoff;
mod client;
mod error;
mod events;
mod leader_task;
mod lease;
mod list;
mod log_limiter;
mod object_key;
mod read_slots;
mod round_robin;
mod store;
#[cfg(test)]
pub(crate) mod testing;
mod update;
mod view;
mod watch;
mod whoami;
mod work_queue;
mod write;

pub use backoff::Backoff;
pub use client::api_client;
pub(crate) use error::brief;
pub use events::{EventReason, EventRecorder, EventType, object_reference};
pub use leader_task::LeaderTask;
pub use lease::{InvalidLeaseSettings, LeaderMetrics, Leadership, LeaseSettings, WriteError, elect, process_identity};
pub use list::ListError;
pub(crate) use list::list;
pub use log_limiter::LogLimiter;
pub use object_key::ObjectKey;
pub(crate) use read_slots::ReadSlots;
pub use store::{Index, Store, Subscriber};
pub use update::Update;
pub use view::View;
pub use watch::{Watch, watch_one};
pub use whoami::own_user_name;
pub use work_queue::{Grouped, Requeue, WorkQueue, Workers, work_queue};
pub use write::{ControllerWrites, WriteMetrics, WriteOutcome};
