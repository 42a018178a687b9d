//! The arguments of `warden serve`, one group per topic.

mod certificates;
mod identity;
mod lease;
mod peer;
mod serving;

pub(super) use certificates::CertificateArgs;
pub(super) use identity::Identity;
pub(super) use lease::LeaseArgs;
pub(super) use peer::PeerArgs;
pub(super) use serving::ServingArgs;
