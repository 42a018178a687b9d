//! Which Pods belong to which Deployment, by the ReplicaSets between them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::OwnedPod;
use crate::k8s::ObjectKey;

/// The Pods of every Deployment that are neither being deleted nor finished.
#[derive(Debug, Default)]
pub struct Owners {
    pods: HashMap<Arc<ObjectKey>, DeploymentPods>,
    /// The Deployment of every Pod in `pods`.
    deployment_of: HashMap<Arc<ObjectKey>, Arc<ObjectKey>>,
}

/// The Pods of one Deployment that are neither being deleted nor finished.
#[derive(Debug, Default)]
pub struct DeploymentPods {
    pods: BTreeMap<Arc<ObjectKey>, OwnedPod>,
    on_node: HashMap<Arc<str>, Vec<Arc<ObjectKey>>>,
    unhealthy: BTreeSet<Arc<ObjectKey>>,
    replica_sets: BTreeMap<String, u32>,
}

/// What a change of a Pod touches: its Deployment and its node, before and after.
pub type Touched = Vec<(Arc<ObjectKey>, Option<Arc<str>>)>;

impl Owners {
    /// The Pods of `deployment`; none where it has none.
    pub fn of(&self, deployment: &ObjectKey) -> Option<&DeploymentPods> {
        self.pods.get(deployment)
    }

    /// The Deployments and nodes that [`Self::apply`] would touch; none if it would change nothing.
    pub fn touched_by(&self, key: &ObjectKey, pod: Option<&OwnedPod>) -> Option<Touched> {
        let before = self.get(key);
        if before.map(|(_, known)| known) == pod {
            return None;
        }
        let node = |pod: &OwnedPod| pod.node.as_deref().map(Arc::from);
        let before = before.map(|(deployment, known)| (Arc::clone(deployment), node(known)));
        let after = pod.map(|pod| (self.deployment(key, pod), node(pod)));
        Some(before.into_iter().chain(after).collect())
    }

    /// Applies the present state of Pod `key`: none if it is gone, is being deleted, has finished, or has no Deployment.
    pub fn apply(&mut self, key: &Arc<ObjectKey>, pod: Option<OwnedPod>) {
        if let Some(deployment) = self.deployment_of.remove(key)
            && let Some(pods) = self.pods.get_mut(&deployment)
        {
            pods.remove(key);
            if pods.is_empty() {
                self.pods.remove(&deployment);
            }
        }
        if let Some(pod) = pod {
            let deployment = self.deployment(key, &pod);
            self.deployment_of.insert(Arc::clone(key), Arc::clone(&deployment));
            self.pods.entry(deployment).or_default().insert(key, pod);
        }
    }

    fn get(&self, key: &ObjectKey) -> Option<(&Arc<ObjectKey>, &OwnedPod)> {
        let deployment = self.deployment_of.get(key)?;
        Some((deployment, self.pods.get(deployment)?.get(key)?))
    }

    /// The key of the Deployment of `pod`, shared where it is known already.
    fn deployment(&self, key: &ObjectKey, pod: &OwnedPod) -> Arc<ObjectKey> {
        let deployment = ObjectKey { namespace: key.namespace.clone(), name: pod.deployment.clone() };
        let known = self.pods.get_key_value(&deployment).map(|(known, _)| Arc::clone(known));
        known.unwrap_or_else(|| Arc::new(deployment))
    }
}

impl DeploymentPods {
    /// What is known of one of them.
    pub fn get(&self, key: &ObjectKey) -> Option<&OwnedPod> {
        self.pods.get(key)
    }

    /// Whether one of them is on `node`.
    pub fn is_on(&self, node: &str) -> bool {
        self.on_node.contains_key(node)
    }

