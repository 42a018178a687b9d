//! The map of the crate: a paragraph per room, the arrows pointing down.
//!
//! - [`cli`] is the command line, one file per subcommand. It wires the rooms below.
//! - [`settings`] is what is configured for the whole of warden: parsed, checked, followed while its file changes.
//! - [`peer`] keeps the replicas of peer Deployments in step with their bases: a pure plan, a controller around it.
//! - [`admission`] takes an AdmissionReview and answers with one: the wire format, the decision, the HTTP around it.
//! - [`tls`] serves over TLS: certificates, connections and their limits.
//! - [`runtime`] is what a process needs to live among others: the API server, who leads, readiness, logs, the ops port, an
//!   orderly end.
//! - [`cluster`] is what we watch of a cluster, pruned, as plain facts.
//! - [`fit`] says whether a template would run on a node, with a reason for every no. Pure.
//! - [`policy`] decides: an object and what surrounds it in, a [`policy::Verdict`] out. Pure. One file per default that is
//!   filled in, one file per rule.
//! - [`module`] is what a module is: a read-only view of a pod template on raw JSON.
//! - [`vocabulary`] spells every label, annotation, taint and environment key, in all dialects. Nobody else does.

pub mod admission;
pub mod cli;
pub mod cluster;
pub mod fit;
pub mod module;
pub mod peer;
pub mod policy;
pub mod runtime;
pub mod settings;
pub mod tls;
pub mod vocabulary;
