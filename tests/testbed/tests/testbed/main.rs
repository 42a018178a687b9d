//! The testbed itself, on real control planes.

mod bases;
mod components;
mod orphans;
mod proxy;
mod webhooks;
mod workloads;
