//! The servers from outside: the webhook over TLS and the ops port, on loopback, without a cluster.
//!
//! - [`answers`]: the answers to reviews.
//! - [`bodies`]: bodies that are not reviews, and odd or large reviews.
//! - [`faults`]: what happens if warden cannot decide.
//! - [`connections`]: TLS and HTTP versions, limits of headers, and clients that take too long.
//! - [`crowds`]: more connections and bodies than the limits permit.
//! - [`families`]: clients of IPv4 and IPv6 at one port.
//! - [`ops`]: the limits of the ops port.
//! - [`strangers`]: client certificates.
//! - [`scales`]: which clients may scale a peer Deployment.
//! - [`shutdown`]: the answers of a server that shuts down.
//! - [`telemetry`]: the metrics and log lines of a review, and the pages for probes and metrics.
//! - [`certificates`]: certificate files that cannot be served.
//! - [`process`]: `warden serve` as a process, from its start to SIGTERM.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on may panic")]

mod answers;
mod authority;
mod bodies;
mod certificates;
mod client;
mod connections;
mod crowds;
mod families;
mod faults;
mod ops;
mod process;
mod reviews;
mod scales;
mod server;
mod shutdown;
mod strangers;
mod telemetry;
