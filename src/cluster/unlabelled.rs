//! The module Pods that lack identity labels, and so are not known to be kept apart.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use super::UnlabelledPod;
use crate::k8s::ObjectKey;

/// The module Pods of all namespaces whose identity labels are wrong. It is empty in a cluster at rest.
#[derive(Debug, Default)]
pub struct Unlabelled {
    pods: BTreeMap<Arc<ObjectKey>, UnlabelledPod>,
    /// By the label that they lack.
    by_module: Groups<(String, String)>,
    by_deployment: Groups<ObjectKey>,
    changes: u64,
}

type Groups<K> = HashMap<K, BTreeSet<Arc<ObjectKey>>>;

impl Unlabelled {
    /// How many Pods there are.
    pub fn len(&self) -> usize {
        self.pods.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pods.is_empty()
    }

    /// How often anything of this has changed.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// All of them.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<ObjectKey>> {
        self.pods.keys()
    }

    /// What is wrong with the Pod `key`; none where its labels are right.
    pub fn get(&self, key: &ObjectKey) -> Option<&UnlabelledPod> {
        self.pods.get(key)
    }

    /// Applies the present state of Pod `key`: none if its labels are right, or it is gone. Returns the state before.
    pub fn apply(&mut self, key: &Arc<ObjectKey>, pod: Option<UnlabelledPod>) -> Option<UnlabelledPod> {
        let before = self.pods.remove(key);
        self.changes += u64::from(before != pod);
        if let Some(before) = &before {
            for module in modules_of(before) {
                remove(&mut self.by_module, &module, key);
            }
            if let Some(deployment) = deployment_of(key, before) {
                remove(&mut self.by_deployment, &deployment, key);
            }
        }
        if let Some(pod) = pod {
            for module in modules_of(&pod) {
                self.by_module.entry(module).or_default().insert(Arc::clone(key));
            }
            if let Some(deployment) = deployment_of(key, &pod) {
                self.by_deployment.entry(deployment).or_default().insert(Arc::clone(key));
            }
            self.pods.insert(Arc::clone(key), pod);
        }
        before
    }

    /// How many Pods keep the modules of `deployment` from being known to be kept apart: its own, of whatever version, and those of
    /// any workload that lack one of the labels in `modules`. Pods of other workloads that opted out do not count: one tenant must
    /// not be able to hold the bases of another.
    pub fn count<'a>(&self, deployment: &ObjectKey, modules: impl IntoIterator<Item = &'a (String, String)>) -> u32 {
        if self.pods.is_empty() {
            return 0;
        }
        let own = self.by_deployment.get(deployment).into_iter().flatten();
        let counts = |key: &&Arc<ObjectKey>| self.pods.get(*key).is_some_and(|pod| !pod.opted_out);
        let of_modules = modules.into_iter().filter_map(|module| self.by_module.get(module)).flatten().filter(counts);
        let all: BTreeSet<_> = own.chain(of_modules).collect();
        u32::try_from(all.len()).unwrap_or(u32::MAX)
    }
}

/// The modules that a Pod carries without their labels.
fn modules_of(pod: &UnlabelledPod) -> impl Iterator<Item = (String, String)> {
    pod.missing.iter().map(|(key, value)| (key.clone(), value.clone()))
}

/// The Deployment whose Pod lacks a label. A label too many keeps others off its base, but never lets one onto it.
fn deployment_of(key: &ObjectKey, pod: &UnlabelledPod) -> Option<ObjectKey> {
    let name = pod.deployment.clone().filter(|_| !pod.missing.is_empty())?;
    Some(ObjectKey { namespace: key.namespace.clone(), name })
}

fn remove<K: Hash + Eq>(groups: &mut Groups<K>, of: &K, key: &ObjectKey) {
    if let Some(pods) = groups.get_mut(of) {
        pods.remove(key);
        if pods.is_empty() {
            groups.remove(of);
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn key(namespace: &str, name: &str) -> Arc<ObjectKey> {
        Arc::new(ObjectKey { namespace: namespace.to_owned(), name: name.to_owned() })
    }

    fn module(name: &str, version: &str) -> (String, String) {
        (name.to_owned(), version.to_owned())
    }

    fn lacks(name: &str, version: &str) -> UnlabelledPod {
        UnlabelledPod {
            uid: "u".to_owned(),
            missing: [module(name, version)].into(),
            foreign: Vec::new(),
            deployment: Some("orders".to_owned()),
            opted_out: false,
        }
    }

    fn opted_out(pod: UnlabelledPod) -> UnlabelledPod {
        UnlabelledPod { opted_out: true, ..pod }
    }

    #[rstest]
    #[case::its_own("shop", lacks("orders", "1"), 1)]
    #[case::its_own_of_an_earlier_version("shop", lacks("orders", "0"), 1)]
    #[case::its_own_opted_out("shop", opted_out(lacks("orders", "1")), 1)]
    #[case::in_another_namespace("bank", lacks("orders", "1"), 1)]
    #[case::of_another_version("bank", lacks("orders", "2"), 0)]
    #[case::of_another_module("bank", lacks("stock", "1"), 0)]
    #[case::opted_out_elsewhere("bank", opted_out(lacks("orders", "1")), 0)]
    #[case::its_own_with_a_label_too_many("shop", UnlabelledPod { missing: BTreeMap::new(), foreign: vec!["x".to_owned()], ..lacks("orders", "1") }, 0)]
    fn pods_that_may_share_a_base_count(#[case] namespace: &str, #[case] pod: UnlabelledPod, #[case] count: u32) {
        let mut unlabelled = Unlabelled::default();
        unlabelled.apply(&key(namespace, "x"), Some(pod));
        assert_eq!(unlabelled.count(&key("shop", "orders"), &[module("orders", "1")]), count);
    }

    #[test]
    fn a_pod_counts_once_however_it_is_found() {
        let mut unlabelled = Unlabelled::default();
        let both = [module("orders", "1"), module("stock", "1")];
        unlabelled.apply(&key("shop", "x"), Some(UnlabelledPod { missing: both.clone().into(), ..lacks("", "") }));
        assert_eq!(unlabelled.count(&key("shop", "orders"), &both), 1);
    }

    #[test]
    fn a_pod_with_the_right_labels_leaves_nothing_behind() {
        let mut unlabelled = Unlabelled::default();
        unlabelled.apply(&key("shop", "x"), Some(lacks("orders", "1")));
        unlabelled.apply(&key("shop", "x"), Some(lacks("orders", "2")));
        assert_eq!(unlabelled.count(&key("bank", "orders"), &[module("orders", "1")]), 0);
        assert_eq!(unlabelled.apply(&key("shop", "x"), None), Some(lacks("orders", "2")));
        assert!(unlabelled.is_empty() && unlabelled.by_module.is_empty() && unlabelled.by_deployment.is_empty());
    }
}
