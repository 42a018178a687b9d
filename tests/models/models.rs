//! The plans of the controllers, each against a model of a cluster, all of whose histories are gone through.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on may panic")]

mod peer;
