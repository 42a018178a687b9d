//! The metric that shows which process leads.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Leadership;

/// Which leases this process holds. Clones set the same gauges.
#[derive(Debug, Clone, Default)]
pub struct LeaderMetrics {
    leads: Family<LeaseLabels, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LeaseLabels {
    lease: String,
}

impl LeaderMetrics {
    /// Gauges that are registered at `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("warden");
        registry.register("leads", "1 while this process holds the lease", metrics.leads.clone());
        metrics
    }

    /// Keeps the gauge of `lease`, whose leadership this is, up to date. Never ends.
    pub async fn show(self, lease: String, leadership: Leadership) {
        let labels = LeaseLabels { lease };
        loop {
            self.leads.get_or_create(&labels).set(0);
            leadership.acquired().await;
            self.leads.get_or_create(&labels).set(1);
            leadership.lost().await;
        }
    }
}
