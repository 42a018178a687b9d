//! Reads of the index: the snapshot of a peer Deployment, and the number of replicas for one that is about to be created.

use std::collections::HashSet;

use serde_json::Value;

use super::follows::Following;
use super::{Needs, Peer, PeerIndex};
use crate::cluster::OwnedPod;
use crate::fit::{Demand, Fit, Node};
use crate::k8s::ObjectKey;
use crate::module::{Kind, Workload};
use crate::peer::{PeerState, Place, Pod, Snapshot, Source};
use crate::vocabulary as keys;

impl PeerIndex {
    /// The snapshot of the peer Deployment `key`. None if it does not exist, if its Namespace is excluded, and until the watch of the
    /// kind of workload that it follows has its first list.
    pub fn snapshot(&self, key: &ObjectKey) -> Option<Snapshot> {
        let peer = self.peer(key)?;
        let source = match &peer.following {
            Some(following) => self.follows.source(following, &self.namespaces)?,
            None => Source::Bases {
                count: peer.eligible.count(),
                shared_hosts: peer.eligible.shared_hosts().map(str::to_owned).collect(),
            },
        };
        let facts = &peer.facts;
        let pods = self.owners.of(key);
        let replica_sets = pods.map(|pods| pods.replica_sets()).into_iter().flatten();
        let unfit = peer.eligible.ineligible().filter(|node| self.classes.node(node).is_some());
        Some(Snapshot {
            uid: facts.uid.clone(),
            resource_version: facts.resource_version.clone(),
            replicas: facts.replicas,
            max_surge: facts.max_surge,
            observed: facts.observed,
            rolled_out: facts.rolled_out,
            pinned: facts.pinned,
            unmanaged: facts.unmanaged,
            state: facts.state.as_deref().and_then(PeerState::read),
            source,
            pods: self.pods(key, peer),
            replica_sets: replica_sets.map(|(name, count)| (name.clone(), *count)).collect(),
            carried: peer.eligible.carried(),
            unfit: u32::try_from(unfit.count()).unwrap_or(u32::MAX),
            not_kept_apart: self.unlabelled.count(key, &peer.modules),
        })
    }

    /// How many replicas the peer Deployment `workload` should have, which has no Pods yet, and whose Pods come out as `pod`. None if
    /// that is not known: if it follows a workload that does not exist or does not consent, or of a kind that no other Deployment
    /// follows.
    pub fn count(&self, workload: Workload<'_>, pod: &Value) -> Option<u32> {
        let name = |field: &str| workload.object().pointer(field).and_then(|name| name.as_str()).unwrap_or_default();
        let key =
            ObjectKey { namespace: name("/metadata/namespace").to_owned(), name: name("/metadata/name").to_owned() };
        if let Some(annotation) = workload.metadata().annotation(keys::FOLLOW) {
            return self.follows.source(&Following::of(annotation, &key), &self.namespaces)?.wanted();
        }
        let needs = Needs::of_pod(pod);
        Some(self.count_of(&needs, self.nodes_that(&needs.demand, |fit| *fit == Fit::Now)))
    }

    /// Whether any node that the Pod `pod` can run on, now or later, has memory. None if there is no such node.
    pub fn offer_memory(&self, pod: &Value) -> Option<bool> {
        let demand = Demand::of(&Workload::new(Kind::Pod, pod).template());
        let nodes = self.nodes_that(&demand, |fit| !matches!(fit, Fit::No(_)));
        let mut nodes = nodes.filter_map(|name| self.classes.node(name)).peekable();
        nodes.peek()?;
        Some(nodes.any(|node| node.has_memory))
    }

    /// The names of the nodes that `fit` as is asked for, judged once for each class if the classes are made by all that `demand`
    /// depends on.
    fn nodes_that<'a>(
        &'a self,
        demand: &'a Demand,
        is_asked_for: impl Fn(&Fit<'_>) -> bool + 'a,
    ) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        let fits = move |node: &Node| is_asked_for(&demand.judge(node));
        if self.classes.projection().covers(demand) {
            Box::new(self.classes.nodes_where(fits).map(|name| &**name))
        } else {
            let fits = move |name: &&str| self.classes.node(name).is_some_and(&fits);
            Box::new(self.classes.names().map(|name| &**name).filter(fits))
        }
    }

    /// How many of `nodes` count for a Deployment without Pods.
    fn count_of<'a>(&self, needs: &Needs, nodes: impl Iterator<Item = &'a str>) -> u32 {
        let mut hosts = HashSet::new();
        let counts = |name: &&str| {
            let host = self.classes.host(name).filter(|_| needs.apart);
            host.is_none_or(|host| hosts.insert(host))
        };
        u32::try_from(nodes.filter(counts).count()).unwrap_or(u32::MAX)
    }

    /// The Pods that matter: those that are unhealthy or on an ineligible node, and all while there are several ReplicaSets.
    fn pods(&self, key: &ObjectKey, peer: &Peer) -> Vec<Pod> {
        let Some(pods) = self.owners.of(key) else {
            return Vec::new();
        };
        let seen = |name: &ObjectKey, pod: &OwnedPod| Pod {
            name: name.name.clone(),
            uid: pod.uid.clone(),
            replica_set: pod.replica_set.clone(),
            place: self.place(key, pod),
            running: pod.running,
            ready: pod.ready,
            deletion_cost: pod.deletion_cost,
            marked: pod.marked,
        };
        if pods.replica_sets().len() > 1 {
            pods.all().map(|(name, pod)| seen(name, pod)).collect()
        } else {
            pods.unhealthy_or_on(peer.eligible.ineligible()).map(|(name, pod)| seen(name, pod)).collect()
        }
    }

    fn place(&self, deployment: &ObjectKey, pod: &OwnedPod) -> Place {
        match &pod.node {
            None => Place::Nowhere,
            // Where it fits, its being there makes the base count, schedulable or not.
            Some(node) if self.classes.eligibility(node, deployment).is_some() => Place::Base(node.clone()),
            Some(node) => Place::Departed(node.clone()),
        }
    }
}
