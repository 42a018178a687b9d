//! The ground floor of every controller: what the Kubernetes API asks of its clients, and no word of modules.

mod client;
mod error;
mod lease;
mod list;
mod object_key;
mod store;
mod update;
mod view;
mod watch;
mod whoami;
mod write;

pub use client::api_client;
pub(crate) use error::brief;
pub use lease::{InvalidLeaseSettings, LeaderMetrics, Leadership, LeaseSettings, WriteError, elect, process_identity};
pub use list::ListError;
pub use object_key::ObjectKey;
pub use store::{Index, Store, Subscriber};
pub use update::Update;
pub use view::View;
pub use watch::{Watch, watch_one};
pub use whoami::own_user_name;
pub use write::{ControllerWrites, WriteMetrics, WriteOutcome};
