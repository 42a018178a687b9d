//! The controllers that run under warden's own lease.

use kube::Client;
use tokio::sync::watch;

use crate::identity;
use crate::k8s::{EventRecorder, LeaderMetrics, LeaderTask, LeaseSettings};
use crate::peer::{self, PeerStore};
use crate::runtime::Detail;

/// The reporting controller of all Events.
const REPORTING_CONTROLLER: &str = "koupleless-warden";

/// What the controllers need.
pub(super) struct Controllers {
    pub(super) client: Client,
    pub(super) peers: PeerStore,
    pub(super) peer_settings: watch::Receiver<peer::Settings>,
    pub(super) peer_metrics: peer::Metrics,
    pub(super) identity_metrics: identity::Metrics,
    /// Shows how many Pods lack identity labels.
    pub(super) identity_detail: Detail,
}

impl Controllers {
    /// Starts the election over `lease`, once the caches are synced, and the controllers under it. All of them share one
    /// leadership and one Event recorder.
    pub(super) fn start(self, lease: LeaseSettings, leaders: LeaderMetrics) -> LeaderTask {
        let Self { client, peers, peer_settings, peer_metrics, identity_metrics, identity_detail } = self;
        let synced = {
            let peers = peers.clone();
            async move { peers.synced().await }
        };
        let events = EventRecorder::new(client.clone(), REPORTING_CONTROLLER, lease.identity.clone());
        LeaderTask::start(client.clone(), synced, lease, leaders, |leadership| {
            let identity = identity::Controller::new(
                client.clone(),
                peers.clone(),
                leadership.clone(),
                identity_metrics,
                identity_detail,
            );
            let peer = peer::Controller::new(client, peers, leadership, peer_settings, events.clone(), peer_metrics);
            async move {
                tokio::select! {
                    () = identity.run() => {}
                    () = peer.run() => {}
                    () = events.publish() => {}
                }
            }
        })
    }
}
