//! What admission asks about peer Deployments.

use crate::k8s::ObjectKey;
use crate::module::Workload;
use crate::policy::CountBases;

/// Where the facts about peer Deployments come from, at once and from memory.
pub trait Peers: CountBases + Send + Sync + 'static {
    /// Whether warden keeps the replicas of this Deployment: a peer that is not left to the user. False while nobody knows.
    fn keeps_replicas(&self, deployment: &ObjectKey) -> bool;
}

/// No peer Deployments, and nobody who could count bases: admission by itself, to be tested and measured.
#[derive(Debug, Clone, Copy)]
pub struct NoPeers;

impl CountBases for NoPeers {
    fn replicas(&self, _: Workload<'_>) -> Option<u32> {
        None
    }
}

impl Peers for NoPeers {
    fn keeps_replicas(&self, _: &ObjectKey) -> bool {
        false
    }
}
