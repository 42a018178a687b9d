//! What is kept of a workload that a peer Deployment follows.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::View;

/// A Deployment or StatefulSet as far as it is decoded when it is followed.
pub(in crate::cluster) type WorkloadView<K> = View<K, IgnoredAny, WorkloadStatus>;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cluster) struct WorkloadStatus {
    ready_replicas: Option<u32>,
}

/// Its `status.readyReplicas`, which is absent where none is.
pub(in crate::cluster) fn ready<K>(view: &WorkloadView<K>) -> u32 {
    view.status.ready_replicas.unwrap_or(0)
}
