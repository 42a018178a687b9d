//! What happened to the bases, in order.

use std::fmt;
use std::time::Duration;

use super::Module;

/// A moment in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(pub(super) usize);

/// What happened to a base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is there, and runs nothing.
    Joined,
    /// It is gone, with all it ran.
    Left,
    /// It runs the module from now on.
    Installed(Module),
    /// It was asked to install what it runs already.
    AlreadyThere(Module),
    /// It does not install this container.
    Refused {
        /// The container's name.
        container: String,
        /// Why.
        reason: &'static str,
    },
    /// It no longer runs the module.
    Uninstalled(Module),
    /// Two pods that are not being deleted have the same module here: when either goes, the module goes.
    TwoAtOnce {
        /// What both have.
        module: Module,
        /// The pod that was here first.
        other: String,
    },
}

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The base, by its node's name.
    pub base: String,
    /// What happened.
    pub change: Change,
    /// The pod it happened for, as `namespace/name`.
    pub pod: Option<String>,
    /// When, since the ledger began to be kept.
    pub at: Duration,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Joined => write!(f, "joined, empty"),
            Self::Left => write!(f, "left"),
            Self::Installed(module) => write!(f, "installed {module}"),
            Self::AlreadyThere(module) => write!(f, "had {module} already"),
            Self::Refused { container, reason } => write!(f, "refused {container}: {reason}"),
            Self::Uninstalled(module) => write!(f, "uninstalled {module}"),
            Self::TwoAtOnce { module, other } => write!(f, "has {module} by two pods, the other is {other}"),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.base, self.change)?;
        match &self.pod {
            Some(pod) => write!(f, " (pod {pod})"),
            None => Ok(()),
        }
    }
}
