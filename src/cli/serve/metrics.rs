//! All metrics of the process.

use prometheus_client::registry::Registry;

use crate::k8s::{LeaderMetrics, WriteMetrics};
use crate::{admission, certificates, identity, peer, serving, settings};

/// The metrics of each room.
pub(super) struct Metrics {
    pub(super) settings: settings::Metrics,
    pub(super) reviews: admission::Metrics,
    pub(super) peers: peer::Metrics,
    pub(super) identity: identity::Metrics,
    pub(super) certificates: certificates::CertificateMetrics,
    pub(super) leaders: LeaderMetrics,
    pub(super) writes: WriteMetrics,
    pub(super) webhook: serving::Metrics,
    pub(super) ops: serving::Metrics,
}

impl Metrics {
    /// Registers all of them.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let writes = WriteMetrics::register(registry);
        Self {
            settings: settings::Metrics::register(registry),
            reviews: admission::Metrics::register(registry),
            peers: peer::Metrics::register(registry, &writes),
            identity: identity::Metrics::register(registry, &writes),
            certificates: certificates::CertificateMetrics::register(registry),
            leaders: LeaderMetrics::register(registry),
            writes,
            webhook: serving::Metrics::register(registry),
            ops: serving::Metrics::register_ops(registry),
        }
    }
}
