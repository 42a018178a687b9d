//! The ground floor of every controller: what the Kubernetes API asks of its clients, and no word of modules.

mod client;
mod error;
mod lease;
mod object_key;
mod update;
mod watch_decoder;
mod watch_one;
mod whoami;
mod write;

pub use client::api_client;
pub(crate) use error::brief;
pub use lease::{InvalidLeaseSettings, LeaderMetrics, Leadership, LeaseSettings, WriteError, elect, process_identity};
pub use object_key::ObjectKey;
pub use update::Update;
pub(crate) use watch_decoder::{WatchDecoder, WatchHealth};
pub use watch_one::watch_one;
pub use whoami::own_user_name;
pub use write::{ControllerWrites, WriteMetrics, WriteOutcome};
