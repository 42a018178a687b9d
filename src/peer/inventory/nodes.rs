//! Update of nodes.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::{Inventory, Woken, judge_all};
use crate::fit::Node;
use crate::k8s::{ObjectKey, Update};
use crate::vocabulary as keys;

impl Inventory {
    pub(super) fn take_in_nodes(&mut self, news: Update<String, Node>) -> Woken {
        match news {
            Update::Apply(name, node) => self.node_is(&name, node),
            Update::Delete(name) => self.node_is_gone(&name),
            Update::Reset(list) => {
                let listed: HashSet<_> = list.iter().map(|(name, _)| name.as_str()).collect();
                let gone = self.groups.names().filter(|name| !listed.contains(&***name));
                let gone: Vec<_> = gone.cloned().collect();
                let mut woken = Woken::new();
                for name in gone {
                    woken.append(&mut self.node_is_gone(&name));
                }
                for (name, node) in list {
                    woken.append(&mut self.node_is(&name, node));
                }
                woken
            }
        }
    }

    fn node_is(&mut self, name: &str, node: Node) -> Woken {
        let known = self.groups.node(name);
        if known == Some(&node) {
            return Woken::new();
        }
        let same_host = known.is_some_and(|known| known.labels.get(keys::HOSTNAME) == node.labels.get(keys::HOSTNAME));
        let before = self.groups.group(name);
        let after = self.groups.open(&node, |looks| judge_all(&self.peers, looks));
        let name: Arc<str> = Arc::from(name);
        if same_host && before == Some(after) {
            self.groups.put(&name, node, after);
            return Woken::new();
        }
        let concerned: BTreeSet<Arc<ObjectKey>> =
            self.groups.suited(before).chain(self.groups.suited(Some(after))).cloned().collect();
        for key in &concerned {
            if let Some(peer) = self.peers.get(key) {
                peer.needs.log_misfit(key, &node);
            }
        }
        let pairs = concerned.into_iter().map(|key| (key, Arc::clone(&name))).collect();
        self.settle(pairs, |inventory| inventory.groups.put(&name, node, after))
    }

    fn node_is_gone(&mut self, name: &str) -> Woken {
        let concerned = self.groups.suited(self.groups.group(name));
        let name: Arc<str> = Arc::from(name);
        let pairs = concerned.map(|key| (Arc::clone(key), Arc::clone(&name))).collect();
        self.settle(pairs, |inventory| inventory.groups.remove(&name))
    }
}
