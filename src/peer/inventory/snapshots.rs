//! What is asked of the inventory: the snapshot of a peer Deployment, and the number for one that is about to be made.

use std::collections::HashSet;

use super::follows::Following;
use super::{Inventory, Needs, Peer};
use crate::cluster::Member;
use crate::fit::{Fit, Node};
use crate::k8s::ObjectKey;
use crate::module::Workload;
use crate::peer::{Place, Pod, Snapshot, Source};
use crate::vocabulary as keys;

impl Inventory {
    /// What is known of the peer Deployment `key`. None where there is no such peer Deployment, and while nothing is known
    /// yet of the workload that it follows.
    pub fn snapshot(&self, key: &ObjectKey) -> Option<Snapshot> {
        let peer = self.peers.get(key)?;
        let source = match &peer.following {
            Some(following) => self.follows.source(following)?,
            None => Source::Bases {
                count: peer.tally.count(),
                shared_hosts: peer.tally.crowded().map(str::to_owned).collect(),
            },
        };
        let facts = &peer.facts;
        let crew = self.crews.get(key);
        let replica_sets = crew.map(|crew| crew.replica_sets()).into_iter().flatten();
        Some(Snapshot {
            uid: facts.uid.clone(),
            resource_version: facts.resource_version.clone(),
            replicas: facts.replicas,
            max_surge: facts.max_surge,
            observed: facts.observed,
            rolled_out: facts.rolled_out,
            pinned: facts.pinned,
            unmanaged: facts.unmanaged,
            status_line: facts.status_line.clone(),
            source,
            pods: self.pods(key, peer),
            replica_sets: replica_sets.map(|(name, count)| (name.clone(), *count)).collect(),
            carried: peer.tally.carried(),
        })
    }

    /// How many replicas a peer Deployment like `workload` should have, which is filled in already and has no Pods yet.
    /// None while nobody knows: for one that follows a workload that nobody else follows.
    pub fn count(&self, workload: Workload<'_>) -> Option<u32> {
        let name = |field: &str| workload.object().pointer(field).and_then(|name| name.as_str()).unwrap_or_default();
        let key =
            ObjectKey { namespace: name("/metadata/namespace").to_owned(), name: name("/metadata/name").to_owned() };
        if let Some(annotation) = workload.metadata().annotation(keys::FOLLOW) {
            return self.follows.source(&Following::of(annotation, &key))?.wanted();
        }
        let needs = Needs::of(workload.object(), workload.object());
        let suits = |node: &Node| needs.demand.judge(node) == Fit::Now;
        if self.groups.projection().covers(&needs.demand) {
            let nodes = self.groups.nodes_of(suits);
            Some(self.count_of(&needs, nodes.map(|node| &**node)))
        } else {
            let suits = |name: &&str| self.groups.node(name).is_some_and(suits);
            Some(self.count_of(&needs, self.groups.names().map(|name| &**name).filter(suits)))
        }
    }

    /// How many of `nodes` count for what carries none of its Pods yet.
    fn count_of<'a>(&self, needs: &Needs, nodes: impl Iterator<Item = &'a str>) -> u32 {
        let mut hosts = HashSet::new();
        let counts = |name: &&str| {
            let host = self.groups.host(name).filter(|_| needs.apart);
            host.is_none_or(|host| hosts.insert(host))
        };
        u32::try_from(nodes.filter(counts).count()).unwrap_or(u32::MAX)
    }

    /// The Pods that matter: those that stand out, and all while there are several ReplicaSets.
    fn pods(&self, key: &ObjectKey, peer: &Peer) -> Vec<Pod> {
        let Some(crew) = self.crews.get(key) else {
            return Vec::new();
        };
        let pod = |name: &ObjectKey, member: &Member| Pod {
            name: name.name.clone(),
            uid: member.uid.clone(),
            replica_set: member.replica_set.clone(),
            place: self.place(key, member),
            running: member.running,
            ready: member.ready,
            deletion_cost: member.deletion_cost,
            marked: member.marked,
        };
        if crew.replica_sets().len() > 1 {
            crew.all().map(|(name, member)| pod(name, member)).collect()
        } else {
            crew.standing_out(peer.tally.astray()).map(|(name, member)| pod(name, member)).collect()
        }
    }

    fn place(&self, deployment: &ObjectKey, member: &Member) -> Place {
        match &member.node {
            None => Place::Nowhere,
            // Where it fits, its being there makes the base count, schedulable or not.
            Some(node) if self.groups.suits(node, deployment).is_some() => Place::Base(node.clone()),
            Some(node) => Place::Departed(node.clone()),
        }
    }
}
