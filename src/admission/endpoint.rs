//! The two webhooks.

use prometheus_client::encoding::EncodeLabelValue;

/// Which of the two webhooks is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Endpoint {
    /// `/mutate`: fill in.
    Mutate,
    /// `/validate`: refuse or admit what came out, or who asks for it.
    Validate,
}
