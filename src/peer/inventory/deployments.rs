//! Update of peer Deployments, and of the Namespaces from which their templates are filled in.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::follows::Following;
use super::groups::Projection;
use super::presence::One;
use super::{Inventory, Needs, Peer, Tally, Woken, judge_all};
use crate::cluster::{DeploymentFacts, Spelling};
use crate::k8s::{ObjectKey, Update};
use crate::policy::NamespaceFacts;

impl Inventory {
    pub(super) fn take_in_deployments(
        &mut self,
        spelling: Spelling,
        news: Update<ObjectKey, DeploymentFacts>,
    ) -> Woken {
        let ones = self.known_deployments.merge(spelling, news, DeploymentFacts::version);
        let mut woken = Woken::new();
        let mut to_judge = BTreeSet::new();
        let mut demands_changed = false;
        for one in ones {
            match one {
                One::Gone(key) => {
                    let Some(peer) = self.peers.remove(&key) else { continue };
                    self.follows.change(&key, peer.following.as_ref(), None);
                    self.groups.forget(&key);
                    to_judge.remove(&key);
                    demands_changed = true;
                    woken.insert((*key).clone());
                }
                One::Is(key, facts) => {
                    if self.peers.get(&key).is_some_and(|peer| peer.facts == facts) {
                        continue;
                    }
                    woken.insert((*key).clone());
                    if self.deployment_is(&key, facts) {
                        to_judge.insert(key);
                    }
                }
            }
        }
        self.judge_again(&to_judge, demands_changed);
        woken
    }

    pub(super) fn take_in_namespaces(&mut self, news: Update<String, NamespaceFacts>) -> Woken {
        let mut changed = BTreeSet::new();
        match news {
            Update::Apply(name, facts) => self.namespace_is(name, Some(facts), &mut changed),
            Update::Delete(name) => self.namespace_is(name, None, &mut changed),
            Update::Reset(list) => {
                let listed: HashSet<_> = list.iter().map(|(name, _)| name.as_str()).collect();
                let gone = self.namespaces.keys().filter(|name| !listed.contains(name.as_str()));
                for name in gone.cloned().collect::<Vec<_>>() {
                    self.namespace_is(name, None, &mut changed);
                }
                for (name, facts) in list {
                    self.namespace_is(name, Some(facts), &mut changed);
                }
            }
        }
        self.judge_again(&changed, false);
        changed.into_iter().map(|key| (*key).clone()).collect()
    }

    /// Takes in a peer Deployment, and says whether its needs have changed.
    fn deployment_is(&mut self, key: &Arc<ObjectKey>, facts: DeploymentFacts) -> bool {
        let following = facts.follow.as_deref().map(|annotation| Following::of(annotation, key));
        let before = self.peers.get_mut(key);
        self.follows.change(key, before.as_ref().and_then(|peer| peer.following.as_ref()), following.as_ref());
        let needs = || Needs::of_stored(&self.policy, self.namespaces.get(&key.namespace), &facts.module);
        let Some(peer) = before else {
            let needs = needs();
            self.peers.insert(Arc::clone(key), Peer { facts, following, needs, tally: Tally::default() });
            return true;
        };
        let needs = (peer.facts.module != facts.module).then(needs).filter(|needs| *needs != peer.needs);
        let changed = needs.is_some();
        if let Some(needs) = needs {
            peer.needs = needs;
        }
        peer.facts = facts;
        peer.following = following;
        changed
    }

    /// Takes in what a Namespace says, and adds to `changed` the peer Deployments whose needs are others by it.
    fn namespace_is(&mut self, name: String, facts: Option<NamespaceFacts>, changed: &mut BTreeSet<Arc<ObjectKey>>) {
        if self.namespaces.get(&name) == facts.as_ref() {
            return;
        }
        let first = ObjectKey { namespace: name.clone(), name: String::new() };
        for (key, peer) in self.peers.range_mut(first..).take_while(|(key, _)| key.namespace == name) {
            let needs = Needs::of_stored(&self.policy, facts.as_ref(), &peer.facts.module);
            if needs != peer.needs {
                peer.needs = needs;
                changed.insert(Arc::clone(key));
            }
        }
        match facts {
            Some(facts) => self.namespaces.insert(name, facts),
            None => self.namespaces.remove(&name),
        };
    }

    /// Derives what the peer Deployments need by the policy there is, and gives back those that need something else now.
    pub(super) fn derive_needs_again(&mut self) -> Woken {
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

    /// Judges for which nodes the needs of `keys`, which have changed, are met, and adds these up.
    fn judge_again(&mut self, keys: &BTreeSet<Arc<ObjectKey>>, some_are_gone: bool) {
        if keys.is_empty() && !some_are_gone {
            return;
        }
        let projection = Projection::of(self.peers.values().flat_map(|peer| peer.needs.demands()));
        if projection == *self.groups.projection() {
            for key in keys {
                if let Some(peer) = self.peers.get(key) {
                    self.groups.rejudge(key, |node| peer.needs.judge(node));
                }
            }
        } else {
            // What the other Deployments add up to stays as it is: in finer groups, or in coarser ones where nobody looks at
            // the difference any more, they judge each node as before.
            self.groups.regroup(projection, |node| judge_all(&self.peers, node));
        }
        for key in keys {
            let tally = self.add_up(key);
            if let Some(peer) = self.peers.get_mut(key) {
                peer.tally = tally;
            }
        }
    }

    /// The shares of all nodes in the peer Deployment `key`.
    fn add_up(&self, key: &ObjectKey) -> Tally {
        let mut tally = Tally::default();
        let carrying = self.crews.get(key).into_iter().flat_map(|crew| crew.nodes());
        let elsewhere = carrying.filter(|node| self.groups.suits(node, key).is_none());
        for node in self.groups.nodes_for(key).chain(elsewhere) {
            tally.put(node, self.share(key, node));
        }
        tally
    }
}
