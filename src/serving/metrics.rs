//! What is counted of connections.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::line::Rank;

/// The counters of a server; clones count into the same.
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
    outcome: Handshake,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClosedLabels {
    reason: &'static str,
}

/// How a handshake ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum Handshake {
    /// Well.
    Completed,
    /// The other side spoke something else, trusts another authority, or has no certificate that we trust.
    Failed,
    /// It took too long.
    TimedOut,
}

/// Why a new connection is closed.
const FULL: &str = "full";

/// Why one that was there is closed.
fn of_rank(rank: Rank) -> &'static str {
    match rank {
        Rank::Silent => "silent",
        Rank::Idle => "idle",
        Rank::Sending => "sending",
    }
}

impl Metrics {
    /// Counters that are shown at `registry`, at 0 from the beginning: Prometheus takes the first value it sees for no
    /// increase.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        for outcome in [Handshake::Completed, Handshake::Failed, Handshake::TimedOut] {
            metrics.handshakes.get_or_create(&HandshakeLabels { outcome }).inc_by(0);
        }
        for reason in [Rank::Silent, Rank::Idle, Rank::Sending].map(of_rank).into_iter().chain([FULL]) {
            metrics.closed.get_or_create(&ClosedLabels { reason }).inc_by(0);
        }
        let registry = registry.sub_registry_with_prefix("warden_tls");
        registry.register("connections", "Connections there are, whatever they do", metrics.connections.clone());
        registry.register("handshakes", "TLS handshakes, by outcome", metrics.handshakes.clone());
        registry.register(
            "connections_closed",
            "Connections closed because there were too many: silent or idle ones, those that took long to send a request, \
             or the new one, by reason",
            metrics.closed.clone(),
        );
        registry.register(
            "body_memory_bytes",
            "Memory that the bodies of requests under way take, as it is estimated",
            metrics.body_memory.clone(),
        );
        registry.register(
            "bodies_refused",
            "Requests answered by 429 or 413 because their bodies found no room in memory",
            metrics.refused_bodies.clone(),
        );
        registry.register(
            "client_ca_rejected",
            "Contents of the client CA file that cannot be used",
            metrics.client_ca_rejected.clone(),
        );
        metrics
    }

    pub(super) fn connections(&self, more: i64) {
        self.connections.inc_by(more);
    }

    pub(super) fn handshake(&self, outcome: Handshake) {
        self.handshakes.get_or_create(&HandshakeLabels { outcome }).inc();
    }

    pub(super) fn shown_out(&self, rank: Rank) {
        self.closed(of_rank(rank));
    }

    /// A new connection, when all others were busy.
    pub(super) fn turned_away(&self) {
        self.closed(FULL);
    }

    pub(super) fn body_memory(&self, more: i64) {
        self.body_memory.inc_by(more);
    }

    pub(super) fn refused_body(&self) {
        self.refused_bodies.inc();
    }

    pub(in crate::serving) fn rejected_client_ca(&self) {
        self.client_ca_rejected.inc();
    }

    fn closed(&self, reason: &'static str) {
        self.closed.get_or_create(&ClosedLabels { reason }).inc();
    }
}
