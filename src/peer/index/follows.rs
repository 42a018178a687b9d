//! Which workloads are followed, and what is known of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cluster::WorkloadSize;
use crate::k8s::ObjectKey;
use crate::module::Follow;
use crate::peer::Source;

/// The workload that a peer Deployment follows, by its annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Following {
    annotation: String,
    workload: Option<Follow>,
}

/// The followed workloads of all peer Deployments.
#[derive(Debug, Default)]
pub(super) struct Follows {
    followers: BTreeMap<Follow, BTreeSet<Arc<ObjectKey>>>,
    /// Of all that are watched; also of one that no Deployment follows any more, until its watch ends.
    sizes: BTreeMap<Follow, Option<WorkloadSize>>,
}

impl Following {
    /// Reads `annotation` of the Deployment `key`. A Deployment that follows itself follows no workload.
    pub(super) fn of(annotation: &str, key: &ObjectKey) -> Self {
        let workload = Follow::parse(annotation, &key.namespace)
            .ok()
            .filter(|workload| !workload.is_deployment(&key.namespace, &key.name));
        Self { annotation: annotation.to_owned(), workload }
    }

    /// The workload, if the annotation names one.
    pub(super) fn workload(&self) -> Option<&Follow> {
        self.workload.as_ref()
    }
}

impl Follows {
    /// The workloads that some Deployment follows.
    pub(super) fn workloads(&self) -> impl Iterator<Item = &Follow> {
        self.followers.keys()
    }

    /// The source of the replicas; none until the watch of the workload has its first list.
    pub(super) fn source(&self, following: &Following) -> Option<Source> {
        let size = match &following.workload {
            Some(workload) => *self.sizes.get(workload)?,
            None => None,
        };
        Some(Source::Followed { workload: following.annotation.clone(), size })
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

    /// Forgets `workload`, whose watch has ended.
    pub(super) fn forget(&mut self, workload: &Follow) {
        self.sizes.remove(workload);
    }

    /// Sets the size of `workload`. Returns the Deployments that follow it, if the size has changed.
    pub(super) fn set(
        &mut self,
        workload: Follow,
        size: Option<WorkloadSize>,
    ) -> impl Iterator<Item = &Arc<ObjectKey>> {
        let followers = self.followers.get(&workload);
        let changed = self.sizes.insert(workload, size) != Some(size);
        followers.filter(|_| changed).into_iter().flatten()
    }
}
