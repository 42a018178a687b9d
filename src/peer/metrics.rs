//! The metrics of the controller of peer Deployments.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Hold;
use crate::k8s::{ControllerWrites, WriteMetrics};

/// What the controller writes: the values of the label `what` of `warden_writes_total`.
pub(super) mod what {
    /// The replicas of a Deployment.
    pub(in crate::peer) const SCALE: &str = "scale";
    /// The mark of a Pod of a departed base, with its deletion cost.
    pub(in crate::peer) const MARK: &str = "mark";
    /// The removal of a mark.
    pub(in crate::peer) const UNMARK: &str = "unmark";
    /// The deletion of a marked Pod.
    pub(in crate::peer) const DELETE: &str = "delete";
    /// The state annotation of a Deployment.
    pub(in crate::peer) const STATE: &str = "state";

    pub(super) const ALL: [&str; 5] = [SCALE, MARK, UNMARK, DELETE, STATE];
}

/// The metrics of the controller. Clones count into the same.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(super) writes: ControllerWrites,
    pub(super) held: Family<HoldLabels, Gauge>,
    pub(super) shared_hosts: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct HoldLabels {
    pub(super) reason: &'static str,
}

impl Metrics {
    /// Gauges that are registered at `registry`, at 0 from the beginning; the controller's writes are counted by `writes`.
    pub fn register(registry: &mut Registry, writes: &WriteMetrics) -> Self {
        let metrics = Self {
            writes: writes.of_controller("peer", &what::ALL),
            held: Family::default(),
            shared_hosts: Gauge::default(),
        };
        for reason in Hold::NAMES {
            metrics.held.get_or_create(&HoldLabels { reason }).set(0);
        }
        let registry = registry.sub_registry_with_prefix("warden_peer");
        registry.register(
            "held",
            "Peer Deployments whose replicas are held and were reported as such, by reason",
            metrics.held.clone(),
        );
        registry.register(
            "shared_hostname_deployments",
            "Peer Deployments that count fewer bases because several share a host name",
            metrics.shared_hosts.clone(),
        );
        metrics
    }
}
