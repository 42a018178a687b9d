//! The map of the crate: a paragraph per room, the arrows pointing down.
//!
//! - [`policy`] decides: an object and what surrounds it in, a [`policy::Verdict`] out. Pure. One file per default that is
//!   filled in, one file per rule.
//! - [`module`] is what a module is: a read-only view of a pod template on raw JSON.
//! - [`vocabulary`] spells every label, annotation, taint and environment key, in all dialects. Nobody else does.

pub mod module;
pub mod policy;
pub mod vocabulary;
