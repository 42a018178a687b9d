//! `warden review` as its users meet it: the binary, on files.
//!
//! - [`verdicts`]: what is admitted and what is refused, and by which exit code a script knows.
//! - [`input`]: where manifests come from, in all the forms that `kubectl` takes, and what cannot be read.
//! - [`namespaces`]: what the Namespaces among the manifests lend to modules.
//! - [`configuration`]: what a file changes.
//! - [`output`]: what is printed, and that it means the same to who reads it next.
//! - [`documents`]: the commands, examples and links of README and docs.

mod configuration;
mod documents;
mod folder;
mod input;
mod manifests;
mod namespaces;
mod output;
mod verdicts;
