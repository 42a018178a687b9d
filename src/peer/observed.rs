//! The observed state of one peer Deployment: everything that a decision about its replicas depends on.

use crate::cluster::WorkloadSize;
use crate::module::{MaxSurge, UnmanagedReason};
use crate::peer::PeerState;

/// A peer Deployment, its Pods and its bases, as the watches show them. Each watch may lag by another time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// The Deployment's uid: one made again under the same name is another.
    pub uid: String,
    /// The Deployment's resourceVersion, which a write must name.
    pub resource_version: String,
    /// `spec.replicas`.
    pub replicas: u32,
    /// How many Pods more a rollout may make.
    pub max_surge: MaxSurge,
    /// Whether the controller-manager has seen the Deployment's last change (`status.observedGeneration`).
    pub observed: bool,
    /// Whether all of its Pods are of its current template, as the controller-manager has counted them
    /// (`status.updatedReplicas`). Others may be on nodes that their own template fits.
    pub rolled_out: bool,
    /// Whether its template names the node of its Pods (`spec.nodeName`), so that none that is made is ever anywhere else.
    pub pinned: bool,
    /// Why the number is the user's, if it is.
    pub unmanaged: Option<UnmanagedReason>,
    /// The state that warden wrote on it last ([`crate::vocabulary::PEER_STATE`]).
    pub state: Option<PeerState>,
    /// What the replicas follow.
    pub source: Source,
    /// Its Pods that are neither being deleted nor finished. While all of them are of one ReplicaSet, only those that are
    /// unhealthy ([`Pod::is_healthy`]).
    pub pods: Vec<Pod>,
    /// How many Pods of each ReplicaSet there are that are neither being deleted nor finished, in the order of their names.
    /// Only those that have any.
    pub replica_sets: Vec<(String, u32)>,
    /// How many counted bases carry at least one of its Pods.
    pub carried: u32,
    /// How many nodes carry at least one of its Pods, and are there, and are none of its bases: in a rollout, those of a template that
    /// was for other bases.
    pub unfit: u32,
    /// How many Pods of its modules are not known to be kept apart: bound or still to be bound, of any workload and in any namespace,
    /// they lack an identity label ([`crate::vocabulary::IDENTITY_PREFIX`]), so a new Pod may be put beside them. Those of other
    /// workloads that opted out do not count.
    pub not_kept_apart: u32,
}

/// What the replicas of a peer Deployment follow.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// The bases that fit.
    Bases {
        /// Those that are schedulable now, or carry the module already; of bases that share a host name where only one can
        /// carry it, one counts, or as many as carry it already.
        count: u32,
        /// The host names that several of these bases share and that therefore made the count smaller, in order.
        shared_hosts: Vec<String>,
    },
    /// The ready replicas of a workload ([`crate::vocabulary::FOLLOW`]).
    Followed {
        /// The workload as the annotation names it.
        workload: String,
        /// None where there is no such workload, or the annotation means nothing.
        size: Option<WorkloadSize>,
    },
}

/// A Pod of a peer Deployment that is neither being deleted nor finished.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pod {
    /// The name.
    pub name: String,
    /// The uid.
    pub uid: String,
    /// The name of its ReplicaSet.
    pub replica_set: String,
    /// Where it is.
    pub place: Place,
    /// Whether its phase is Running.
    pub running: bool,
    /// Whether its condition Ready is True.
    pub ready: bool,
    /// Its pod-deletion-cost; 0 where it has none.
    pub deletion_cost: i32,
    /// Whether warden marked it as one of a departed base ([`crate::vocabulary::DEPARTED`]).
    pub marked: bool,
}

/// Where a Pod is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// On no node yet.
    Nowhere,
    /// On a base that counts.
    Base(String),
    /// On a node that does not count: one that is gone, or that the template does not fit (any more).
    Departed(String),
}

impl Snapshot {
    /// How many Pods it has that are neither being deleted nor finished.
    pub fn pod_count(&self) -> u32 {
        self.replica_sets.iter().map(|(_, pods)| *pods).sum()
    }

    /// Whether a rollout is under way: it has Pods of several ReplicaSets, or is to have.
    pub fn is_rolling(&self) -> bool {
        self.replica_sets.len() > 1 || !self.rolled_out
    }

    /// The Pods on departed bases, which are wanted elsewhere. None where a workload is followed, since warden does not know the
    /// nodes of its bases, and none where the template names the node, since a Pod of it can be nowhere else.
    pub fn pods_on_departed_bases(&self) -> impl Iterator<Item = &Pod> {
        let counts = matches!(self.source, Source::Bases { .. }) && !self.pinned;
        self.pods.iter().filter(move |pod| counts && pod.departed_from().is_some())
    }
}

impl Pod {
    /// Whether it is on a base that counts, Running, Ready, not marked and without a deletion cost.
    pub fn is_healthy(&self) -> bool {
        matches!(self.place, Place::Base(_)) && self.running && self.ready && !self.marked && self.deletion_cost == 0
    }

    /// The node that it is on and that does not count, if it is on one.
    pub fn departed_from(&self) -> Option<&str> {
        match &self.place {
            Place::Departed(node) => Some(node),
            Place::Nowhere | Place::Base(_) => None,
        }
    }
}

impl Source {
    /// The number of replicas that it stands for; none where that is not known.
    pub fn wanted(&self) -> Option<u32> {
        match self {
            Self::Bases { count, .. } => Some(*count),
            Self::Followed { size, .. } => size.map(|size| size.ready),
        }
    }

    /// The workload that is followed; empty where bases are counted.
    pub fn workload(&self) -> &str {
        match self {
            Self::Bases { .. } => "",
            Self::Followed { workload, .. } => workload,
        }
    }
}
