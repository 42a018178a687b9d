//! What is configured for the whole of warden: by a file, by flags, by nobody.
//!
//! A file is checked when it is read, and read again whenever it changes; what can be used is in force at once, in every room
//! that follows it. Flags win over the file, the file over the defaults.

mod fault;
mod file;
mod follow;
mod given;
mod metrics;
mod reader;
mod source;

pub use fault::{Fault, SettingsError};
pub use follow::{InForce, follow};
pub use given::{Given, GivenPeer};
pub use metrics::Metrics;
pub use source::Source;

use std::ops::RangeInclusive;

use crate::peer;
use crate::policy::Policy;

/// The seconds that a window of the controllers may have, up to a day. Without any, two processes of warden that follow each
/// other could do harm: what one has written last, the other may not have seen yet.
pub const WINDOW_SECONDS: RangeInclusive<u64> = 1..=DAY;
/// The seconds for which a mass loss may be held, up to a day; 0 follows it like any other loss.
pub const HOLD_SECONDS: RangeInclusive<u64> = 0..=DAY;
const DAY: u64 = 24 * 60 * 60;

/// All that is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How objects are filled in and judged.
    pub policy: Policy,
    /// How patient the controller of peer Deployments is.
    pub peer: peer::Settings,
    /// Which log lines are written, in the words of `RUST_LOG`; none where nobody said.
    pub log: Option<String>,
}
