//! The accept loop of a server, and its end.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use tokio_util::sync::CancellationToken;
use tower_http::timeout::TimeoutLayer;

use super::connection::ConnectionHandler;
use super::connection_limiter::ConnectionLimiter;
use super::memory_budget::MemoryBudget;
use super::request::RequestHandler;
use super::{Listener, ServerOptions, Shutdown};

/// The pause after an accept that failed: an error such as "no file descriptors left" returns immediately.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long requests in progress may still take after the drain timeout.
const FINAL_GRACE: Duration = Duration::from_millis(100);

/// Serves `router` on `listener` until `shutdown` stops it. Then waits until the requests in progress are answered and clients
/// have closed their idle connections, at most for the drain timeout.
///
/// ```
/// use std::net::{Ipv4Addr, SocketAddr};
///
/// use axum::Router;
/// use axum::routing::get;
/// use koupleless_warden::serving::{Listener, Metrics, ServerOptions, Shutdown, serve};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let listener = Listener::bind_plain(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
/// let address = listener.local_addr()?;
/// let router = Router::new().route("/healthz", get(async || "ok"));
/// let shutdown = Shutdown::default();
/// let options = ServerOptions::for_ops(Metrics::default());
/// let server = tokio::spawn(serve(listener, router, options, shutdown.clone()));
///
/// let mut client = tokio::net::TcpStream::connect(address).await?;
/// client.write_all(b"GET /healthz HTTP/1.1\r\nHost: warden\r\nConnection: close\r\n\r\n").await?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer).await?;
/// assert!(answer.ends_with("ok"));
///
/// shutdown.stop.cancel();
/// server.await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn serve(listener: Listener, router: Router, options: ServerOptions, shutdown: Shutdown) {
    let ServerOptions { timeouts, limits, metrics } = options;
    let Listener { tcp, transport } = listener;
    let router = router.layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, timeouts.request));
    let limiter = ConnectionLimiter::new(limits, metrics.clone());
    let memory = MemoryBudget::new(&limits, metrics.clone());
    let (drained, Shutdown { leaving, stop }) = (CancellationToken::new(), shutdown.clone());
    let handler = ConnectionHandler {
        transport,
        requests: RequestHandler { router, memory, leaving: leaving.clone() },
        timeouts,
        header_bytes: limits.header_bytes,
        shutdown,
        drained: drained.clone(),
        metrics,
    };
    // The first request of a connection has often arrived before the accept. The connections of a burst are read before more are
    // accepted, so that no connection is evicted before its request is read.
    let burst = limits.connections / 8;
    let mut accepted_in_a_row = 0;
    loop {
        let accepted = tokio::select! {
            accepted = tcp.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                // A client of IPv4 at a port for both families has the address [::ffff:A.B.C.D].
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                let Some(slot) = limiter.acquire() else {
                    tracing::debug!(%peer, "closed a new connection: all others have requests in progress");
                    continue;
                };
                let connection = handler.clone().serve(stream, slot);
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%peer, %error, "a connection ended early");
                    }
                });
                accepted_in_a_row += 1;
                if accepted_in_a_row >= burst {
                    accepted_in_a_row = 0;
                    tokio::task::yield_now().await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                // If file descriptors are short, closing a connection frees one for the next client.
                limiter.evict();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(tcp);
    leaving.cancel();
    if tokio::time::timeout(timeouts.drain, limiter.all_closed()).await.is_err() {
        tracing::info!(drain = ?timeouts.drain, "connections are still open after the drain timeout");
        drained.cancel();
        // For requests that are about to be answered.
        let _ = tokio::time::timeout(FINAL_GRACE, limiter.all_closed()).await;
    }
}
