//! The Pods of one Deployment.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::cluster::Member;
use crate::k8s::ObjectKey;

/// The Pods of one Deployment that are neither being deleted nor finished, with those at hand that stand out.
#[derive(Debug, Default)]
pub(super) struct Crew {
    pods: BTreeMap<Arc<ObjectKey>, Member>,
    on: HashMap<Arc<str>, Vec<Arc<ObjectKey>>>,
    unwell: BTreeSet<Arc<ObjectKey>>,
    replica_sets: BTreeMap<String, u32>,
}

impl Crew {
    pub(super) fn is_empty(&self) -> bool {
        self.pods.is_empty()
    }

    /// What is known of one of them.
    pub(super) fn get(&self, key: &ObjectKey) -> Option<&Member> {
        self.pods.get(key)
    }

    /// Whether one of them is on `node`.
    pub(super) fn is_on(&self, node: &str) -> bool {
        self.on.contains_key(node)
    }

    /// The nodes that they are on.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Arc<str>> {
        self.on.keys()
    }

    /// How many there are of each ReplicaSet, by name.
    pub(super) fn replica_sets(&self) -> &BTreeMap<String, u32> {
        &self.replica_sets
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Arc<ObjectKey>, &Member)> {
        self.pods.iter()
    }

    /// Those that stand out by themselves, and those on one of `nodes`, each once and in the order of their names.
    pub(super) fn standing_out<'a>(
        &'a self,
        nodes: impl Iterator<Item = &'a str>,
    ) -> impl Iterator<Item = (&'a Arc<ObjectKey>, &'a Member)> {
        let there = nodes.filter_map(|node| self.on.get(node)).flatten();
        let keys: BTreeSet<_> = self.unwell.iter().chain(there).collect();
        keys.into_iter().filter_map(|key| self.pods.get_key_value(key))
    }

    /// Takes in a Pod, in the place of what was known of it.
    pub(super) fn put(&mut self, key: &Arc<ObjectKey>, member: Member) {
        self.remove(key);
        if let Some(node) = &member.node {
            self.on.entry(Arc::from(node.as_str())).or_default().push(Arc::clone(key));
        }
        if stands_out(&member) {
            self.unwell.insert(Arc::clone(key));
        }
        *self.replica_sets.entry(member.replica_set.clone()).or_default() += 1;
        self.pods.insert(Arc::clone(key), member);
    }

    /// Lets go of a Pod.
    pub(super) fn remove(&mut self, key: &ObjectKey) {
        let Some(member) = self.pods.remove(key) else { return };
        self.unwell.remove(key);
        if let Some(node) = member.node.as_deref()
            && let Some(there) = self.on.get_mut(node)
        {
            there.retain(|other| **other != *key);
            if there.is_empty() {
                self.on.remove(node);
            }
        }
        if let Some(count) = self.replica_sets.get_mut(&member.replica_set) {
            *count -= 1;
            if *count == 0 {
                self.replica_sets.remove(&member.replica_set);
            }
        }
    }
}

/// Whether a Pod is unwell wherever it is: all of [`crate::peer::Pod::is_well`] but whether its node counts.
fn stands_out(member: &Member) -> bool {
    member.node.is_none() || !member.running || !member.ready || member.marked || member.deletion_cost != 0
}
