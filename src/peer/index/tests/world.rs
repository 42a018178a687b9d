//! A small cluster as its API server holds it, and what the watches tell of it.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::cluster::{DeploymentFacts, FollowedFacts, PodFacts, Spelling};
use crate::cluster::{DeploymentView, NodeView, PodView};
use crate::fit::Node;
use crate::k8s::{ObjectKey, Update};
use crate::module::FollowedKind;
use crate::peer::Change;
use crate::policy::NamespaceFacts;
use crate::vocabulary as keys;

/// All that a cluster holds, and what its watches have still to tell.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) nodes: BTreeMap<String, Value>,
    pub(super) namespaces: BTreeMap<String, NamespaceFacts>,
    pub(super) deployments: BTreeMap<ObjectKey, Value>,
    pub(super) pods: BTreeMap<ObjectKey, Value>,
    /// The workloads of the one kind that is followed; none until its watch has its first list.
    pub(super) followed: Option<BTreeMap<ObjectKey, FollowedFacts>>,
    told: BTreeMap<&'static str, VecDeque<Change>>,
    version: u64,
}

pub(super) fn key(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey { namespace: namespace.to_owned(), name: name.to_owned() }
}

/// The facts of a Node.
pub(super) fn node_facts(object: &Value) -> Node {
    crate::cluster::node_facts(serde_json::from_value::<NodeView>(object.clone()).unwrap())
}

/// The facts of a Deployment.
pub(super) fn deployment_facts(object: &Value) -> DeploymentFacts {
    serde_json::from_value::<DeploymentView>(object.clone()).unwrap().into()
}

/// The facts of a Pod.
pub(super) fn pod_facts(object: &Value) -> PodFacts {
    serde_json::from_value::<PodView>(object.clone()).unwrap().into()
}

fn label(spelling: Spelling, key: keys::Dialects) -> &'static str {
    if spelling == Spelling::Current { key.current } else { key.older }
}

/// Whether the watch of `spelling` shows an object whose label `key` must be `value`.
fn shows(object: Option<&Value>, spelling: Spelling, key: keys::Dialects, value: &str) -> bool {
    object.is_some_and(|object| object["metadata"]["labels"][label(spelling, key)] == value)
}

pub(super) fn is_peer(object: &Value) -> bool {
    Spelling::ALL.into_iter().any(|it| shows(Some(object), it, keys::STRATEGY, keys::STRATEGY_PEER))
}

pub(super) fn is_module(object: &Value) -> bool {
    Spelling::ALL.into_iter().any(|it| shows(Some(object), it, keys::COMPONENT, keys::COMPONENT_MODULE))
}

impl World {
    /// Takes the next thing that watch `number` (of those that have any) tells.
    pub(super) fn next(&mut self, number: usize) -> Option<Change> {
        let waiting: Vec<_> =
            self.told.iter().filter(|(_, queue)| !queue.is_empty()).map(|(watch, _)| *watch).collect();
        let watch = waiting.get(number.checked_rem(waiting.len())?)?;
        self.told.get_mut(watch)?.pop_front()
    }

    pub(super) fn set_node(&mut self, name: &str, object: Option<Value>) {
        let news = match object {
            Some(mut object) => {
                object["metadata"]["name"] = json!(name);
                let object = self.stamped(object);
                self.nodes.insert(name.to_owned(), object.clone());
                Update::Apply(name.to_owned(), node_facts(&object))
            }
            None => {
                self.nodes.remove(name);
                Update::Delete(name.to_owned())
            }
        };
        self.tell("nodes", Change::Node(news));
    }

    pub(super) fn set_namespace(&mut self, name: &str, facts: Option<NamespaceFacts>) {
        let news = match facts {
            Some(facts) => {
                self.namespaces.insert(name.to_owned(), facts.clone());
                Update::Apply(name.to_owned(), facts)
            }
            None => {
                self.namespaces.remove(name);
                Update::Delete(name.to_owned())
            }
        };
        self.tell("namespaces", Change::Namespace(news));
    }

