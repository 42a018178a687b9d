//! The index of nodes, peer Deployments and Pods, from which it derives the snapshot of each peer Deployment.
//!
//! Pure: no client, no clock. The cost of a change depends on what it changes, not on the size of the cluster: nodes are in
//! classes, each Deployment keeps a running count of its eligible nodes, and a change updates the contributions of only those
//! (Deployment, node) pairs that it touches.

mod deployments;
mod eligible_count;
mod follows;
mod needs;
mod nodes;
mod observe;
mod pods;
#[cfg(test)]
mod tests;
mod unlabelled;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::cluster::{DeploymentFacts, DualWatchMerge, Eligibility, Eligible, NodeClasses, Owners, Unlabelled};
use crate::fit::Node;
use crate::k8s::ObjectKey;
use crate::module::{Follow, FollowedKind, Management};
use crate::peer::Change;
use crate::policy::{NamespaceFacts, Policy};
use eligible_count::{Contribution, EligibleCount};
use follows::{Following, Follows};
use needs::Needs;
use unlabelled::{Modules, PeersOfModules};

/// The bases and peer Deployments of a cluster.
#[derive(Debug)]
pub struct PeerIndex {
    policy: Policy,
    namespaces: Namespaces,
    excludes_unknown_namespaces: bool,
    classes: NodeClasses,
    known_deployments: DualWatchMerge,
    peers: Peers,
    known_pods: DualWatchMerge,
    /// The module Pods of all Deployments, also of those that are not peers: they may become peers.
    owners: Owners,
    /// The module Pods of all namespaces that are not known to be kept apart.
    unlabelled: Unlabelled,
    peers_of_modules: PeersOfModules,
    follows: Follows,
}

type Namespaces = HashMap<String, NamespaceFacts>;

type Peers = BTreeMap<Arc<ObjectKey>, Peer>;

/// A peer Deployment.
#[derive(Debug)]
struct Peer {
    facts: DeploymentFacts,
    following: Option<Following>,
    needs: Needs,
    modules: Modules,
    eligible: EligibleCount,
}

/// A peer Deployment and a node whose contribution to its count may change.
type Pair = (Arc<ObjectKey>, Arc<str>);

/// The peer Deployments whose snapshot may have changed.
type Changed = BTreeSet<ObjectKey>;

impl PeerIndex {
    /// An empty index.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            namespaces: Namespaces::new(),
            excludes_unknown_namespaces: false,
            classes: NodeClasses::default(),
            known_deployments: DualWatchMerge::default(),
            peers: Peers::new(),
            known_pods: DualWatchMerge::default(),
            owners: Owners::default(),
            unlabelled: Unlabelled::default(),
            peers_of_modules: PeersOfModules::default(),
            follows: Follows::default(),
        }
    }

    /// Applies `change`. Returns the peer Deployments whose snapshot may have changed, also those that are gone. A change that
    /// repeats the present state returns none.
    pub fn apply(&mut self, change: Change) -> BTreeSet<ObjectKey> {
        match change {
            Change::Node(update) => self.apply_nodes(update),
            Change::Namespace(update) => self.apply_namespaces(update),
            Change::Deployment(spelling, update) => self.apply_deployments(spelling, update),
            Change::Pod(spelling, update) => self.apply_pods(spelling, update),
            Change::Followed(kind, update) => self.follows.apply(kind, update, &self.namespaces),
        }
    }

    /// Applies `policy` from now on, and returns the peer Deployments whose needs change by it: templates from before warden are
    /// filled in by the policy before bases are counted.
    pub fn go_by(&mut self, policy: Policy) -> BTreeSet<ObjectKey> {
        self.policy = policy;
        self.derive_needs_again()
    }

    /// Excludes the Namespaces that are not known. One that is excluded may be shown after its Deployments.
    pub fn exclude_unknown_namespaces(&mut self) {
        self.excludes_unknown_namespaces = true;
    }

    /// The peer Deployments, without those of excluded Namespaces.
    pub fn keys(&self) -> impl Iterator<Item = &ObjectKey> {
        self.peers.keys().map(|key| &**key).filter(|key| !self.is_excluded(key))
    }

    /// The peer Deployment `key`; none where its Namespace is excluded.
    fn peer(&self, key: &ObjectKey) -> Option<&Peer> {
        self.peers.get(key).filter(|_| !self.is_excluded(key))
    }

    fn is_excluded(&self, key: &ObjectKey) -> bool {
        let namespace = self.namespaces.get(&key.namespace);
        namespace.map_or(self.excludes_unknown_namespaces, |namespace| namespace.is_excluded)
    }

    /// Who keeps the replicas of the Deployment `key`; it is no peer where the index does not have it, and where its Namespace is
    /// excluded.
    pub fn management(&self, key: &ObjectKey) -> Management {
        match self.peer(key) {
            Some(peer) => peer.facts.unmanaged.map_or(Management::Managed, Management::Unmanaged),
            None => Management::NotPeer,
        }
    }

    /// The Node of this name.
    pub(crate) fn node(&self, name: &str) -> Option<&Node> {
        self.classes.node(name)
    }

    /// The kinds of workloads that must be watched for [`Change::Followed`].
    pub fn followed(&self) -> BTreeSet<FollowedKind> {
        self.follows.kinds()
    }

    /// Whether `workload` exists and may be followed from the namespace `from`; none before the first list of its kind.
    pub fn may_follow(&self, workload: &Follow, from: &str) -> Option<bool> {
        self.follows.size(workload, from, &self.namespaces).map(|size| size.is_some())
    }

    /// Forgets what is known of the workloads of `kind`, whose watch has ended. Until then it is kept, followed or not: the next
    /// Deployment that follows one may come before the watch ends.
    pub fn forget_followed(&mut self, kind: FollowedKind) {
        self.follows.forget(kind);
    }

    /// Makes `change`, and updates the contributions of `pairs`: each pair whose contribution may change, once.
    fn update_contributions(&mut self, pairs: Vec<Pair>, change: impl FnOnce(&mut Self)) -> Changed {
        let before: Vec<_> = pairs.into_iter().map(|pair| (self.contribution(&pair.0, &pair.1), pair)).collect();
        change(self);
        let mut changed = Changed::new();
        for (before, (key, node)) in before {
            let after = self.contribution(&key, &node);
            if before != after
                && let Some(peer) = self.peers.get_mut(&key)
            {
                peer.eligible.remove(&node, before);
                peer.eligible.add(&node, after);
                changed.insert((*key).clone());
            }
        }
        changed
    }

    /// What `node` contributes to the count of the peer Deployment `key`.
    fn contribution(&self, key: &ObjectKey, node: &str) -> Contribution {
        let Some(peer) = self.peers.get(key) else {
            return Contribution::Nothing;
        };
        let carries = self.owners.of(key).is_some_and(|pods| pods.is_on(node));
        match self.classes.eligibility(node, key) {
            Some(Eligibility::RetainsPods) if !carries => Contribution::Nothing,
            Some(_) => {
                let host = self.classes.host(node).filter(|_| peer.needs.apart);
                Contribution::Counted { carries, host: host.cloned() }
            }
            None if carries => Contribution::Ineligible,
            None => Contribution::Nothing,
        }
    }
}

/// Those of `peers` that `node` fits.
fn judge_all(peers: &Peers, node: &Node) -> Eligible {
    peers.iter().filter_map(|(key, peer)| Some((Arc::clone(key), peer.needs.judge(node)?))).collect()
}
