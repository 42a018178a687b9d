//! Update of Pods.

use std::sync::Arc;

use super::presence::One;
use super::{Inventory, Pair, Woken};
use crate::cluster::{Member, PodFacts, Spelling};
use crate::k8s::{ObjectKey, Update};

impl Inventory {
    pub(super) fn take_in_pods(&mut self, spelling: Spelling, news: Update<ObjectKey, PodFacts>) -> Woken {
        let ones = self.known_pods.merge(spelling, news, |facts| facts.version);
        let mut woken = Woken::new();
        for one in ones {
            woken.append(&mut match one {
                One::Is(key, facts) => self.pod_is(&key, facts.member),
                One::Gone(key) => self.pod_is(&key, None),
            });
        }
        woken
    }

    /// Takes in what Pod `key` is to its Deployment; none where it is to nobody anything any more.
    fn pod_is(&mut self, key: &Arc<ObjectKey>, member: Option<Member>) -> Woken {
        let before = self.deployment_of.get(key).and_then(|deployment| {
            let member = self.crews.get(deployment)?.get(key)?;
            Some((Arc::clone(deployment), member.node.clone()))
        });
        let after = member.map(|member| {
            let deployment = ObjectKey { namespace: key.namespace.clone(), name: member.deployment.clone() };
            let known = self.crews.get_key_value(&deployment).map(|(known, _)| Arc::clone(known));
            (known.unwrap_or_else(|| Arc::new(deployment)), member)
        });
        let known = after.as_ref().map(|(deployment, member)| {
            self.crews.get(deployment).and_then(|crew| crew.get(key)).is_some_and(|known| known == member)
        });
        if known.unwrap_or(before.is_none()) {
            return Woken::new();
        }

        let places = [
            before.as_ref().map(|(deployment, node)| (deployment, node)),
            after.as_ref().map(|(deployment, member)| (deployment, &member.node)),
        ];
        let mut pairs: Vec<Pair> = Vec::new();
        let mut woken = Woken::new();
        for (deployment, node) in places.into_iter().flatten() {
            let Some((deployment, _)) = self.peers.get_key_value(deployment) else { continue };
            woken.insert((**deployment).clone());
            let pair = node.as_deref().map(|node| (Arc::clone(deployment), Arc::from(node)));
            pairs.extend(pair.filter(|pair| !pairs.contains(pair)));
        }
        self.settle(pairs, |inventory| {
            if let Some((deployment, _)) = before {
                inventory.leave_crew(&deployment, key);
            }
            if let Some((deployment, member)) = after {
                inventory.deployment_of.insert(Arc::clone(key), Arc::clone(&deployment));
                inventory.crews.entry(deployment).or_default().put(key, member);
            }
        });
        woken
    }

    fn leave_crew(&mut self, deployment: &ObjectKey, pod: &ObjectKey) {
        self.deployment_of.remove(pod);
        if let Some(crew) = self.crews.get_mut(deployment) {
            crew.remove(pod);
            if crew.is_empty() {
                self.crews.remove(deployment);
            }
        }
    }
}
