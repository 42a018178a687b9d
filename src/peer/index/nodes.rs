//! Updates of nodes.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::{Changed, PeerIndex, judge_all};
use crate::fit::Node;
use crate::k8s::{ObjectKey, Update};
use crate::vocabulary as keys;

impl PeerIndex {
    pub(super) fn apply_nodes(&mut self, update: Update<String, Node>) -> Changed {
        match update {
            Update::Apply(name, node) => self.apply_node(&name, node),
            Update::Delete(name) => self.delete_node(&name),
            Update::Reset(list) => {
                let listed: HashSet<_> = list.iter().map(|(name, _)| name.as_str()).collect();
                let gone = self.classes.names().filter(|name| !listed.contains(&***name));
                let gone: Vec<_> = gone.cloned().collect();
                let mut changed = Changed::new();
                for name in gone {
                    changed.append(&mut self.delete_node(&name));
                }
                for (name, node) in list {
                    changed.append(&mut self.apply_node(&name, node));
                }
                changed
            }
        }
    }

    fn apply_node(&mut self, name: &str, node: Node) -> Changed {
        let known = self.classes.node(name);
        if known == Some(&node) {
            return Changed::new();
        }
        let mut changed = if known.is_some() { Changed::new() } else { self.with_stray_pods_on(name) };
        let same_host = known.is_some_and(|known| known.labels.get(keys::HOSTNAME) == node.labels.get(keys::HOSTNAME));
        let before = self.classes.class(name);
        let after = self.classes.open(&node, |projected| judge_all(&self.peers, projected));
        let name: Arc<str> = Arc::from(name);
        if same_host && before == Some(after) {
            self.classes.insert(&name, node, after);
            return changed;
        }
        let affected: BTreeSet<Arc<ObjectKey>> =
            self.classes.eligible(before).chain(self.classes.eligible(Some(after))).cloned().collect();
        for key in &affected {
            if let Some(peer) = self.peers.get(key) {
                peer.needs.log_misfit(key, &node);
            }
        }
        let pairs = affected.into_iter().map(|key| (key, Arc::clone(&name))).collect();
        changed.append(&mut self.update_contributions(pairs, |index| index.classes.insert(&name, node, after)));
        changed
    }

    /// The peer Deployments with Pods on `name` that is none of their bases, of which it matters whether the node is there. There are
    /// rarely any such Pods, so it costs little to ask each Deployment.
    fn with_stray_pods_on(&self, name: &str) -> Changed {
        let strays = self.peers.iter().filter(|(_, peer)| peer.eligible.is_ineligible(name));
        strays.map(|(key, _)| (**key).clone()).collect()
    }

    fn delete_node(&mut self, name: &str) -> Changed {
        let mut changed =
            if self.classes.node(name).is_some() { self.with_stray_pods_on(name) } else { Changed::new() };
        let affected = self.classes.eligible(self.classes.class(name));
        let name: Arc<str> = Arc::from(name);
        let pairs = affected.map(|key| (Arc::clone(key), Arc::clone(&name))).collect();
        changed.append(&mut self.update_contributions(pairs, |index| index.classes.remove(&name)));
        changed
    }
}
