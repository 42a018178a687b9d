//! What we watch of a cluster, pruned, as plain facts.

mod brief;
mod cache;
mod change;
mod check;
mod facts;
mod feed;
mod followed;
mod inventory;
mod namespaces;
mod one;
mod peers;
mod snapshot;
mod watch;

pub use crate::module::LeftAlone;
pub(crate) use brief::brief;
pub use cache::PeerCache;
pub use change::{Change, News, Spelling};
pub use facts::{DeploymentFacts, Member, PodFacts};
pub use inventory::Inventory;
pub use namespaces::{NamespaceCache, Namespaces, NamespacesUnavailable};
pub use one::watch_one;
pub use peers::{NoPeers, Peers};
pub use snapshot::{ObjectKey, Place, Pod, Snapshot, Source, WorkloadSize};
