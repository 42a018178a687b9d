//! `warden review` as its users see it: the binary, on files.
//!
//! - [`verdicts`]: what is admitted and what is refused, and the exit codes.
//! - [`input`]: where manifests come from, in all the forms that `kubectl` takes, and what cannot be read.
//! - [`namespaces`]: what Namespaces among the manifests declare for modules.
//! - [`configuration`]: what a file changes.
//! - [`native`]: what the API server refuses of a module, found without one.
//! - [`output`]: what is printed, and that its next reader understands it.
//! - [`documents`]: the commands, examples and links of README and docs.

mod configuration;
mod documents;
mod folder;
mod input;
mod manifests;
mod namespaces;
mod native;
mod output;
mod verdicts;
