//! The engine as its users meet it: manifests in, what the cluster would get and what is said about it out.
//!
//! - [`defaults`]: what is filled in, a table per default.
//! - [`default_base`]: the base that is configured for modules that say none.
//! - [`updates`]: what happens to templates that are there already.
//! - [`peers`]: whose the replicas of a peer Deployment are.
//! - [`rules`], [`same_version`], [`warnings`]: what is refused and what is only said.
//! - [`severities`]: rules that are more or less severe than by default.
//! - [`house`]: arrows between rooms, purity, and where keys are spelled.
//! - [`review`]: the same by `warden review`, the binary, on files.
//! - [`tutorial`]: the official manifests, as they stand.
//! - [`properties`]: what holds for every object that [`generated`] can think of.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on may panic")]

mod default_base;
mod defaults;
mod generated;
mod house;
mod peers;
mod properties;
mod review;
mod rules;
mod same_version;
mod sample;
mod scheduler;
mod severities;
mod tutorial;
mod updates;
mod warnings;
