//! A module at a version.

use std::fmt;

/// What a base installs: to it, this pair is the whole identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Module {
    /// bizName, the container's name.
    pub name: String,
    /// bizVersion, the literal value of the first `BIZ_VERSION`.
    pub version: String,
}

impl Module {
    /// `biz1` at `1.0.0`.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self { name: name.into(), version: version.into() }
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.version)
    }
}
