//! What is counted of configurations.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Which configuration is in force, and how reloads end; clones show the same.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    reloads: Family<ReloadLabels, Counter>,
    failed: Gauge,
    info: Family<InfoLabels, Gauge>,
}

/// How a reload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum Outcome {
    /// It is in force.
    Applied,
    /// Something in it is wrong: the one before stays in force.
    Rejected,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InfoLabels {
    hash: String,
}

impl Metrics {
    /// Counters that are shown at `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        for outcome in [Outcome::Applied, Outcome::Rejected] {
            drop(metrics.reloads.get_or_create(&ReloadLabels { outcome }));
        }
        let registry = registry.sub_registry_with_prefix("warden_config");
        registry.register("reloads", "Changed configuration files, by outcome", metrics.reloads.clone());
        registry.register(
            "reload_failed",
            "1 while the configuration file cannot be used and an earlier one is in force",
            metrics.failed.clone(),
        );
        registry.register("info", "1, with the hash of the configuration file in force", metrics.info.clone());
        metrics
    }

    /// A file of this hash is in force.
    pub(super) fn in_force(&self, hash: &str) {
        self.info.clear();
        self.info.get_or_create(&InfoLabels { hash: hash.to_owned() }).set(1);
    }

    pub(super) fn reloaded(&self, outcome: Outcome) {
        self.reloads.get_or_create(&ReloadLabels { outcome }).inc();
        self.failed.set(i64::from(outcome == Outcome::Rejected));
    }
}
