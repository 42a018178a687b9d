//! Updates of peer Deployments, and of the Namespaces from which their templates are filled in.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::follows::Following;
use super::unlabelled::{Modules, modules};
use super::{Changed, EligibleCount, Needs, Peer, PeerIndex, judge_all};
use crate::cluster::{DeploymentFacts, Merged, Projection, Spelling};
use crate::k8s::{ObjectKey, Update};
use crate::policy::NamespaceFacts;
use crate::vocabulary as keys;

impl PeerIndex {
    pub(super) fn apply_deployments(
        &mut self,
        spelling: Spelling,
        update: Update<ObjectKey, DeploymentFacts>,
    ) -> Changed {
        let merged = self.known_deployments.merge(spelling, update, DeploymentFacts::version);
        let mut changed = Changed::new();
        let mut to_judge = BTreeSet::new();
        let mut demands_changed = false;
        for object in merged {
            match object {
                Merged::Gone(key) => {
                    let Some(peer) = self.peers.remove(&key) else { continue };
                    self.follows.change(&key, peer.following.as_ref(), None);
                    self.peers_of_modules.change(&key, &peer.modules, &Modules::new());
                    self.classes.forget(&key);
                    to_judge.remove(&key);
                    demands_changed = true;
                    changed.insert((*key).clone());
                }
                Merged::Present(key, facts) => {
                    if self.peers.get(&key).is_some_and(|peer| peer.facts == facts) {
                        continue;
                    }
                    changed.insert((*key).clone());
                    if self.apply_deployment(&key, facts) {
                        to_judge.insert(key);
                    }
                }
            }
        }
        self.judge_again(&to_judge, demands_changed);
        changed
    }

    pub(super) fn apply_namespaces(&mut self, update: Update<String, NamespaceFacts>) -> Changed {
        let (mut to_judge, mut changed) = (BTreeSet::new(), Changed::new());
        let all: Vec<_> = match update {
            Update::Apply(name, facts) => vec![(name, Some(facts))],
            Update::Delete(name) => vec![(name, None)],
            Update::Reset(list) => {
                let listed: HashSet<_> = list.iter().map(|(name, _)| name.as_str()).collect();
                let gone = self.namespaces.keys().filter(|name| !listed.contains(name.as_str()));
                let gone: Vec<_> = gone.map(|name| (name.clone(), None)).collect();
                gone.into_iter().chain(list.into_iter().map(|(name, facts)| (name, Some(facts)))).collect()
            }
        };
        for (name, facts) in all {
            changed.extend(self.followers_by_consent(&name, facts.as_ref()));
            self.apply_namespace(name, facts, &mut to_judge, &mut changed);
        }
        self.judge_again(&to_judge, false);
        changed.extend(to_judge.into_iter().map(|key| (*key).clone()));
        changed
    }

    /// Applies the facts of a peer Deployment. Returns whether its needs have changed.
    fn apply_deployment(&mut self, key: &Arc<ObjectKey>, facts: DeploymentFacts) -> bool {
        let following = facts.follow.as_deref().map(|annotation| Following::of(annotation, key));
        let before = self.peers.get_mut(key);
        self.follows.change(key, before.as_ref().and_then(|peer| peer.following.as_ref()), following.as_ref());
        let needs = || Needs::of_stored(&self.policy, self.namespaces.get(&key.namespace), &facts.module);
        let Some(peer) = before else {
            let (needs, modules) = (needs(), modules(&facts));
            self.peers_of_modules.change(key, &Modules::new(), &modules);
            let peer = Peer { facts, following, needs, modules, eligible: EligibleCount::default() };
            self.peers.insert(Arc::clone(key), peer);
            return true;
        };
        let needs = (peer.facts.module != facts.module).then(needs).filter(|needs| *needs != peer.needs);
        let changed = needs.is_some();
        if let Some(needs) = needs {
            peer.needs = needs;
        }
        if peer.facts.module != facts.module {
            let modules = modules(&facts);
            self.peers_of_modules.change(key, &peer.modules, &modules);
            peer.modules = modules;
        }
        peer.facts = facts;
        peer.following = following;
        changed
    }

