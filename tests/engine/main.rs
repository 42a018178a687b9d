//! The engine as its users meet it: manifests in, what the cluster would get and what is said about it out.
//!
//! - [`defaults`]: what is filled in, a table per default.
//! - [`updates`]: what happens to templates that are there already.
//! - [`peers`]: whose the replicas of a peer Deployment are.
//! - [`rules`], [`same_version`], [`warnings`]: what is refused and what is only said.
//! - [`tutorial`]: the official manifests, as they stand.
//! - [`properties`]: what holds for every object that [`generated`] can think of.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on may panic")]

mod defaults;
mod generated;
mod peers;
mod properties;
mod rules;
mod same_version;
mod sample;
mod scheduler;
mod tutorial;
mod updates;
mod warnings;
