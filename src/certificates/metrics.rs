//! What is counted of certificates.

use k8s_openapi::jiff::Timestamp;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The counters; clones count into the same.
#[derive(Debug, Clone, Default)]
pub struct CertificateMetrics {
    not_after: Gauge,
    rejected: Counter,
    secret_writes: Family<WriteLabels, Counter>,
    ca_bundle_writes: Family<WriteLabels, Counter>,
    configurations_missing: Gauge,
}

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum Outcome {
    /// It is stored.
    Written,
    /// Somebody else wrote first.
    Conflict,
    /// Anything else; it is tried again.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WriteLabels {
    outcome: Outcome,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Written, Self::Conflict, Self::Failed];
}

impl CertificateMetrics {
    /// Counters that are shown at `registry`, at 0 from the beginning: Prometheus takes the first value it sees for no
    /// increase.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        for outcome in Outcome::ALL {
            metrics.secret_writes.get_or_create(&WriteLabels { outcome }).inc_by(0);
            metrics.ca_bundle_writes.get_or_create(&WriteLabels { outcome }).inc_by(0);
        }
        let registry = registry.sub_registry_with_prefix("warden_tls");
        registry.register(
            "certificate_not_after_seconds",
            "When the certificate that is served ends, in seconds since 1970; 0 while there is none",
            metrics.not_after.clone(),
        );
        registry.register(
            "certificate_rejected",
            "Certificates found in the files or the Secret that cannot be served with",
            metrics.rejected.clone(),
        );
        registry.register(
            "secret_writes",
            "Writes of the Secret with certificates and keys, by outcome",
            metrics.secret_writes.clone(),
        );
        registry.register(
            "ca_bundle_writes",
            "Writes of caBundle in a webhook configuration, by outcome",
            metrics.ca_bundle_writes.clone(),
        );
        registry.register(
            "webhook_configurations_missing",
            "Of warden's two webhook configurations, those that are not there: what they would do is not done",
            metrics.configurations_missing.clone(),
        );
        metrics
    }

    pub(super) fn serves(&self, until: Timestamp) {
        self.not_after.set(until.as_second());
    }

    pub(super) fn rejected(&self) {
        self.rejected.inc();
    }

    /// Gives whether that is news.
    pub(super) fn misses_configurations(&self, count: i64) -> bool {
        self.configurations_missing.set(count) != count
    }

    pub(super) fn secret_write(&self, outcome: Outcome) {
        self.secret_writes.get_or_create(&WriteLabels { outcome }).inc();
    }

    pub(super) fn ca_bundle_write(&self, outcome: Outcome) {
        self.ca_bundle_writes.get_or_create(&WriteLabels { outcome }).inc();
    }
}
