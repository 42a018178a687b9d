//! One connection, from its handshake to its end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::connection_limiter::ConnectionSlot;
use super::listener::Transport;
use super::metrics::HandshakeOutcome;
use super::request::RequestHandler;
use super::{Metrics, Shutdown, Timeouts};

/// Concurrent requests of one connection over HTTP/2. hyper's default is 200, and there may be a thousand connections. An API
/// server that needs more opens another connection.
const HTTP2_STREAMS: u32 = 64;
/// Bytes of bodies that one connection over HTTP/2 may have in flight. hyper's default is 1 MiB.
const HTTP2_WINDOW: u32 = 256 * 1024;
/// Bytes of headers of one request over HTTP/2, and of all requests of a connection that await decoding. This is hyper's default
/// too; it is set here so that an update of hyper cannot raise it.
const HTTP2_HEADERS: u32 = 16 * 1024;

/// How long a client whose request is on its way has to complete the headers when the connection is about to close.
const LAST_REQUEST: Duration = Duration::from_secs(1);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What all connections of a server share.
#[derive(Clone)]
pub(super) struct ConnectionHandler {
    pub(super) transport: Transport,
    pub(super) requests: RequestHandler,
    pub(super) timeouts: Timeouts,
    /// See [`super::Limits::header_bytes`].
    pub(super) header_bytes: usize,
    pub(super) shutdown: Shutdown,
    /// Cancelled when the drain timeout is over.
    pub(super) drained: CancellationToken,
    pub(super) metrics: Metrics,
}

impl ConnectionHandler {
    /// Serves one connection until it closes.
    pub(super) async fn serve(self, stream: TcpStream, slot: Arc<ConnectionSlot>) -> Result<(), Failure> {
        stream.set_nodelay(true)?;
        let Transport::Tls(acceptor) = &self.transport else {
            return self.serve_http(stream, &slot, false).await;
        };
        let stream = tokio::select! {
            stream = self.handshake(acceptor, stream) => stream?,
            () = slot.evicted() => return Ok(()),
            () = self.stopped_before_first_request() => return Ok(()),
        };
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        self.serve_http(stream, &slot, is_http2).await
    }

    async fn handshake(&self, acceptor: &TlsAcceptor, stream: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
        match tokio::time::timeout(self.timeouts.handshake, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                self.metrics.handshake(HandshakeOutcome::Completed);
                Ok(stream)
            }
            Ok(Err(error)) => {
                self.metrics.handshake(HandshakeOutcome::Failed);
                Err(error.into())
            }
            Err(elapsed) => {
                self.metrics.handshake(HandshakeOutcome::TimedOut);
                Err(elapsed.into())
            }
        }
    }

    async fn serve_http<S>(&self, stream: S, slot: &Arc<ConnectionSlot>, is_http2: bool) -> Result<(), Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request| self.requests.clone().handle(request, Arc::clone(slot).begin_request()));
        let builder = self.http();
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut idle_timeout = self.timeouts.headers;
        let mut is_closing = false;
        loop {
            // In this order, a request that has arrived is seen before the connection is closed for being idle.
            tokio::select! {
                biased;
                ended = connection.as_mut() => return ended,
                () = slot.idle_for(idle_timeout) => return Err("no request arrived in time".into()),
                () = slot.evicted() => return Ok(()),
                () = self.must_close(slot, is_http2), if !is_closing => {
                    connection.as_mut().graceful_shutdown();
                    is_closing = true;
                    idle_timeout = LAST_REQUEST;
                }
            }
        }
    }

    /// HTTP with limits. Over plain TCP only HTTP/1.1 is spoken, since probes and Prometheus speak nothing else.
    fn http(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .max_buf_size(self.header_bytes)
            .http2()
            .max_header_list_size(HTTP2_HEADERS)
            .max_concurrent_streams(HTTP2_STREAMS)
            .initial_stream_window_size(HTTP2_WINDOW)
            .initial_connection_window_size(HTTP2_WINDOW);
        match self.transport {
            Transport::Plain => builder.http1_only(),
            Transport::Tls(_) => builder,
        }
    }

    /// Waits until the server has stopped, and then for as long as a handshake and the headers of a first request may take.
    async fn stopped_before_first_request(&self) {
        self.shutdown.stop.cancelled().await;
        tokio::time::sleep(LAST_REQUEST).await;
    }

    /// Waits until the server has to close this connection.
    ///
    /// Over HTTP/2 the server can ask the client to go away, and does so as soon as the process is about to end, but not before
    /// the first request: the client of a connection that is opened during the shutdown delay has no other replica yet. Over
    /// HTTP/1.1 the server can ask only in an answer, and a request that meets the close is lost, since the API server does not
    /// send a POST again. A connection that was used is therefore left for its client to close, which an API server does after
    /// 90 s without a request.
    async fn must_close(&self, slot: &ConnectionSlot, is_http2: bool) {
        let stopped = async {
            self.shutdown.stop.cancelled().await;
            if !is_http2 {
                tokio::time::sleep(LAST_REQUEST).await;
                if slot.had_request() {
                    self.drained.cancelled().await;
                }
            }
        };
        let leaving = async {
            self.shutdown.leaving.cancelled().await;
            slot.first_request().await;
        };
        tokio::select! {
            () = stopped => {}
            () = leaving, if is_http2 => {}
        }
    }
}
