//! The metrics of the configuration.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Which configuration is active, and how reloads ended. Clones count into the same.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    reloads: Family<ReloadLabels, Counter>,
    failed: Gauge,
    info: Family<InfoLabels, Gauge>,
}

/// How a reload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReloadOutcome {
    /// The new configuration is active.
    Applied,
    /// Something in it is wrong, so the one before stays active.
    Rejected,
}

impl ReloadOutcome {
    const ALL: [Self; 2] = [Self::Applied, Self::Rejected];

    fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Rejected => "rejected",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InfoLabels {
    hash: String,
}

impl Metrics {
    /// Registers the metrics.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        for outcome in ReloadOutcome::ALL {
            // A counter that appears with its first value shows no increase in Prometheus.
            metrics.reloads.get_or_create(&ReloadLabels { outcome: outcome.name() }).inc_by(0);
        }
        let registry = registry.sub_registry_with_prefix("warden_config");
        registry.register("reloads", "Changed configuration files, by outcome", metrics.reloads.clone());
        registry.register(
            "reload_failed",
            "1 while the configuration file cannot be used and an earlier content is active",
            metrics.failed.clone(),
        );
        registry.register("info", "1, with the hash of the active configuration file", metrics.info.clone());
        metrics
    }

    /// Shows the hash of the active file.
    pub(super) fn set_active(&self, hash: &str) {
        self.info.clear();
        self.info.get_or_create(&InfoLabels { hash: hash.to_owned() }).set(1);
    }

    pub(super) fn count_reload(&self, outcome: ReloadOutcome) {
        self.reloads.get_or_create(&ReloadLabels { outcome: outcome.name() }).inc();
        self.failed.set(i64::from(outcome == ReloadOutcome::Rejected));
    }
}
