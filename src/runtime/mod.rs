//! What a process of ours needs to live among others: readiness, logs, the ops port, an orderly end.

mod ops;
mod readiness;
mod shutdown;
mod telemetry;

pub use ops::{Ops, serve_ops};
pub use readiness::{Condition, Readiness};
pub use shutdown::stop_signal;
pub use telemetry::{LogFormat, start_logging};
