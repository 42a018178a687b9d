//! What a server grants its clients: time, connections, memory.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Metrics;

/// How long each part of an exchange may take before the server closes the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// The TLS handshake.
    pub handshake: Duration,
    /// The headers of a request, counted from the end of the handshake or of the request before. An idle connection is
    /// therefore kept for as long.
    pub headers: Duration,
    /// The body of a request, and our answer.
    pub request: Duration,
    /// What is in progress when the server is told to stop, and idle connections of HTTP/1.1.
    pub drain: Duration,
}

impl Default for Timeouts {
    /// The timeouts of the webhook. kube-apiserver closes an idle connection after 90 s. `headers` and `drain` are longer, so
    /// that the server never closes a connection that kube-apiserver is about to use: a request that meets the close is lost.
    /// kube-apiserver gives up on a request after the 3 s of our webhook configuration.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { handshake: seconds(10), headers: seconds(100), request: seconds(10), drain: seconds(95) }
    }
}

/// How much all clients of a server may take at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open connections. To accept one more, the server evicts another: first a connection that never sent a request, then
    /// the one that has been idle for the longest time.
    pub connections: usize,
    /// How long a new connection may take to send its first request, and a request to arrive, before the connection counts as
    /// one that can be evicted early. Both usually take some milliseconds.
    pub grace: Duration,
    /// Bytes that the server buffers of a request over HTTP/1.1, at least 8 KiB. The headers of a request must fit in; the
    /// server answers longer ones with 431 and closes the connection. HTTP/2 has a fixed limit of 16 KiB.
    pub header_bytes: usize,
    /// Estimated bytes of memory for the headers of all requests in progress, and for up to 1 MiB of each body.
    pub body_memory: usize,
    /// Estimated bytes of memory for what bodies take beyond that.
    pub large_body_memory: usize,
}

impl Default for Limits {
    /// The limits of the webhook. An API server needs few connections, but other clients may open many. Its headers take less
    /// than 1 KiB.
    ///
    /// 32 MiB hold the bodies of a hundred ordinary reviews, and each is answered within a millisecond or two of its last byte.
    /// Another 160 MiB hold any one object that etcd stores, but not two of the worst at a time: the update of a Deployment
    /// with 10,000 variables is estimated at 90 MiB, since its managed fields alone are 80,000 small objects. Both together and
    /// the 30 MiB of an idle process stay below the memory limit of the chart.
    fn default() -> Self {
        Self {
            connections: 1024,
            grace: Duration::from_secs(1),
            header_bytes: 32 * KIB,
            body_memory: 32 * 1024 * KIB,
            large_body_memory: 160 * 1024 * KIB,
        }
    }
}

const KIB: usize = 1024;

/// The options of one server.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// How long clients may take.
    pub timeouts: Timeouts,
    /// How much clients may take.
    pub limits: Limits,
    /// Where the server counts connections and requests.
    pub metrics: Metrics,
}

impl ServerOptions {
    /// The options of the port for probes and metrics. A kubelet and a few Prometheus servers need a handful of connections;
    /// what any number of other clients can take stays at about 2 MiB for headers and one rendered page of metrics for each
    /// connection. Requests have no bodies there.
    pub fn for_ops(metrics: Metrics) -> Self {
        let timeout = Duration::from_secs(5);
        let timeouts = Timeouts { handshake: timeout, headers: timeout, request: timeout, drain: Duration::ZERO };
        let limits = Limits {
            connections: 128,
            header_bytes: 16 * KIB,
            body_memory: 128 * 16 * KIB,
            large_body_memory: 0,
            ..Limits::default()
        };
        Self { timeouts, limits, metrics }
    }
}

/// Tells a server to shut down, in two stages. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Cancelled when the process is about to end but still serves: each answer then asks its client to open the next
    /// connection to another replica, so that no client is connected when the server stops.
    pub leaving: CancellationToken,
    /// Cancelled when the server must stop: it accepts no more connections, and closes the open ones when their requests are
    /// answered or their clients close them.
    pub stop: CancellationToken,
}
