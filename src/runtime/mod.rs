//! What a process needs to run in a cluster: readiness, logs, the pages for probes and metrics, stop signals, files that change.

mod crypto;
mod file_watcher;
mod ops;
mod readiness;
mod shutdown;
mod telemetry;

pub use crypto::install_crypto_provider;
pub use file_watcher::{FileContents, FileError, FileWatcher};
pub use ops::{Ops, ops_router};
pub use readiness::{Condition, Detail, Readiness};
pub use shutdown::StopSignals;
pub use telemetry::{LogFormat, Logging, check_log_filter, start_logging};
