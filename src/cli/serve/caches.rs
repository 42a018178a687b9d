//! What is known of the cluster while we serve.

use std::sync::Arc;

use kube::Client;
use tokio::sync::watch;

use super::background::Background;
use crate::cluster::NamespaceStore;
use crate::peer::PeerStore;
use crate::policy::Policy;
use crate::runtime::Readiness;

/// Begins to watch. We are ready when every first list has come.
pub(super) fn watch_cluster(
    client: &Client,
    policy: watch::Receiver<Arc<Policy>>,
    background: &mut Background,
    readiness: &Readiness,
) -> (NamespaceStore, PeerStore) {
    let (namespaces, watch) = NamespaceStore::watch(client.clone());
    background.spawn("watch of Namespaces", watch);
    let (peers, watch) = PeerStore::watch(client.clone(), policy, namespaces.clone());
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
