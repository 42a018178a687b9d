//! How many replicas a workload has, and which namespaces may know.

use serde::Deserialize;

use crate::k8s::View;
use crate::module::MAX_FOLLOWERS_BYTES;
use crate::vocabulary as keys;

/// How many replicas a workload has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WorkloadSize {
    /// As many as it should have, by `spec.replicas`.
    pub desired: u32,
    /// As many as are ready, by `status.readyReplicas`.
    pub ready: u32,
}

/// What is kept of a workload that a peer Deployment can follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowedFacts {
    /// How many replicas it has.
    pub size: WorkloadSize,
    /// Which namespaces may follow it ([`keys::FOLLOWERS`]). None where the annotation is too long to count.
    pub followers: Option<Box<str>>,
}

/// A Deployment or StatefulSet of which only its metadata and size are decoded.
pub type WorkloadView<K> = View<K, WorkloadSpec, WorkloadStatus>;

/// The spec of a [`WorkloadView`].
#[derive(Debug, Clone, Default, Deserialize)]
pub struct WorkloadSpec {
    replicas: Option<u32>,
}

/// The status of a [`WorkloadView`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadStatus {
    ready_replicas: Option<u32>,
}

impl<K> From<&WorkloadView<K>> for FollowedFacts {
    /// `status.readyReplicas` is absent where none is; `spec.replicas` never is, for the API server says 1 then.
    fn from(view: &WorkloadView<K>) -> Self {
        let size =
            WorkloadSize { desired: view.spec.replicas.unwrap_or(1), ready: view.status.ready_replicas.unwrap_or(0) };
        let followers = view.annotation(keys::FOLLOWERS).filter(|list| list.len() <= MAX_FOLLOWERS_BYTES);
        Self { size, followers: followers.map(Into::into) }
    }
}
