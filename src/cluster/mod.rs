//! Facts about the objects of a cluster that this domain is about, each declared once.

pub(crate) mod facts;
mod namespaces;
mod spelling;

pub use facts::{DeploymentFacts, MAX_STATE_BYTES, Member, PodFacts, WorkloadSize};
pub use namespaces::{NamespaceCache, Namespaces, NamespacesUnavailable};
pub use spelling::Spelling;
