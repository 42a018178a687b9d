//! Connections, from the TCP accept to the last answer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tower_http::timeout::TimeoutLayer;

/// How long to wait after a failed accept: such an error (no file descriptors left) comes back at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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
    /// All that is under way when the server is told to stop.
    pub drain: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { handshake: seconds(10), headers: seconds(100), request: seconds(10), drain: seconds(15) }
    }
}

/// A bound port with the certificate to serve there. The certificate is checked before the port is bound.
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

/// Serves `router` until `stop`, then lets the requests under way finish.
pub async fn serve(listener: Listener, router: Router, patience: Patience, stop: CancellationToken) {
    let router = router.layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, patience.request));
    let acceptor = TlsAcceptor::from(listener.config);
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.tcp.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = connection(stream, acceptor.clone(), router.clone(), patience, graceful.watcher());
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%peer, %error, "a connection ended early");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener.tcp);
    if tokio::time::timeout(patience.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(drain = ?patience.drain, "requests were still under way when the time to drain was over");
    }
}

async fn connection(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    router: Router,
    patience: Patience,
    watcher: Watcher,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let stream = tokio::time::timeout(patience.handshake, acceptor.accept(stream)).await??;
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.headers)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(patience.headers));
    let asked = CancellationToken::new();
    let service = router.map_request({
        let asked = asked.clone();
        move |request: Request<Incoming>| {
            asked.cancel();
            request
        }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).into_owned();
    tokio::select! {
        ended = watcher.watch(connection) => ended,
        () = silence(patience.headers, asked) => Err("nothing was asked".into()),
    }
}

/// Comes back when nothing was asked for so long. hyper's own limits begin later: for HTTP/1.1 with the bytes that tell it
/// from HTTP/2, for HTTP/2 with the first ping.
async fn silence(patience: Duration, asked: CancellationToken) {
    if tokio::time::timeout(patience, asked.cancelled()).await.is_ok() {
        std::future::pending().await
    }
}
