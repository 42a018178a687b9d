//! The arguments of `warden serve`, one group per concern.

mod identity;
mod lease;
mod peer;

pub(super) use identity::Identity;
pub(super) use lease::LeaseArgs;
pub(super) use peer::PeerArgs;
