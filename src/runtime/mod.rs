//! What a process needs to live among others: readiness, logs, the ops port, an orderly end.

mod crypto;
mod ops;
mod readiness;
mod shutdown;
mod telemetry;

pub use crypto::install_crypto_provider;
pub use ops::{Ops, serve_ops};
pub use readiness::{Condition, Readiness};
pub use shutdown::StopSignals;
pub use telemetry::{LogFormat, Logging, check_log_filter, start_logging};
