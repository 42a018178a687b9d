//! How a write to the API server ended, and the one metric family that counts all of them.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::WriteError;

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WriteOutcome {
    /// It is stored, or is no longer needed: the object is gone.
    Written,
    /// Another client wrote first, or the state that the write was decided on has changed.
    Conflict,
    /// The API server, or an admission plugin, understood the write and refused it.
    Refused,
    /// Anything else; the write is tried again.
    Failed,
}

impl WriteOutcome {
    const ALL: [Self; 4] = [Self::Written, Self::Conflict, Self::Refused, Self::Failed];

    /// The outcome of a write that gave `result`.
    pub fn of<T>(result: &Result<T, WriteError>) -> Self {
        match result {
            Ok(_) => Self::Written,
            Err(error) if error.is_conflict() => Self::Conflict,
            Err(error) if error.is_refused() => Self::Refused,
            Err(_) => Self::Failed,
        }
    }

    /// The outcome as the value of a metric's label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// The counters of all writes of this process, `warden_writes_total{controller, what, outcome}`. Clones count into the same.
#[derive(Debug, Clone, Default)]
pub struct WriteMetrics {
    writes: Family<WriteLabels, Counter>,
}

/// The counters of one controller's writes.
///
/// ```
/// use koupleless_warden::k8s::{WriteMetrics, WriteOutcome};
/// use prometheus_client::registry::Registry;
///
/// let mut registry = Registry::default();
/// let writes = WriteMetrics::register(&mut registry).of_controller("peer", &["scale"]);
/// writes.count("scale", WriteOutcome::Written);
/// let mut text = String::new();
/// prometheus_client::encoding::text::encode(&mut text, &registry)?;
/// assert!(text.contains(r#"warden_writes_total{controller="peer",what="scale",outcome="written"} 1"#));
/// # Ok::<(), std::fmt::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ControllerWrites {
    controller: &'static str,
    writes: Family<WriteLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WriteLabels {
    controller: &'static str,
    what: &'static str,
    outcome: &'static str,
}

impl WriteMetrics {
    /// Counters that are registered at `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("warden");
        registry.register(
            "writes",
            "Writes to the API server, by controller, by what was written, and by outcome",
            metrics.writes.clone(),
        );
        metrics
    }

    /// The counters of `controller`, which writes each of `whats`: at 0 from the beginning, since Prometheus does not
    /// count the first value of a series as an increase.
    pub fn of_controller(&self, controller: &'static str, whats: &[&'static str]) -> ControllerWrites {
        for &what in whats {
            for outcome in WriteOutcome::ALL {
                self.writes.get_or_create(&WriteLabels { controller, what, outcome: outcome.name() }).inc_by(0);
            }
        }
        ControllerWrites { controller, writes: self.writes.clone() }
    }
}

impl ControllerWrites {
    /// Counts one write of `what`.
    pub fn count(&self, what: &'static str, outcome: WriteOutcome) {
        let labels = WriteLabels { controller: self.controller, what, outcome: outcome.name() };
        self.writes.get_or_create(&labels).inc();
    }
}
