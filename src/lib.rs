//! The map of the crate: a paragraph per room. Arrows point down: a room uses only those below it.
//!
//! - [`cli`] is the command line, one file per subcommand. It wires the rooms below.
//! - [`settings`] is what is configured for the whole of warden: parsed, checked, followed while its file changes.
//! - [`admission`] takes an AdmissionReview and answers with one: the wire format, the decision, the HTTP around it.
//! - [`identity`] is the controller that labels running module Pods, by which new ones keep off their bases.
//! - [`peer`] is the controller of peer Deployments: it keeps their replicas in step with their bases.
//! - [`certificates`] makes and renews the certificate that is served, or takes it from files.
//! - [`serving`] serves HTTP: connections and their limits, TLS, client authentication; the ops port, too.
//! - [`runtime`] is what a process needs to live among others: readiness, logs, the pages of the ops port, the watcher of
//!   files, an orderly end.
//! - [`cluster`] declares facts about the objects of a cluster that this domain is about, each once and bounded; which Pods
//!   belong to which Deployment, and which nodes are alike.
//! - [`k8s`] is what every controller needs, and knows nothing of modules: watches and stores, work queue, Events, backoff, lease,
//!   writes and their outcome.
//! - [`fit`] says whether a template would run on a node, with a reason for every no. Pure.
//! - [`policy`] decides: an object and what surrounds it in, a [`policy::Verdict`] out. Pure. One file per default that is
//!   filled in, one file per rule.
//! - [`module`] is what a module is: a read-only view of a pod template on raw JSON.
//! - [`vocabulary`] spells every label, annotation, taint and environment key, in all dialects. No other room does.

pub mod admission;
pub mod certificates;
pub mod cli;
pub mod cluster;
pub mod fit;
pub mod identity;
pub mod k8s;
pub mod module;
pub mod peer;
pub mod policy;
pub mod runtime;
pub mod serving;
pub mod settings;
pub mod vocabulary;