    /// The Deployments of other namespaces that follow a workload in the Namespace `name`, if these facts change what it consents to.
    fn followers_by_consent(&self, name: &str, facts: Option<&NamespaceFacts>) -> Changed {
        let consent =
            |facts: Option<&NamespaceFacts>| facts.and_then(|it| it.annotations.get(keys::FOLLOWERS)).cloned();
        if consent(self.namespaces.get(name)) == consent(facts) {
            return Changed::new();
        }
        self.follows.followers_elsewhere(name).map(|key| (**key).clone()).collect()
    }

    /// Applies the facts of a Namespace. Adds the peer Deployments whose needs change by it to `to_judge`, and those that are excluded by
    /// it, or not any more, to `changed`.
    fn apply_namespace(
        &mut self,
        name: String,
        facts: Option<NamespaceFacts>,
        to_judge: &mut BTreeSet<Arc<ObjectKey>>,
        changed: &mut Changed,
    ) {
        if self.namespaces.get(&name) == facts.as_ref() {
            return;
        }
        let first = ObjectKey { namespace: name.clone(), name: String::new() };
        let was_excluded = self.is_excluded(&first);
        for (key, peer) in self.peers.range_mut(first.clone()..).take_while(|(key, _)| key.namespace == name) {
            let needs = Needs::of_stored(&self.policy, facts.as_ref(), &peer.facts.module);
            if needs != peer.needs {
                peer.needs = needs;
                to_judge.insert(Arc::clone(key));
            }
        }
        match facts {
            Some(facts) => self.namespaces.insert(name, facts),
            None => self.namespaces.remove(&name),
        };
        if self.is_excluded(&first) != was_excluded {
            let of_namespace =
                self.peers.range(first.clone()..).take_while(|(key, _)| key.namespace == first.namespace);
            changed.extend(of_namespace.map(|(key, _)| (**key).clone()));
        }
    }

    /// Derives the needs of all peer Deployments by the policy in force. Returns those whose needs have changed.
    pub(super) fn derive_needs_again(&mut self) -> Changed {
        let mut changed = BTreeSet::new();
        for (key, peer) in &mut self.peers {
            let namespace = self.namespaces.get(&key.namespace);
            let needs = Needs::of_stored(&self.policy, namespace, &peer.facts.module);
            if needs != peer.needs {
                peer.needs = needs;
                changed.insert(Arc::clone(key));
            }
        }
        self.judge_again(&changed, false);
        changed.into_iter().map(|key| (*key).clone()).collect()
    }

    /// Judges again which nodes meet the needs of `keys`, which have changed, and counts those nodes.
    fn judge_again(&mut self, keys: &BTreeSet<Arc<ObjectKey>>, some_are_gone: bool) {
        if keys.is_empty() && !some_are_gone {
            return;
        }
        let projection = Projection::of(self.peers.values().flat_map(|peer| peer.needs.demands()));
        if projection == *self.classes.projection() {
            for key in keys {
                if let Some(peer) = self.peers.get(key) {
                    self.classes.rejudge(key, |node| peer.needs.judge(node));
                }
            }
        } else {
            // The counts of the other Deployments stay as they are: in finer classes, or in coarser ones whose difference no
            // Deployment looks at any more, they judge each node as before.
            self.classes.reclassify(projection, |node| judge_all(&self.peers, node));
        }
        for key in keys {
            let eligible = self.count_nodes(key);
            if let Some(peer) = self.peers.get_mut(key) {
                peer.eligible = eligible;
            }
        }
    }

    /// The contributions of all nodes to the count of the peer Deployment `key`.
    fn count_nodes(&self, key: &ObjectKey) -> EligibleCount {
        let mut eligible = EligibleCount::default();
        let carrying = self.owners.of(key).into_iter().flat_map(|pods| pods.nodes());
        let elsewhere = carrying.filter(|node| self.classes.eligibility(node, key).is_none());
        for node in self.classes.nodes_for(key).chain(elsewhere) {
            eligible.add(node, self.contribution(key, node));
        }
        eligible
    }
}
