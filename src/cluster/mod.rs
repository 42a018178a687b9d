//! What we watch of a cluster, pruned, as plain facts.

mod namespaces;

pub use namespaces::{NamespaceCache, Namespaces, NamespacesUnavailable};
