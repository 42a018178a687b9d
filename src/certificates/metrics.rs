//! The metrics of certificates.

use k8s_openapi::jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The metrics of certificates. Clones count into the same. Writes are counted by [`crate::k8s::WriteMetrics`].
#[derive(Debug, Clone, Default)]
pub struct CertificateMetrics {
    not_after: Gauge,
    rejected: Counter,
    configurations_missing: Gauge,
}

impl CertificateMetrics {
    /// Registers the metrics.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("warden_tls");
        registry.register(
            "certificate_not_after_seconds",
            "When the served certificate ends, as Unix time; 0 while there is none",
            metrics.not_after.clone(),
        );
        registry.register(
            "certificate_rejected",
            "Certificates in the files or the Secret that cannot be served",
            metrics.rejected.clone(),
        );
        registry.register(
            "webhook_configurations_missing",
            "How many of warden's two webhook configurations are missing",
            metrics.configurations_missing.clone(),
        );
        metrics
    }

    pub(super) fn set_not_after(&self, until: Timestamp) {
        self.not_after.set(until.as_second());
    }

    pub(super) fn rejected(&self) {
        self.rejected.inc();
    }

    /// Returns whether the count has changed.
    pub(super) fn set_configurations_missing(&self, count: i64) -> bool {
        self.configurations_missing.set(count) != count
    }
}
