//! What is counted of peer Deployments.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Hold;

/// The counters of the controller; clones count into the same.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    pub(super) writes: Family<WriteLabels, Counter>,
    pub(super) held: Family<HoldLabels, Gauge>,
    pub(super) shared_hosts: Gauge,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum What {
    /// The replicas.
    Scale,
    /// The deletion cost of a departed base's Pod.
    Mark,
    /// Its removal.
    Unmark,
    /// The deletion of such a Pod.
    Delete,
    /// The line on the Deployment.
    Status,
}

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum Outcome {
    /// It is stored, or needed no more: the Pod is gone by now.
    Written,
    /// Somebody else wrote first, or what it was decided on is not so any more.
    Conflict,
    /// It was understood, and refused.
    Refused,
    /// Anything else; it is tried again.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct WriteLabels {
    pub(super) what: What,
    pub(super) outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct HoldLabels {
    pub(super) reason: &'static str,
}

impl What {
    const ALL: [Self; 5] = [Self::Scale, Self::Mark, Self::Unmark, Self::Delete, Self::Status];
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Written, Self::Conflict, Self::Refused, Self::Failed];
}

impl Metrics {
    /// Counters that are shown at `registry`, at 0 from the beginning: Prometheus takes the first value it sees for no
    /// increase.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        for what in What::ALL {
            for outcome in Outcome::ALL {
                metrics.writes.get_or_create(&WriteLabels { what, outcome }).inc_by(0);
            }
        }
        for reason in Hold::NAMES {
            metrics.held.get_or_create(&HoldLabels { reason }).set(0);
        }
        let registry = registry.sub_registry_with_prefix("warden_peer");
        registry.register(
            "writes",
            "Writes to the API server, by what was written and outcome",
            metrics.writes.clone(),
        );
        registry.register(
            "held",
            "Peer Deployments whose replicas are held for so long that people were told, by reason",
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
