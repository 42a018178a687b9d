//! The webhook's server from the outside: over TLS, on loopback, without a cluster.
//!
//! - [`answers`]: what a review is answered with.
//! - [`bodies`]: bodies that are no review, or an odd or a large one.
//! - [`faults`]: what happens when we cannot decide.
//! - [`connections`]: TLS and HTTP versions, and clients that take too long.
//! - [`crowds`]: more clients than there is room for.
//! - [`strangers`]: clients that need a certificate.
//! - [`scales`]: who may scale a peer Deployment.
//! - [`shutdown`]: the last answers before the end.
//! - [`telemetry`]: what is counted and written down of a review.
//! - [`certificates`]: files that we cannot serve with.
//! - [`process`]: `warden serve` as a process, from its start to SIGTERM.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on may panic")]

mod answers;
mod authority;
mod bodies;
mod certificates;
mod client;
mod connections;
mod crowds;
mod faults;
mod process;
mod reviews;
mod scales;
mod server;
mod shutdown;
mod strangers;
mod telemetry;
