//! The engine as its users see it: manifests in; out come the objects as the cluster stores them, warnings and refusals.
//!
//! - [`defaults`]: what is filled in, a table per default.
//! - [`default_base`]: the base that is configured for modules that declare none.
//! - [`updates`]: what happens to templates that are there already.
//! - [`peers`]: who keeps the replicas of a peer Deployment.
//! - [`rules`], [`same_version`], [`restart`], [`warnings`]: what is refused and what is warned about.
//! - [`grace_period`]: what is filled in of it, and the seconds that warnings name.
//! - [`meant_as_module`]: what looks like a module but is not one.
//! - [`severities`]: rules that are more or less severe than by default.
//! - [`image`]: what the image is built from.
//! - [`house`]: arrows between rooms, purity, and where keys are spelled.
//! - [`review`]: the same by `warden review`, the binary, on files.
//! - [`ways_out`]: what each rule's remedy leads to.
//! - [`tutorial`]: the official manifests, as they stand.
//! - [`properties`]: what holds for every object that [`generated`] makes.
//! - [`documentation`]: what follows from the tables of rules and annotations.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on may panic")]

mod default_base;
mod defaults;
mod documentation;
mod generated;
mod grace_period;
mod house;
mod image;
mod meant_as_module;
mod peers;
mod properties;
mod restart;
mod review;
mod rules;
mod same_version;
mod sample;
mod scheduler;
mod severities;
mod tutorial;
mod updates;
mod warnings;
mod ways_out;
