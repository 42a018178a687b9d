//! What admission asks about the cluster.

use futures::future::BoxFuture;
use serde_json::Value;

use crate::cluster::{
    LimitRangeReader, LimitRangesUnavailable, NamespaceStore, NamespaceUnavailable, RevisionReader,
    RevisionsUnavailable,
};
use crate::k8s::ObjectKey;
use crate::module::{Follow, Kind, Management, Workload};
use crate::peer::PeerStore;
use crate::policy::{CountBases, LimitRangeFacts, NamespaceFacts, Revision};

/// All that admission asks about the cluster around an object.
pub trait ClusterView: CountBases + Send + Sync + 'static {
    /// The facts about Namespace `name`; none where there is no such Namespace.
    ///
    /// # Errors
    /// If the watch has not shown it and the API server does not return it. The API server then applies the webhook's
    /// `failurePolicy`.
    fn namespace<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<NamespaceFacts>, NamespaceUnavailable>>;

    /// Whether warden keeps the replicas of this Deployment. False while that is not known.
    fn keeps_replicas(&self, deployment: &ObjectKey) -> bool;

    /// The revisions of the stored workload `object`.
    ///
    /// # Errors
    /// If the API server does not return them.
    fn revisions<'a>(
        &'a self,
        kind: Kind,
        object: &'a Value,
    ) -> BoxFuture<'a, Result<Vec<Revision>, RevisionsUnavailable>>;

    /// Those LimitRanges of `namespace` that refuse modules; none where LimitRanges are not known.
    ///
    /// # Errors
    /// If the API server does not return them. The review goes on without them.
    fn limit_ranges<'a>(
        &'a self,
        _namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<LimitRangeFacts>, LimitRangesUnavailable>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

/// The cluster as the watches of this process show it.
#[derive(Debug, Clone)]
pub struct WatchedCluster {
    /// The Namespaces.
    pub namespaces: NamespaceStore,
    /// The peer Deployments and their bases.
    pub peers: PeerStore,
    /// Reads the former templates of a workload.
    pub revisions: RevisionReader,
    /// Reads the LimitRanges of a Namespace.
    pub limit_ranges: LimitRangeReader,
}

impl CountBases for WatchedCluster {
    fn replicas(&self, workload: Workload<'_>, pod: &Value) -> Option<u32> {
        self.peers.count(workload, pod)
    }

    fn not_kept_apart(&self, workload: Workload<'_>) -> u32 {
        self.peers.not_kept_apart(workload)
    }

    fn offer_memory(&self, pod: &Value) -> Option<bool> {
        self.peers.offer_memory(pod)
    }

    fn may_follow(&self, workload: &Follow, from: &str) -> Option<bool> {
        self.peers.may_follow(workload, from)
    }
}

impl ClusterView for WatchedCluster {
    fn namespace<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<NamespaceFacts>, NamespaceUnavailable>> {
        Box::pin(self.namespaces.get_or_ask(name))
    }

    fn keeps_replicas(&self, deployment: &ObjectKey) -> bool {
        self.peers.management(deployment) == Some(Management::Managed)
    }

    fn revisions<'a>(
        &'a self,
        kind: Kind,
        object: &'a Value,
    ) -> BoxFuture<'a, Result<Vec<Revision>, RevisionsUnavailable>> {
        Box::pin(self.revisions.of(kind, object))
    }

    fn limit_ranges<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<LimitRangeFacts>, LimitRangesUnavailable>> {
        Box::pin(self.limit_ranges.of(namespace))
    }
}
