//! Updates of Pods.

use std::sync::Arc;

use super::{Changed, Pair, PeerIndex};
use crate::cluster::{Merged, OwnedPod, PodFacts, Spelling};
use crate::k8s::{ObjectKey, Update};

impl PeerIndex {
    pub(super) fn apply_pods(&mut self, spelling: Spelling, update: Update<ObjectKey, PodFacts>) -> Changed {
        let merged = self.known_pods.merge(spelling, update, |facts| facts.version);
        let mut changed = Changed::new();
        for object in merged {
            let (key, owned, unlabelled) = match object {
                Merged::Present(key, facts) => (key, facts.owned, facts.unlabelled.map(|unlabelled| *unlabelled)),
                Merged::Gone(key) => (key, None, None),
            };
            changed.append(&mut self.apply_pod(&key, owned));
            changed.append(&mut self.apply_unlabelled(&key, unlabelled));
        }
        changed
    }

    /// Applies the present state of Pod `key`: none if it is gone or belongs to no Deployment.
    fn apply_pod(&mut self, key: &Arc<ObjectKey>, pod: Option<OwnedPod>) -> Changed {
        let mut changed = Changed::new();
        let Some(touched) = self.owners.touched_by(key, pod.as_ref()) else {
            return changed;
        };
        let mut pairs: Vec<Pair> = Vec::new();
        for (deployment, node) in touched {
            let Some((deployment, _)) = self.peers.get_key_value(&deployment) else { continue };
            changed.insert((**deployment).clone());
            let pair = node.map(|node| (Arc::clone(deployment), node));
            pairs.extend(pair.filter(|pair| !pairs.contains(pair)));
        }
        self.update_contributions(pairs, |index| index.owners.apply(key, pod));
        changed
    }
}
