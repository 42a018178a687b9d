//! A real Kubernetes control plane for tests: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, and KWOK in the
//! place of kubelets and of ModuleController.
//!
//! - [`ControlPlane`] boots it in seconds and leaves no process behind, however the test process ends.
//! - [`Base`] is a Koupleless base as the cluster sees it: a virtual node with its labels, taints and odd capacity.
//! - [`ledger`] answers the only question that counts, *what does each base really run?*, by ModuleController's rules.
//! - [`WardenProcess`] runs the program under test beside it, behind registered webhooks; a [`Stage`] is both, installed from
//!   the files that ship.
//! - [`Proxy`] stands between a warden and the API server: it freezes, delays, cuts, counts, and stops at a certain write.
//!
//! The binaries come from `KUBEBUILDER_ASSETS` or are built once by Go, see [`Binaries`].
#![forbid(unsafe_code)]

mod audit;
mod background;
mod balancer;
mod base;
mod binaries;
mod certificates;
mod components;
mod control_plane;
mod data_dir;
pub mod documents;
mod eventually;
mod gitops;
mod go_build;
mod helm;
mod installed;
mod kubeconfig;
mod kubectl;
pub mod ledger;
mod namespace;
mod nodes;
mod objects;
mod options;
mod ports;
mod probe;
mod process;
mod processes;
mod promtool;
mod proxy;
mod stage;
mod warden;
mod watchdog;
mod webhooks;

pub use audit::AuditLine;
pub use balancer::{Balancer, replica_address};
pub use base::{Base, Memory};
pub use binaries::Binaries;
pub use certificates::{ClientAuthority, ClientCertificate, ServingCertificate};
pub use components::Component;
pub use control_plane::ControlPlane;
pub use eventually::eventually;
pub use gitops::{DiffEngine, Drift};
pub use helm::helm_program;
pub use kubectl::KubectlOutput;
pub use nodes::{HEARTBEAT_LABEL, ORDINARY_NODE_LABEL};
pub use objects::Objects;
pub use options::Options;
pub use process::Process;
pub use promtool::promtool_program;
pub use proxy::{Fault, Moment, Proxy, What, Write};
pub use rustix::process::Signal;
pub use stage::Stage;
pub use warden::{WardenProcess, WardenProgram};

/// Chooses on a pod when it turns Ready: at once where it is absent, else `never`, or `slow` for 15 seconds later.
pub const READY_ANNOTATION: &str = "testbed.koupleless.io/ready";
