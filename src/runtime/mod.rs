//! What a process of ours needs to live among others: the API server, readiness, logs, the ops port, who leads,
//! an orderly end.

mod api_server;
mod leader;
mod ops;
mod readiness;
mod shutdown;
mod telemetry;
mod whoami;

pub use api_server::api_client;
pub use leader::{InvalidLeaseSettings, LeaderMetrics, Leadership, LeaseSettings, WriteError, elect, process_identity};
pub use ops::{Ops, serve_ops};
pub use readiness::{Condition, Readiness};
pub use shutdown::StopSignals;
pub use telemetry::{LogFormat, Logging, check_log_filter, start_logging};
pub use whoami::own_user_name;
