//! Candidates for a Lease of a real API server: one leads, another takes over, never two.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on may panic")]

mod candidate;
mod outage;
mod takeover;
