//! The metrics of a server.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::eviction_queue::EvictionRank;

/// The metrics of one server. Clones count into the same.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    connections: Gauge,
    handshakes: Family<HandshakeLabels, Counter>,
    closed: Family<ClosedLabels, Counter>,
    body_memory: Gauge,
    refused_bodies: Counter,
    client_ca_rejected: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandshakeLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClosedLabels {
    reason: &'static str,
}

/// How a TLS handshake ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HandshakeOutcome {
    /// Both sides agreed.
    Completed,
    /// The client does not speak TLS, does not trust our certificate, or has no certificate that we trust.
    Failed,
    /// It took too long.
    TimedOut,
}

impl HandshakeOutcome {
    const ALL: [Self; 3] = [Self::Completed, Self::Failed, Self::TimedOut];

    fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
        }
    }
}

/// The reason why a new connection is closed: no other connection can be evicted.
const FULL: &str = "full";

/// The reason why a connection of this rank is evicted.
fn reason(rank: EvictionRank) -> &'static str {
    match rank {
        EvictionRank::Silent => "silent",
        EvictionRank::Idle => "idle",
        EvictionRank::Sending => "sending",
    }
}

const CONNECTIONS: &str = "Open connections";
const CLOSED: &str = "Connections closed because there were too many, by reason: silent or idle ones, those that were slow to \
                      send a request, or the new one because the server was full of requests in progress";

impl Metrics {
    /// Registers the metrics of the webhook's port.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        for outcome in HandshakeOutcome::ALL {
            // A counter that appears with its first value shows no increase in Prometheus.
            metrics.handshakes.get_or_create(&HandshakeLabels { outcome: outcome.name() }).inc_by(0);
        }
        metrics.start_closed_at_zero();
        let registry = registry.sub_registry_with_prefix("warden_tls");
        registry.register("connections", CONNECTIONS, metrics.connections.clone());
        registry.register("handshakes", "TLS handshakes, by outcome", metrics.handshakes.clone());
        registry.register("connections_closed", CLOSED, metrics.closed.clone());
        registry.register(
            "body_memory_bytes",
            "Estimated memory that the bodies of requests in progress take",
            metrics.body_memory.clone(),
        );
        registry.register(
            "bodies_refused",
            "Requests answered with 429 or 413 because there was no memory for them",
            metrics.refused_bodies.clone(),
        );
        registry.register(
            "client_ca_rejected",
            "Contents of the client CA file that cannot be used",
            metrics.client_ca_rejected.clone(),
        );
        metrics
    }

    /// Registers the metrics of the port for probes and metrics.
    pub fn register_ops(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        metrics.start_closed_at_zero();
        let registry = registry.sub_registry_with_prefix("warden_ops");
        registry.register("connections", CONNECTIONS, metrics.connections.clone());
        registry.register("connections_closed", CLOSED, metrics.closed.clone());
        metrics
    }

    fn start_closed_at_zero(&self) {
        let ranks = [EvictionRank::Silent, EvictionRank::Idle, EvictionRank::Sending];
        for reason in ranks.map(reason).into_iter().chain([FULL]) {
            self.closed.get_or_create(&ClosedLabels { reason }).inc_by(0);
        }
    }

    pub(super) fn add_connections(&self, more: i64) {
        self.connections.inc_by(more);
    }

    pub(super) fn handshake(&self, outcome: HandshakeOutcome) {
        self.handshakes.get_or_create(&HandshakeLabels { outcome: outcome.name() }).inc();
    }

    pub(super) fn evicted_connection(&self, rank: EvictionRank) {
        self.closed(reason(rank));
    }

    /// Counts a new connection that is closed because no other can be evicted.
    pub(super) fn rejected_connection(&self) {
        self.closed(FULL);
    }

    pub(super) fn add_body_memory(&self, more: i64) {
        self.body_memory.inc_by(more);
    }

    pub(super) fn refused_body(&self) {
        self.refused_bodies.inc();
    }

    pub(super) fn rejected_client_ca(&self) {
        self.client_ca_rejected.inc();
    }

    fn closed(&self, reason: &'static str) {
        self.closed.get_or_create(&ClosedLabels { reason }).inc();
    }
}
