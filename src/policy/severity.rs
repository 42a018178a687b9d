//! What follows from a broken rule.

/// What follows from a broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The object is admitted with a warning.
    Warn,
    /// The object is refused.
    Deny,
}

impl Severity {
    /// All severities.
    pub const ALL: [Self; 2] = [Self::Warn, Self::Deny];

    /// The severity with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }

    /// The name, as configuration files have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}
