//! The metrics of the controller of identity labels.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::k8s::{ControllerWrites, WriteMetrics};

/// What the controller writes: the value of the label `what` of `warden_writes_total`.
pub(super) const LABEL: &str = "label";

/// The metrics of the controller. Clones count into the same.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(super) writes: ControllerWrites,
    pub(super) unlabelled: Gauge,
}

impl Metrics {
    /// A gauge that is registered at `registry`, at 0 from the beginning; the controller's writes are counted by `writes`.
    pub fn register(registry: &mut Registry, writes: &WriteMetrics) -> Self {
        let metrics = Self { writes: writes.of_controller("identity", &[LABEL]), unlabelled: Gauge::default() };
        let registry = registry.sub_registry_with_prefix("warden_identity");
        registry.register(
            "unlabelled_pods",
            "Module Pods in all namespaces whose identity labels are missing or wrong",
            metrics.unlabelled.clone(),
        );
        metrics
    }
}
