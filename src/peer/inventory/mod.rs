//! The nodes, peer Deployments and Pods of a cluster, and what they come to for each peer Deployment.
//!
//! Pure: no client, no clock. Every change is taken in at the cost of what it changes: nodes are grouped by what some peer
//! Deployment looks at, each Deployment keeps a running tally of its nodes, and a change puts right the shares of the
//! (Deployment, node) pairs that it touches, never the others.

mod crew;
mod deployments;
mod follows;
mod groups;
mod needs;
mod nodes;
mod pods;
mod presence;
mod snapshots;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::cluster::DeploymentFacts;
use crate::fit::Node;
use crate::k8s::ObjectKey;
use crate::module::{Follow, UnmanagedReason};
use crate::peer::Change;
use crate::policy::{NamespaceFacts, Policy};
use crew::Crew;
use follows::{Following, Follows};
use groups::{Groups, Suited, Suits};
use needs::Needs;
use presence::Presence;
use tally::{Share, Tally};

/// All that is known of a cluster's bases and peer Deployments.
#[derive(Debug)]
pub struct Inventory {
    policy: Policy,
    namespaces: HashMap<String, NamespaceFacts>,
    groups: Groups,
    known_deployments: Presence,
    peers: Peers,
    known_pods: Presence,
    /// By their Deployment, whether that is a peer one or not: it may become one.
    crews: HashMap<Arc<ObjectKey>, Crew>,
    /// The Deployment of every Pod in a crew.
    deployment_of: HashMap<Arc<ObjectKey>, Arc<ObjectKey>>,
    follows: Follows,
}

type Peers = BTreeMap<Arc<ObjectKey>, Peer>;

/// A peer Deployment.
#[derive(Debug)]
struct Peer {
    facts: DeploymentFacts,
    following: Option<Following>,
    needs: Needs,
    tally: Tally,
}

/// A peer Deployment and a node: what the one is to the other may change.
type Pair = (Arc<ObjectKey>, Arc<str>);

/// The peer Deployments whose snapshot may have changed.
type Woken = BTreeSet<ObjectKey>;

impl Inventory {
    /// Knows nothing yet.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            namespaces: HashMap::new(),
            groups: Groups::default(),
            known_deployments: Presence::default(),
            peers: Peers::new(),
            known_pods: Presence::default(),
            crews: HashMap::new(),
            deployment_of: HashMap::new(),
            follows: Follows::default(),
        }
    }

    /// Takes in `change`, and gives back the peer Deployments whose snapshot may have changed by it: those that are gone too.
    /// What is known already wakes nobody.
    pub fn apply(&mut self, change: Change) -> BTreeSet<ObjectKey> {
        match change {
            Change::Node(news) => self.take_in_nodes(news),
            Change::Namespace(news) => self.take_in_namespaces(news),
            Change::Deployment(spelling, news) => self.take_in_deployments(spelling, news),
            Change::Pod(spelling, news) => self.take_in_pods(spelling, news),
            Change::Followed(workload, size) => self.follows.set(workload, size).map(|key| (**key).clone()).collect(),
        }
    }

    /// Goes by `policy` from now on, and gives back the peer Deployments whose needs are others by it: templates from before
    /// warden are filled in by it before bases are counted.
    pub fn go_by(&mut self, policy: Policy) -> BTreeSet<ObjectKey> {
        self.policy = policy;
        self.derive_needs_again()
    }

    /// The peer Deployments.
    pub fn keys(&self) -> impl Iterator<Item = &ObjectKey> {
        self.peers.keys().map(|key| &**key)
    }

    /// Why the number of the peer Deployment `key` is the user's, if it is; none at all where there is no such peer
    /// Deployment.
    pub fn standing(&self, key: &ObjectKey) -> Option<Option<UnmanagedReason>> {
        self.peers.get(key).map(|peer| peer.facts.unmanaged)
    }

    /// The Node of this name.
    pub(crate) fn node(&self, name: &str) -> Option<&Node> {
        self.groups.node(name)
    }

    /// The workloads that must be watched for [`Change::Followed`].
    pub fn followed(&self) -> impl Iterator<Item = &Follow> {
        self.follows.workloads()
    }

    /// Forgets what was told of `workload`: nobody watches it any more. Until then it is kept, followed or not, for the next
    /// one that follows it may come before the watch ends.
    pub fn forget_followed(&mut self, workload: &Follow) {
        self.follows.forget(workload);
    }

    /// Makes `change`, and puts right what each of `pairs` is to each other. `pairs` are all those for which it may change,
    /// each once.
    fn settle(&mut self, pairs: Vec<Pair>, change: impl FnOnce(&mut Self)) -> Woken {
        let before: Vec<_> = pairs.into_iter().map(|pair| (self.share(&pair.0, &pair.1), pair)).collect();
        change(self);
        let mut woken = Woken::new();
        for (before, (key, node)) in before {
            let after = self.share(&key, &node);
            if before != after
                && let Some(peer) = self.peers.get_mut(&key)
            {
                peer.tally.take(&node, before);
                peer.tally.put(&node, after);
                woken.insert((*key).clone());
            }
        }
        woken
    }

    /// What `node` is to the peer Deployment `key`.
    fn share(&self, key: &ObjectKey, node: &str) -> Share {
        let Some(peer) = self.peers.get(key) else {
            return Share::Nothing;
        };
        let carries = self.crews.get(key).is_some_and(|crew| crew.is_on(node));
        match self.groups.suits(node, key) {
            Some(Suits::ForWhatIsThere) if !carries => Share::Nothing,
            Some(_) => {
                let host = self.groups.host(node).filter(|_| peer.needs.apart);
                Share::Counted { carries, host: host.cloned() }
            }
            None if carries => Share::Astray,
            None => Share::Nothing,
        }
    }
}

/// Those of `peers` that `node` suits.
fn judge_all(peers: &Peers, node: &Node) -> Suited {
    peers.iter().filter_map(|(key, peer)| Some((Arc::clone(key), peer.needs.judge(node)?))).collect()
}
