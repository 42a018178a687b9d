//! Connections, from the TCP accept to the last answer, and how much of everything clients may have.

mod answer;
mod bodies;
mod client_auth;
mod connection;
mod line;
mod metrics;
mod room;
mod tls;
mod weight;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower_http::timeout::TimeoutLayer;

use self::answer::Answering;
use self::bodies::Bodies;
pub use self::client_auth::{ClientAuthority, ClientCaError, ClientCaFault};
use self::connection::Hosting;
pub use self::metrics::Metrics;
use self::room::Room;
pub use self::tls::{TlsSettings, TlsVersion, server_config};

/// How long to wait after a failed accept: such an error (no file descriptors left) comes back at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long requests have that are under way when the time to drain is over.
const LAST_MOMENT: Duration = Duration::from_millis(100);

/// How long clients may take over each part of a call before they are cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The TLS handshake.
    pub handshake: Duration,
    /// The headers of a request, from the end of the handshake or of the request before; so an idle connection is kept as
    /// long. Longer than the 90 s after which the API server drops an idle one, so that it is never we who close a
    /// connection it is about to use.
    pub headers: Duration,
    /// The rest of a request and our answer. The API server gives up after the 3 s of our webhook configuration.
    pub request: Duration,
    /// All that is under way when the server is told to stop, and idle connections of HTTP/1.1: longer than the 90 s after
    /// which the API server drops one, for a request that meets our closing is lost.
    pub drain: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { handshake: seconds(10), headers: seconds(100), request: seconds(10), drain: seconds(95) }
    }
}

/// How much clients may have at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections. For one more, another one is closed: whoever never asked anything, then whoever has been idle longest.
    /// An API server needs few, but there may be many a stranger.
    pub connections: usize,
    /// For so long a new connection counts as one that is about to ask, and a request that is being sent as one that is
    /// about to be complete. Both take some milliseconds.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 1024, grace: Duration::from_secs(1) }
    }
}

/// On what terms clients are served.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// How long they may take.
    pub patience: Patience,
    /// How much they may have.
    pub limits: Limits,
    /// Where they are counted.
    pub metrics: Metrics,
}

/// How a server is told that its end is near.
#[derive(Debug, Clone, Default)]
pub struct Farewell {
    /// Cancelled when we are about to end and go on serving for a while: clients are told with each answer to open their next
    /// connection elsewhere, so that at the end none meets a closed one.
    pub leaving: CancellationToken,
    /// Cancelled at the end: no connection is accepted any more, and those there are end with the requests under way, or when
    /// their clients let go of them.
    pub stop: CancellationToken,
}

/// A bound port, and how TLS is spoken there. Certificates are checked before the port is bound.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    config: Arc<ServerConfig>,
}

impl Listener {
    /// Binds `address`.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(address: SocketAddr, config: Arc<ServerConfig>) -> io::Result<Self> {
        Ok(Self { tcp: TcpListener::bind(address).await?, config })
    }

    /// The address bound, its port chosen by the system where none was asked for.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// Serves `router` until it is told to stop, then lets the requests under way finish, and clients that keep a connection open
/// let go of it.
pub async fn serve(listener: Listener, router: Router, terms: Terms, farewell: Farewell) {
    let Terms { patience, limits, metrics } = terms;
    let router = router.layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, patience.request));
    let room = Room::new(limits, metrics.clone());
    let answering = Answering { router, bodies: Bodies::new(metrics.clone()), leaving: farewell.leaving.clone() };
    let (over, Farewell { leaving, stop }) = (CancellationToken::new(), farewell.clone());
    let hosting = Hosting {
        acceptor: TlsAcceptor::from(listener.config),
        answering,
        patience,
        farewell,
        over: over.clone(),
        metrics,
    };
    loop {
        let accepted = tokio::select! {
            accepted = listener.tcp.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(seat) = room.enter() else {
                    tracing::debug!(%peer, "a connection is turned away: all others are busy");
                    continue;
                };
                let connection = hosting.clone().serve(stream, seat);
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%peer, %error, "a connection ended early");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                // Where file descriptors are what is short, the next one finds one.
                room.make_room();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener.tcp);
    leaving.cancel();
    if tokio::time::timeout(patience.drain, room.is_empty()).await.is_err() {
        tracing::info!(drain = ?patience.drain, "connections were still open when the time to drain was over");
        over.cancel();
        // Whoever is answered at this moment.
        let _ = tokio::time::timeout(LAST_MOMENT, room.is_empty()).await;
    }
}
