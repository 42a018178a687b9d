//! The nodes, in classes. All nodes of a class are equally eligible for every workload.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::fit::{Demand, Node};
use crate::k8s::ObjectKey;
use crate::vocabulary as keys;

/// How a node fits a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eligibility {
    /// New Pods are scheduled there now.
    Schedulable,
    /// Pods that are there stay; new ones are not scheduled there now.
    RetainsPods,
}

/// The workloads that the nodes of a class fit.
pub type Eligible = BTreeMap<Arc<ObjectKey>, Eligibility>;

/// The parts of a node that decide for some workload whether the node fits it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projection {
    label_keys: BTreeSet<String>,
    name: bool,
}

/// A class, as long as it has nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClassId(u64);

/// The nodes of a cluster in their classes. Two nodes of one class differ in nothing that any workload depends on, so each
/// workload is judged once per class. A cluster of thousands of bases usually has a handful of classes.
#[derive(Debug, Default)]
pub struct NodeClasses {
    projection: Projection,
    nodes: HashMap<Arc<str>, Classified>,
    classes: HashMap<ClassId, NodeClass>,
    by_projected: HashMap<Arc<Node>, ClassId>,
    opened: u64,
}

#[derive(Debug)]
struct Classified {
    node: Node,
    host: Option<Arc<str>>,
    class: ClassId,
}

#[derive(Debug)]
struct NodeClass {
    projected: Arc<Node>,
    members: HashSet<Arc<str>>,
    eligible: Eligible,
}

impl Projection {
    /// All parts that any of `demands` depends on.
    pub fn of<'a>(demands: impl Iterator<Item = &'a Demand>) -> Self {
        let mut projection = Self::default();
        for demand in demands {
            for key in demand.label_keys() {
                if !projection.label_keys.contains(key) {
                    projection.label_keys.insert(key.to_owned());
                }
            }
            projection.name |= demand.judges_by_name();
        }
        projection
    }

    /// Whether this has all parts that `demand` depends on.
    pub fn covers(&self, demand: &Demand) -> bool {
        (self.name || !demand.judges_by_name())
            && demand.label_keys().into_iter().all(|key| self.label_keys.contains(key))
    }

    /// `node`, without the parts that no workload depends on.
    fn project(&self, node: &Node) -> Node {
        let labels = self.label_keys.iter().filter_map(|key| node.labels.get_key_value(key));
        Node {
            name: if self.name { node.name.clone() } else { String::new() },
            labels: labels.map(|(key, value)| (key.clone(), value.clone())).collect(),
            taints: node.taints.clone(),
            unschedulable: node.unschedulable,
            // No demand asks for it.
            has_memory: false,
        }
    }
}

impl NodeClasses {
    /// The parts of a node that make up its class.
    pub fn projection(&self) -> &Projection {
        &self.projection
    }

    /// The facts of the node called `name`.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.get(name).map(|classified| &classified.node)
    }

    /// The names of all nodes.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.nodes.keys()
    }

    /// How `node` fits `workload`; none where it does not, or is not there.
    pub fn eligibility(&self, node: &str, workload: &ObjectKey) -> Option<Eligibility> {
        self.class_of(node).and_then(|class| class.eligible.get(workload).copied())
    }

    /// The host name of `node`.
    pub fn host(&self, node: &str) -> Option<&Arc<str>> {
        self.nodes.get(node)?.host.as_ref()
    }

    /// The class that `node` is in.
    pub fn class(&self, node: &str) -> Option<ClassId> {
        self.nodes.get(node).map(|classified| classified.class)
    }

    /// The workloads that the nodes of `class` fit.
    pub fn eligible(&self, class: Option<ClassId>) -> impl Iterator<Item = &Arc<ObjectKey>> {
        class.and_then(|class| self.classes.get(&class)).into_iter().flat_map(|class| class.eligible.keys())
    }

    /// The nodes of those classes for which `fits` holds; it is asked once for each class.
    pub fn nodes_where(&self, fits: impl Fn(&Node) -> bool) -> impl Iterator<Item = &Arc<str>> {
        let classes = self.classes.values().filter(move |class| fits(&class.projected));
        classes.flat_map(|class| &class.members)
    }

    /// The nodes that fit `workload`.
    pub fn nodes_for(&self, workload: &ObjectKey) -> impl Iterator<Item = &Arc<str>> {
        let classes = self.classes.values().filter(|class| class.eligible.contains_key(workload));
        classes.flat_map(|class| &class.members)
    }

    /// The class that `node` belongs in, opened where there is none yet; `judge` then says which workloads it fits.
    pub fn open(&mut self, node: &Node, judge: impl FnOnce(&Node) -> Eligible) -> ClassId {
        let projected = self.projection.project(node);
        if let Some(class) = self.by_projected.get(&projected) {
            return *class;
        }
        let eligible = judge(&projected);
        let projected = Arc::new(projected);
        let id = ClassId(self.opened);
        self.opened += 1;
        self.by_projected.insert(Arc::clone(&projected), id);
        self.classes.insert(id, NodeClass { projected, members: HashSet::new(), eligible });
        id
    }

    /// Puts `node` into `class`, out of the one it was in.
    pub fn insert(&mut self, name: &Arc<str>, node: Node, class: ClassId) {
        if self.class(name) != Some(class) {
            self.leave(name);
            if let Some(class) = self.classes.get_mut(&class) {
                class.members.insert(Arc::clone(name));
            }
        }
        let host = node.labels.get(keys::HOSTNAME).map(|host| Arc::from(host.as_str()));
        self.nodes.insert(Arc::clone(name), Classified { node, host, class });
    }

    /// Removes the node called `name`.
    pub fn remove(&mut self, name: &str) {
        self.leave(name);
        self.nodes.remove(name);
    }

    /// Judges `workload` again for every class.
    pub fn rejudge(&mut self, workload: &Arc<ObjectKey>, judge: impl Fn(&Node) -> Option<Eligibility>) {
        for class in self.classes.values_mut() {
            match judge(&class.projected) {
                Some(eligibility) => class.eligible.insert(Arc::clone(workload), eligibility),
                None => class.eligible.remove(workload),
            };
        }
    }

    /// Forgets `workload`.
    pub fn forget(&mut self, workload: &ObjectKey) {
        for class in self.classes.values_mut() {
            class.eligible.remove(workload);
        }
    }

    /// Rebuilds all classes, by another projection.
    pub fn reclassify(&mut self, projection: Projection, judge: impl Fn(&Node) -> Eligible) {
        let nodes = std::mem::take(&mut self.nodes);
        *self = Self { projection, opened: self.opened, ..Self::default() };
        for (name, classified) in nodes {
            let class = self.open(&classified.node, &judge);
            self.insert(&name, classified.node, class);
        }
    }

    fn class_of(&self, node: &str) -> Option<&NodeClass> {
        self.classes.get(&self.class(node)?)
    }

    /// Takes `name` out of its class; a class that is empty then is dropped.
    fn leave(&mut self, name: &str) {
        let Some(id) = self.class(name) else { return };
        if let Some(class) = self.classes.get_mut(&id) {
            class.members.remove(name);
            if class.members.is_empty() {
                self.by_projected.remove(&class.projected);
                self.classes.remove(&id);
            }
        }
    }
}
