//! What is kept of a workload that a peer Deployment follows.

use serde::Deserialize;

use super::View;
use crate::cluster::WorkloadSize;

/// A Deployment or StatefulSet as far as it is decoded when it is followed.
pub(in crate::cluster) type WorkloadView<K> = View<K, WorkloadSpec, WorkloadStatus>;

#[derive(Debug, Clone, Default, Deserialize)]
pub(in crate::cluster) struct WorkloadSpec {
    replicas: Option<u32>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cluster) struct WorkloadStatus {
    ready_replicas: Option<u32>,
}

/// Its size. `status.readyReplicas` is absent where none is; `spec.replicas` never is, for the API server says 1 then.
pub(in crate::cluster) fn size<K>(view: &WorkloadView<K>) -> WorkloadSize {
    WorkloadSize { desired: view.spec.replicas.unwrap_or(1), ready: view.status.ready_replicas.unwrap_or(0) }
}
