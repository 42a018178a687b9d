//! The ground floor of every controller: what the Kubernetes API asks of its clients, and no word of modules.
//!
//! A controller is made of these parts. Its keys come from watches ([`Update`]) and wait in a work queue ([`work_queue`]) until
//! its reconcile takes them, one key by one worker at a time. The reconcile writes while the process leads
//! ([`Leadership::write_within`]), counts the outcome ([`ControllerWrites`]), waits longer and longer after failures ([`Backoff`]) and
//! tells people by Events ([`EventRecorder`]). A [`LeaderTask`] runs it, alone or beside other controllers under the same lease.

mod backoff;
mod client;
mod error;
mod events;
mod leader_task;
mod lease;
mod list;
mod object_key;
mod store;
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
pub use object_key::ObjectKey;
pub use store::{Index, Store, Subscriber};
pub use update::Update;
pub use view::View;
pub use watch::{Watch, watch_one};
pub use whoami::own_user_name;
pub use work_queue::{Requeue, WorkQueue, Workers, work_queue};
pub use write::{ControllerWrites, WriteMetrics, WriteOutcome};
