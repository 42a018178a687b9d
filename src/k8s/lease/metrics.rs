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

    /// Keeps the gauge of `lease`, whose leadership this is, up to date. Never ends. When this is dropped, the gauge is 0: the
    /// metrics of a process that shuts down are read while the next leader writes.
    pub async fn show(self, lease: String, leadership: Leadership) {
        let gauge = ZeroOnDrop(self.leads.get_or_create(&LeaseLabels { lease }).clone());
        loop {
            gauge.0.set(0);
            leadership.acquired().await;
            gauge.0.set(1);
            leadership.lost().await;
        }
    }
}

struct ZeroOnDrop(Gauge);

impl Drop for ZeroOnDrop {
    fn drop(&mut self) {
        self.0.set(0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_process_that_stops_does_not_show_that_it_leads() {
        // Given a leader
        let metrics = LeaderMetrics::default();
        let gauge = metrics.leads.get_or_create(&LeaseLabels { lease: "warden".to_owned() }).clone();
        let (term, leadership) = Leadership::new();
        term.publish(Some(Instant::now() + Duration::from_secs(3600)));
        let mut show = Box::pin(metrics.show("warden".to_owned(), leadership));
        assert!((&mut show).now_or_never().is_none());
        assert_eq!(gauge.get(), 1);
        // When it stops
        drop(show);
        // Then the gauge shows that
        assert_eq!(gauge.get(), 0);
    }
}
