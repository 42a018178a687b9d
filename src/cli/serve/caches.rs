//! The caches of the cluster that reviews and controllers use.

use std::sync::Arc;

use kube::Client;
use tokio::sync::watch;

use super::background_tasks::BackgroundTasks;
use crate::cluster::{NamespaceSelector, NamespaceStore};
use crate::peer::PeerStore;
use crate::policy::Policy;
use crate::runtime::Readiness;

/// Starts the watches. Peer Deployments in the Namespaces `excluded`, and in those that `selector` does not select, are left alone. The
/// process is ready when the first list of each is complete.
pub(super) fn watch_cluster(
    client: &Client,
    policy: watch::Receiver<Arc<Policy>>,
    excluded: &[String],
    selector: NamespaceSelector,
    background: &mut BackgroundTasks,
    readiness: &Readiness,
) -> (NamespaceStore, PeerStore) {
    let (namespaces, watch) = NamespaceStore::watch(client.clone(), selector);
    background.spawn("watch of Namespaces", watch);
    let (peers, watch) = PeerStore::watch(client.clone(), policy, namespaces.clone(), excluded);
    background.spawn("watches of bases and peer Deployments", watch);
    background.ready_when(readiness.condition("namespaces-synced"), {
        let namespaces = namespaces.clone();
        async move { namespaces.synced().await }
    });
    background.ready_when(readiness.condition("peers-synced"), {
        let peers = peers.clone();
        async move { peers.synced().await }
    });
    (namespaces, peers)
}
