//! What is counted of reviews.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::Endpoint;
use super::envelope::Operation;
use crate::module::Kind;

/// The counters of all reviews; clones count into the same.
#[derive(Debug, Clone)]
pub struct Metrics {
    reviews: Family<ReviewLabels, Counter>,
    duration: Family<EndpointLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
}

/// How a review ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Admitted as it was.
    Allowed,
    /// Admitted with a patch.
    Patched,
    /// Refused.
    Denied,
    /// The body was no review.
    Undecodable,
    /// Our own fault; the API server goes by `failurePolicy`.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReviewLabels {
    endpoint: &'static str,
    kind: &'static str,
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabels {
    endpoint: &'static str,
}

/// Counts a review as in flight until it is dropped, whichever way it ends.
#[derive(Debug)]
pub(super) struct InFlight(Gauge);

impl Outcome {
    /// The outcome as the value of a metric's label.
    fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Patched => "patched",
            Self::Denied => "denied",
            Self::Undecodable => "undecodable",
            Self::Failed => "failed",
        }
    }
}

impl Metrics {
    /// Counters that are shown at `registry`; those of warden's own faults at 0 from the beginning: Prometheus takes the first
    /// value that it sees for no increase, and the first fault is to raise an alert.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            reviews: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            in_flight: Gauge::default(),
        };
        for endpoint in [Endpoint::Mutate, Endpoint::Validate].map(Endpoint::name) {
            for kind in Kind::ALL.map(Kind::name) {
                for operation in [Operation::Create, Operation::Update].map(Operation::name) {
                    let labels = ReviewLabels { endpoint, kind, operation, outcome: Outcome::Failed.name() };
                    metrics.reviews.get_or_create(&labels).inc_by(0);
                }
            }
        }
        let registry = registry.sub_registry_with_prefix("warden_admission");
        registry.register(
            "reviews",
            "Reviews answered, by endpoint, kind, operation and outcome",
            metrics.reviews.clone(),
        );
        registry.register(
            "review_duration_seconds",
            "Time from a review's last byte received to its answer",
            metrics.duration.clone(),
        );
        registry.register("reviews_in_flight", "Reviews being answered now", metrics.in_flight.clone());
        metrics
    }

    pub(super) fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    pub(super) fn count(&self, endpoint: Endpoint, kind: &'static str, operation: &'static str, outcome: Outcome) {
        let (endpoint, outcome) = (endpoint.name(), outcome.name());
        self.reviews.get_or_create(&ReviewLabels { endpoint, kind, operation, outcome }).inc();
    }

    pub(super) fn observe(&self, endpoint: Endpoint, duration: Duration) {
        self.duration.get_or_create(&EndpointLabels { endpoint: endpoint.name() }).observe(duration.as_secs_f64());
    }
}

/// From a tenth of a millisecond, which a review takes, to the three seconds that the API server waits.
const BUCKETS: [f64; 10] = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0];

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
