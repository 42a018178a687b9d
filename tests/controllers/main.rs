//! The parts that controllers are made of, each by itself.
//!
//! - [`cluster`]: watches of nodes, peer Deployments and module Pods, on a real API server.
//! - [`leader`]: candidates for a Lease, on a real API server.
//! - [`toy`]: a whole controller of another kind, on a real API server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on may panic")]

mod cluster;
mod leader;
mod toy;
