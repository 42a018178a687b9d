//! The two webhooks.

/// Which of the two webhooks is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `/mutate`: it fills in what is missing.
    Mutate,
    /// `/validate`: it refuses or admits the object that came out, and who may scale a Deployment.
    Validate,
}

impl Endpoint {
    /// The name in metrics and log lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mutate => "mutate",
            Self::Validate => "validate",
        }
    }
}
