//! Pods that lack identity labels, and the peer Deployments that they hold.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::{Changed, PeerIndex};
use crate::cluster::{DeploymentFacts, Unlabelled, UnlabelledPod};
use crate::k8s::ObjectKey;
use crate::module::{Kind, Workload, identity_labels};

/// The modules of a Deployment: the identity labels of its Pods.
pub(super) type Modules = BTreeSet<(String, String)>;

/// Which peer Deployments have which module.
#[derive(Debug, Default)]
pub(super) struct PeersOfModules {
    peers: HashMap<(String, String), BTreeSet<Arc<ObjectKey>>>,
}

impl PeersOfModules {
    /// The Deployment `key` has the modules `now`, and those of `before` no more.
    pub(super) fn change(&mut self, key: &Arc<ObjectKey>, before: &Modules, now: &Modules) {
        for module in before.difference(now) {
            if let Some(peers) = self.peers.get_mut(module) {
                peers.remove(key);
                if peers.is_empty() {
                    self.peers.remove(module);
                }
            }
        }
        for module in now.difference(before) {
            self.peers.entry(module.clone()).or_default().insert(Arc::clone(key));
        }
    }

    fn of(&self, module: (&String, &String)) -> impl Iterator<Item = &Arc<ObjectKey>> {
        let module = (module.0.clone(), module.1.clone());
        self.peers.get(&module).into_iter().flatten()
    }
}

/// The modules that the Pods of a Deployment carry.
pub(super) fn modules(facts: &DeploymentFacts) -> Modules {
    identity_labels(&Workload::new(Kind::Deployment, &facts.module).template()).into_iter().collect()
}

impl PeerIndex {
    /// The module Pods whose identity labels are wrong.
    pub fn unlabelled(&self) -> &Unlabelled {
        &self.unlabelled
    }

    /// Applies what is wrong with the identity labels of Pod `key`. Returns the peer Deployments that it holds, or held before.
    pub(super) fn apply_unlabelled(&mut self, key: &Arc<ObjectKey>, pod: Option<UnlabelledPod>) -> Changed {
        if self.unlabelled.get(key) == pod.as_ref() {
            return Changed::new();
        }
        let mut changed = self.held_by(key, pod.as_ref());
        let before = self.unlabelled.apply(key, pod);
        changed.append(&mut self.held_by(key, before.as_ref()));
        changed
    }

    fn held_by(&self, key: &ObjectKey, pod: Option<&UnlabelledPod>) -> Changed {
        let Some(pod) = pod else { return Changed::new() };
        let own = pod.deployment.clone().map(|name| ObjectKey { namespace: key.namespace.clone(), name });
        let own = own.into_iter().filter(|own| self.peers.contains_key(own));
        let of_modules = pod.missing.iter().flat_map(|module| self.peers_of_modules.of(module));
        own.chain(of_modules.map(|key| (**key).clone())).collect()
    }
}
