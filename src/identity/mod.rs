//! Labels the module Pods that are running: the identity labels by which new Pods keep off their bases.
//!
//! The Pod webhook labels every Pod that is created. Pods from before warden have no labels, and a user can remove one or write a wrong
//! one. Until such a Pod is labelled, another one of the same module and version may be put on its base, and then deleting either of
//! the two takes the module from that base. So the leader labels them, in every namespace, also those that opted out; and the
//! controller of peer Deployments holds what it would delete or scale down meanwhile ([`crate::peer::Hold::NotKeptApart`]).
//!
//! [`Controller`] takes the Pods from the store that the watches fill ([`PeerStore`](crate::peer::PeerStore)), which says of each
//! what is wrong with it. There is nothing else to decide, so there is no `plan`.

mod controller;
mod metrics;
mod writes;

pub use controller::Controller;
pub use metrics::Metrics;
