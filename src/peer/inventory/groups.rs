//! The nodes, in groups of those that every peer Deployment judges alike.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::fit::{Demand, Node};
use crate::k8s::ObjectKey;
use crate::vocabulary as keys;

/// How a node suits a peer Deployment, where it does at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suits {
    /// It is scheduled there now.
    Now,
    /// What is there already stays.
    ForWhatIsThere,
}

/// The peer Deployments that the nodes of a group suit.
pub(super) type Suited = BTreeMap<Arc<ObjectKey>, Suits>;

/// What of a node some peer Deployment looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Projection {
    keys: BTreeSet<String>,
    name: bool,
}

/// A group, while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct GroupId(u64);

/// The nodes of a cluster in their groups. Each peer Deployment is judged once for each group.
#[derive(Debug, Default)]
pub(super) struct Groups {
    projection: Projection,
    nodes: HashMap<Arc<str>, Placed>,
    groups: HashMap<GroupId, Group>,
    by_looks: HashMap<Arc<Node>, GroupId>,
    opened: u64,
}

#[derive(Debug)]
struct Placed {
    node: Node,
    host: Option<Arc<str>>,
    group: GroupId,
}

#[derive(Debug)]
struct Group {
    looks: Arc<Node>,
    members: HashSet<Arc<str>>,
    suited: Suited,
}

impl Projection {
    /// All that any of `demands` looks at.
    pub(super) fn of<'a>(demands: impl Iterator<Item = &'a Demand>) -> Self {
        let mut projection = Self::default();
        for demand in demands {
            for key in demand.label_keys() {
                if !projection.keys.contains(key) {
                    projection.keys.insert(key.to_owned());
                }
            }
            projection.name |= demand.judges_by_name();
        }
        projection
    }

    /// Whether all that `demand` looks at is in this.
    pub(super) fn covers(&self, demand: &Demand) -> bool {
        (self.name || !demand.judges_by_name()) && demand.label_keys().into_iter().all(|key| self.keys.contains(key))
    }

    /// What of `node` is looked at.
    fn looks(&self, node: &Node) -> Node {
        let labels = self.keys.iter().filter_map(|key| node.labels.get_key_value(key));
        Node {
            name: if self.name { node.name.clone() } else { String::new() },
            labels: labels.map(|(key, value)| (key.clone(), value.clone())).collect(),
            taints: node.taints.clone(),
            unschedulable: node.unschedulable,
        }
    }
}

impl Groups {
    /// What decides on the groups.
    pub(super) fn projection(&self) -> &Projection {
        &self.projection
    }

    /// Everything known of `name`.
    pub(super) fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.get(name).map(|placed| &placed.node)
    }

    /// The names of all nodes.
    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.nodes.keys()
    }

    /// How `node` suits `key`; none where it does not, or is not there.
    pub(super) fn suits(&self, node: &str, key: &ObjectKey) -> Option<Suits> {
        self.group_of(node).and_then(|group| group.suited.get(key).copied())
    }

    /// The host name of `node`.
    pub(super) fn host(&self, node: &str) -> Option<&Arc<str>> {
        self.nodes.get(node)?.host.as_ref()
    }

    /// The group that `node` is in.
    pub(super) fn group(&self, node: &str) -> Option<GroupId> {
        self.nodes.get(node).map(|placed| placed.group)
    }

    /// Those that `group` suits.
    pub(super) fn suited(&self, group: Option<GroupId>) -> impl Iterator<Item = &Arc<ObjectKey>> {
        group.and_then(|group| self.groups.get(&group)).into_iter().flat_map(|group| group.suited.keys())
    }

    /// The nodes of those groups for which `suits` holds; it is asked once for each group.
    pub(super) fn nodes_of(&self, suits: impl Fn(&Node) -> bool) -> impl Iterator<Item = &Arc<str>> {
        let groups = self.groups.values().filter(move |group| suits(&group.looks));
        groups.flat_map(|group| &group.members)
    }

    /// The nodes that suit `key`.
    pub(super) fn nodes_for(&self, key: &ObjectKey) -> impl Iterator<Item = &Arc<str>> {
        let groups = self.groups.values().filter(|group| group.suited.contains_key(key));
        groups.flat_map(|group| &group.members)
    }

    /// The group that `node` belongs in, opened where there is none yet; `judge` then says whom it suits.
    pub(super) fn open(&mut self, node: &Node, judge: impl FnOnce(&Node) -> Suited) -> GroupId {
        let looks = self.projection.looks(node);
        if let Some(group) = self.by_looks.get(&looks) {
            return *group;
        }
        let suited = judge(&looks);
        let looks = Arc::new(looks);
        let id = GroupId(self.opened);
        self.opened += 1;
        self.by_looks.insert(Arc::clone(&looks), id);
        self.groups.insert(id, Group { looks, members: HashSet::new(), suited });
        id
    }

    /// Puts `node` into `group`, out of the one it was in.
    pub(super) fn put(&mut self, name: &Arc<str>, node: Node, group: GroupId) {
        if self.group(name) != Some(group) {
            self.leave(name);
            if let Some(group) = self.groups.get_mut(&group) {
                group.members.insert(Arc::clone(name));
            }
        }
        let host = node.labels.get(keys::HOSTNAME).map(|host| Arc::from(host.as_str()));
        self.nodes.insert(Arc::clone(name), Placed { node, host, group });
    }

    /// Lets go of node `name`.
    pub(super) fn remove(&mut self, name: &str) {
        self.leave(name);
        self.nodes.remove(name);
    }

    /// Judges `key` again for every group.
    pub(super) fn rejudge(&mut self, key: &Arc<ObjectKey>, judge: impl Fn(&Node) -> Option<Suits>) {
        for group in self.groups.values_mut() {
            match judge(&group.looks) {
                Some(suits) => group.suited.insert(Arc::clone(key), suits),
                None => group.suited.remove(key),
            };
        }
    }

    /// Forgets that anything suits `key`.
    pub(super) fn forget(&mut self, key: &ObjectKey) {
        for group in self.groups.values_mut() {
            group.suited.remove(key);
        }
    }

    /// Makes all groups anew, by another projection.
    pub(super) fn regroup(&mut self, projection: Projection, judge: impl Fn(&Node) -> Suited) {
        let nodes = std::mem::take(&mut self.nodes);
        *self = Self { projection, opened: self.opened, ..Self::default() };
        for (name, placed) in nodes {
            let group = self.open(&placed.node, &judge);
            self.put(&name, placed.node, group);
        }
    }

    fn group_of(&self, node: &str) -> Option<&Group> {
        self.groups.get(&self.group(node)?)
    }

    /// Takes `name` out of its group; one that is empty then is closed.
    fn leave(&mut self, name: &str) {
        let Some(id) = self.group(name) else { return };
        if let Some(group) = self.groups.get_mut(&id) {
            group.members.remove(name);
            if group.members.is_empty() {
                self.by_looks.remove(&group.looks);
                self.groups.remove(&id);
            }
        }
    }
}