    /// The nodes that they are on.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<str>> {
        self.on_node.keys()
    }

    /// How many there are of each ReplicaSet, by name.
    pub fn replica_sets(&self) -> &BTreeMap<String, u32> {
        &self.replica_sets
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (&Arc<ObjectKey>, &OwnedPod)> {
        self.pods.iter()
    }

    /// Those that are unhealthy (see [`OwnedPod::is_healthy`]), and those on one of `nodes`, each once and in the order of
    /// their names.
    pub fn unhealthy_or_on<'a>(
        &'a self,
        nodes: impl Iterator<Item = &'a str>,
    ) -> impl Iterator<Item = (&'a Arc<ObjectKey>, &'a OwnedPod)> {
        let on_nodes = nodes.filter_map(|node| self.on_node.get(node)).flatten();
        let keys: BTreeSet<_> = self.unhealthy.iter().chain(on_nodes).collect();
        keys.into_iter().filter_map(|key| self.pods.get_key_value(key))
    }

    fn is_empty(&self) -> bool {
        self.pods.is_empty()
    }

    fn insert(&mut self, key: &Arc<ObjectKey>, pod: OwnedPod) {
        if let Some(node) = &pod.node {
            self.on_node.entry(Arc::from(node.as_str())).or_default().push(Arc::clone(key));
        }
        if !pod.is_healthy() {
            self.unhealthy.insert(Arc::clone(key));
        }
        *self.replica_sets.entry(pod.replica_set.clone()).or_default() += 1;
        self.pods.insert(Arc::clone(key), pod);
    }

    fn remove(&mut self, key: &ObjectKey) {
        let Some(pod) = self.pods.remove(key) else { return };
        self.unhealthy.remove(key);
        if let Some(node) = pod.node.as_deref()
            && let Some(there) = self.on_node.get_mut(node)
        {
            there.retain(|other| **other != *key);
            if there.is_empty() {
                self.on_node.remove(node);
            }
        }
        if let Some(count) = self.replica_sets.get_mut(&pod.replica_set) {
            *count -= 1;
            if *count == 0 {
                self.replica_sets.remove(&pod.replica_set);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Arc<ObjectKey> {
        Arc::new(ObjectKey { namespace: "shop".to_owned(), name: name.to_owned() })
    }

    fn pod(replica_set: &str, node: Option<&str>) -> OwnedPod {
        OwnedPod {
            deployment: "orders".to_owned(),
            replica_set: replica_set.to_owned(),
            uid: "u".to_owned(),
            node: node.map(str::to_owned),
            running: true,
            ready: true,
            deletion_cost: 0,
            marked: false,
        }
    }

    #[test]
    fn what_is_known_already_touches_nothing() {
        let mut owners = Owners::default();
        assert_eq!(owners.touched_by(&key("x"), None), None);
        owners.apply(&key("x"), Some(pod("orders-1", Some("a"))));
        assert_eq!(owners.touched_by(&key("x"), Some(&pod("orders-1", Some("a")))), None);
    }

    #[test]
    fn a_pod_that_is_bound_touches_its_deployment_and_its_node() {
        let mut owners = Owners::default();
        owners.apply(&key("x"), Some(pod("orders-1", None)));
        let bound = pod("orders-1", Some("a"));
        let touched = owners.touched_by(&key("x"), Some(&bound)).unwrap();
        assert_eq!(touched, [(key("orders"), None), (key("orders"), Some(Arc::from("a")))]);
        owners.apply(&key("x"), Some(bound));
        assert!(owners.of(&key("orders")).is_some_and(|pods| pods.is_on("a")));
    }

    #[test]
    fn what_is_gone_leaves_nothing_behind() {
        let mut owners = Owners::default();
        for (name, node) in [("x", Some("a")), ("y", Some("a")), ("z", None)] {
            owners.apply(&key(name), Some(pod("orders-1", node)));
        }
        let pods = owners.of(&key("orders")).unwrap();
        assert_eq!(pods.replica_sets(), &BTreeMap::from([("orders-1".to_owned(), 3)]));
        assert_eq!(
            pods.unhealthy_or_on(std::iter::empty()).map(|(key, _)| key.name.as_str()).collect::<Vec<_>>(),
            ["z"]
        );
        for name in ["x", "y", "z"] {
            owners.apply(&key(name), None);
        }
        assert!(owners.of(&key("orders")).is_none() && owners.deployment_of.is_empty());
    }
}
