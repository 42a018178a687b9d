//! The settings of the whole process, from flags and a configuration file. Flags override the file, and the file overrides the
//! defaults.
//!
//! A file is checked when it is read, and it is read again when it changes. A valid change is active at once: [`LiveSettings`]
//! publish it.

mod fault;
mod file;
mod metrics;
mod overrides;
mod reader;
mod reload;
mod source;

pub use fault::{Fault, SettingsError};
pub use metrics::Metrics;
pub use overrides::{PeerOverrides, SettingsOverrides};
pub use reload::{LiveSettings, follow};
pub use source::Source;

use std::ops::RangeInclusive;

use crate::peer;
use crate::policy::Policy;

/// The permitted seconds of a window of the controllers, up to a day. At 0, a new leader could act before it has observed the last
/// write of the leader before.
pub const WINDOW_SECONDS: RangeInclusive<u64> = 1..=DAY;
/// The permitted seconds for which a mass loss is held, up to a day. At 0, a mass loss is followed like any other loss.
pub const HOLD_SECONDS: RangeInclusive<u64> = 0..=DAY;
/// The permitted seconds of the grace period of modules, up to a day. At 0, the API server removes a Pod before ModuleController has
/// uninstalled anything.
pub const GRACE_PERIOD_SECONDS: RangeInclusive<u64> = 1..=DAY;
const DAY: u64 = 24 * 60 * 60;

/// All settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How objects are filled in and judged.
    pub policy: Policy,
    /// The windows of the peer controller.
    pub peer: peer::Settings,
    /// The log filter, in the syntax of `RUST_LOG`; none if it is not set.
    pub log: Option<String>,
}
