//! Which workloads are followed, and what is known of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::Namespaces;
use crate::cluster::{FollowedFacts, WorkloadSize};
use crate::k8s::{ObjectKey, Update};
use crate::module::{Follow, FollowedKind};
use crate::peer::Source;
use crate::vocabulary as keys;

/// The workload that a peer Deployment follows, by its annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Following {
    annotation: String,
    workload: Option<Follow>,
    /// The namespace of the Deployment.
    from: String,
}

/// The followed workloads of all peer Deployments.
#[derive(Debug, Default)]
pub(super) struct Follows {
    followers: BTreeMap<Follow, BTreeSet<Arc<ObjectKey>>>,
    /// All workloads of each kind whose watch has its first list, followed or not: so a Deployment that follows another one needs no
    /// other list.
    workloads: BTreeMap<FollowedKind, HashMap<ObjectKey, FollowedFacts>>,
}

impl Following {
    /// Reads `annotation` of the Deployment `key`. A Deployment that follows itself follows no workload.
    pub(super) fn of(annotation: &str, key: &ObjectKey) -> Self {
        let workload = Follow::parse(annotation, &key.namespace)
            .ok()
            .filter(|workload| !workload.is_deployment(&key.namespace, &key.name));
        Self { annotation: annotation.to_owned(), workload, from: key.namespace.clone() }
    }

    /// The workload, if the annotation names one.
    pub(super) fn workload(&self) -> Option<&Follow> {
        self.workload.as_ref()
    }
}

impl Follows {
    /// The kinds of which some Deployment follows a workload.
    pub(super) fn kinds(&self) -> BTreeSet<FollowedKind> {
        let first = |kind| Follow { kind, namespace: String::new(), name: String::new() };
        let is_followed = |kind: &FollowedKind| {
            self.followers.range(first(*kind)..).next().is_some_and(|(workload, _)| workload.kind == *kind)
        };
        FollowedKind::ALL.into_iter().filter(is_followed).collect()
    }

    /// The source of the replicas; none until the watch of the workload's kind has its first list.
    ///
    /// A workload in another namespace that does not consent looks exactly like one that does not exist.
    pub(super) fn source(&self, following: &Following, namespaces: &Namespaces) -> Option<Source> {
        let size = match &following.workload {
            Some(workload) => self.size(workload, &following.from, namespaces)?,
            None => None,
        };
        Some(Source::Followed { workload: following.annotation.clone(), size })
    }

    /// The size of `workload` that Deployments in the namespace `from` may know; none outside until the watch of its kind has its first
    /// list, and inside where it does not exist or does not consent.
    pub(super) fn size(&self, workload: &Follow, from: &str, namespaces: &Namespaces) -> Option<Option<WorkloadSize>> {
        let facts = self.workloads.get(&workload.kind)?.get(&key_of(workload));
        Some(size_for(facts, workload, from, namespaces))
    }

    /// `key` follows `now`, and `before` no more.
    pub(super) fn change(&mut self, key: &Arc<ObjectKey>, before: Option<&Following>, now: Option<&Following>) {
        let workload = |following: Option<&Following>| following.and_then(Following::workload).cloned();
        let (before, now) = (workload(before), workload(now));
        if before == now {
            return;
        }
        if let Some(now) = now {
            self.followers.entry(now).or_default().insert(Arc::clone(key));
        }
        if let Some(before) = before
            && let Some(followers) = self.followers.get_mut(&before)
        {
            followers.remove(key);
            if followers.is_empty() {
                self.followers.remove(&before);
            }
        }
    }

    /// Forgets the workloads of `kind`, whose watch has ended.
    pub(super) fn forget(&mut self, kind: FollowedKind) {
        self.workloads.remove(&kind);
    }

    /// Applies an update of the watch of `kind`. Returns the Deployments for which it makes a difference.
    pub(super) fn apply(
        &mut self,
        kind: FollowedKind,
        update: Update<ObjectKey, FollowedFacts>,
        namespaces: &Namespaces,
    ) -> BTreeSet<ObjectKey> {
        let (key, now) = match update {
            Update::Reset(list) => {
                let now: HashMap<_, _> = list.into_iter().collect();
                let before = self.workloads.insert(kind, now);
                let changed = self.followers.iter().filter(|(workload, _)| workload.kind == kind);
                let changed = changed.flat_map(|(workload, followers)| {
                    let key = key_of(workload);
                    let now = self.workloads[&kind].get(&key);
                    // Before the first list the Deployment had no snapshot.
                    let before = before.as_ref().map(|before| before.get(&key));
                    followers.iter().filter(move |follower| {
                        let size = |facts| size_for(facts, workload, &follower.namespace, namespaces);
                        before.is_none_or(|before| size(before) != size(now))
                    })
                });
                return changed.map(|key| (**key).clone()).collect();
            }
            Update::Apply(key, facts) => (key, Some(facts)),
            Update::Delete(key) => (key, None),
        };
        let workloads = self.workloads.entry(kind).or_default();
        let before = match now.clone() {
            Some(now) => workloads.insert(key.clone(), now),
            None => workloads.remove(&key),
        };
        let workload = Follow { kind, namespace: key.namespace, name: key.name };
        let followers = self.followers.get(&workload).into_iter().flatten();
        let changed = followers.filter(|follower| {
            let size =
                |facts: &Option<FollowedFacts>| size_for(facts.as_ref(), &workload, &follower.namespace, namespaces);
            size(&before) != size(&now)
        });
        changed.map(|key| (**key).clone()).collect()
    }

    /// The Deployments of other namespaces that follow a workload in `namespace`.
    pub(super) fn followers_elsewhere(&self, namespace: &str) -> impl Iterator<Item = &Arc<ObjectKey>> {
        let there = self.followers.iter().filter(move |(workload, _)| workload.namespace == namespace);
        there.flat_map(|(_, followers)| followers).filter(move |follower| follower.namespace != namespace)
    }
}

fn key_of(workload: &Follow) -> ObjectKey {
    ObjectKey { namespace: workload.namespace.clone(), name: workload.name.clone() }
}

/// The size that Deployments in the namespace `from` may know; none where the workload does not exist or does not consent.
fn size_for(
    facts: Option<&FollowedFacts>,
    workload: &Follow,
    from: &str,
    namespaces: &Namespaces,
) -> Option<WorkloadSize> {
    let of_namespace = namespaces.get(&workload.namespace);
    let of_namespace = of_namespace.and_then(|facts| facts.annotations.get(keys::FOLLOWERS)).map(String::as_str);
    let facts = facts?;
    workload.is_open_to(from, [facts.followers.as_deref(), of_namespace]).then_some(facts.size)
}
