//! What is kept of a workload that a peer Deployment follows.

use serde::Deserialize;

use super::View;

/// How many replicas a workload has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WorkloadSize {
    /// As many as it should have, by `spec.replicas`.
    pub desired: u32,
    /// As many as are ready, by `status.readyReplicas`.
    pub ready: u32,
}

/// A Deployment or StatefulSet as far as it is decoded when it is followed.
pub(crate) type WorkloadView<K> = View<K, WorkloadSpec, WorkloadStatus>;

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct WorkloadSpec {
    replicas: Option<u32>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkloadStatus {
    ready_replicas: Option<u32>,
}

/// Its size. `status.readyReplicas` is absent where none is; `spec.replicas` never is, for the API server says 1 then.
pub(crate) fn size<K>(view: &WorkloadView<K>) -> WorkloadSize {
    WorkloadSize { desired: view.spec.replicas.unwrap_or(1), ready: view.status.ready_replicas.unwrap_or(0) }
}
