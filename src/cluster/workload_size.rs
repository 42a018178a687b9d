//! How many replicas a workload has.

use serde::Deserialize;

use crate::k8s::View;

/// How many replicas a workload has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WorkloadSize {
    /// As many as it should have, by `spec.replicas`.
    pub desired: u32,
    /// As many as are ready, by `status.readyReplicas`.
    pub ready: u32,
}

/// A Deployment or StatefulSet of which only its size is decoded.
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

impl<K> From<&WorkloadView<K>> for WorkloadSize {
    /// `status.readyReplicas` is absent where none is; `spec.replicas` never is, for the API server says 1 then.
    fn from(view: &WorkloadView<K>) -> Self {
        Self { desired: view.spec.replicas.unwrap_or(1), ready: view.status.ready_replicas.unwrap_or(0) }
    }
}