    pub(super) fn set_deployment(&mut self, key: &ObjectKey, object: Option<Value>) {
        let object = object.map(|object| self.stamped(object));
        let before = match object.clone() {
            Some(object) => self.deployments.insert(key.clone(), object),
            None => self.deployments.remove(key),
        };
        for spelling in Spelling::ALL {
            let shows = |object| shows(object, spelling, keys::STRATEGY, keys::STRATEGY_PEER);
            if let Some(object) = object.as_ref().filter(|object| shows(Some(object))) {
                let news = Update::Apply(key.clone(), deployment_facts(object));
                self.tell(watch("deployments", spelling), Change::Deployment(spelling, news));
            } else if shows(before.as_ref()) {
                let news = Update::Delete(key.clone());
                self.tell(watch("deployments", spelling), Change::Deployment(spelling, news));
            }
        }
    }

    pub(super) fn set_pod(&mut self, key: &ObjectKey, object: Option<Value>) {
        let object = object.map(|object| self.stamped(object));
        let before = match object.clone() {
            Some(object) => self.pods.insert(key.clone(), object),
            None => self.pods.remove(key),
        };
        for spelling in Spelling::ALL {
            let shows = |object| shows(object, spelling, keys::COMPONENT, keys::COMPONENT_MODULE);
            if let Some(object) = object.as_ref().filter(|object| shows(Some(object))) {
                let news = Update::Apply(key.clone(), pod_facts(object));
                self.tell(watch("pods", spelling), Change::Pod(spelling, news));
            } else if shows(before.as_ref()) {
                self.tell(watch("pods", spelling), Change::Pod(spelling, Update::Delete(key.clone())));
            }
        }
    }

    pub(super) fn set_followed(&mut self, key: &ObjectKey, facts: Option<FollowedFacts>) {
        let is_first = self.followed.is_none();
        let all = self.followed.get_or_insert_default();
        let update = match facts {
            Some(facts) => {
                all.insert(key.clone(), facts.clone());
                Update::Apply(key.clone(), facts)
            }
            None => {
                all.remove(key);
                Update::Delete(key.clone())
            }
        };
        let update = if is_first { Update::Reset(all.clone().into_iter().collect()) } else { update };
        self.tell("followed", Change::Followed(FollowedKind::StatefulSet, update));
    }

    /// Every watch lists all again: what it has not told yet is in the list.
    pub(super) fn list_again(&mut self) {
        self.told.clear();
        let nodes = self.nodes.iter().map(|(name, object)| (name.clone(), node_facts(object))).collect();
        self.tell("nodes", Change::Node(Update::Reset(nodes)));
        let namespaces = self.namespaces.clone().into_iter().collect();
        self.tell("namespaces", Change::Namespace(Update::Reset(namespaces)));
        for spelling in Spelling::ALL {
            let list = self.deployments.iter();
            let list = list.filter(|(_, it)| shows(Some(it), spelling, keys::STRATEGY, keys::STRATEGY_PEER));
            let list = list.map(|(key, object)| (key.clone(), deployment_facts(object))).collect();
            self.tell(watch("deployments", spelling), Change::Deployment(spelling, Update::Reset(list)));
            let list = self.pods.iter();
            let list = list.filter(|(_, it)| shows(Some(it), spelling, keys::COMPONENT, keys::COMPONENT_MODULE));
            let list = list.map(|(key, object)| (key.clone(), pod_facts(object))).collect();
            self.tell(watch("pods", spelling), Change::Pod(spelling, Update::Reset(list)));
        }
        if let Some(all) = self.followed.clone() {
            let list = all.into_iter().collect();
            self.tell("followed", Change::Followed(FollowedKind::StatefulSet, Update::Reset(list)));
        }
    }

    fn tell(&mut self, watch: &'static str, change: Change) {
        self.told.entry(watch).or_default().push_back(change);
    }

    fn stamped(&mut self, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        object
    }
}

fn watch(objects: &str, spelling: Spelling) -> &'static str {
    match (objects, spelling) {
        ("deployments", Spelling::Current) => "deployments, current",
        ("deployments", Spelling::Older) => "deployments, older",
        (_, Spelling::Current) => "pods, current",
        (_, Spelling::Older) => "pods, older",
    }
}
