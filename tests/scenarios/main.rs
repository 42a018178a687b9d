//! What users see, on a real control plane: real etcd, kube-apiserver, kube-controller-manager and kube-scheduler, KWOK for
//! the nodes, and `warden serve` behind the webhook configurations that ship. Tests judge by the ledger of what bases run.
//!
//! Tests share one stage; those that need another cluster (other flags, no webhook yet, counters of their own) raise one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bystanders;
mod configuration;
mod fit_differential;
mod foreign_kinds;
mod gaps;
mod gitops;
mod grace_period;
mod hostile_tenant;
mod identity;
mod install;
mod kinds;
mod large_objects;
mod manifests;
mod meant_as_module;
mod memory_limit;
mod neighbours;
mod outage;
mod peer;
mod placement;
mod refusals;
mod rerun;
mod resources;
mod reverts;
mod review;
mod scene;
mod serving;
mod tutorial;
mod user_wishes;
mod versions;
mod ways_out;
mod webhook_config;
