//! One connection, from its handshake to its end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::answer::Answering;
use super::metrics::Handshake;
use super::room::Seat;
use super::{Farewell, Metrics, Patience};

/// What one connection may have buffered of a request of HTTP/1.1; its headers must fit in. Those of the API server have
/// less than 1 KiB.
const HTTP1_BUFFER: usize = 32 * 1024;

/// What one connection of HTTP/2 may have under way, as requests and as bytes: less than hyper's defaults of 200 and of
/// 1 MiB, for there may be a thousand connections. An API server that needs more opens another connection.
const HTTP2_STREAMS: u32 = 64;
const HTTP2_WINDOW: u32 = 256 * 1024;

/// How long whoever is about to ask, or is asking, when we are about to close has to come to an end with its headers.
const LAST_WORDS: Duration = Duration::from_secs(1);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What all connections of a server have in common.
#[derive(Clone)]
pub(super) struct Hosting {
    pub(super) acceptor: TlsAcceptor,
    pub(super) answering: Answering,
    pub(super) patience: Patience,
    pub(super) farewell: Farewell,
    /// Cancelled when nobody is waited for any more.
    pub(super) over: CancellationToken,
    pub(super) metrics: Metrics,
}

impl Hosting {
    /// Serves one connection to its end.
    pub(super) async fn serve(self, stream: TcpStream, seat: Arc<Seat>) -> Result<(), Failure> {
        stream.set_nodelay(true)?;
        let stream = tokio::select! {
            stream = self.handshake(stream) => stream?,
            () = seat.is_shown_out() => return Ok(()),
            () = self.is_over_for_newcomers() => return Ok(()),
        };
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let service = service_fn(|request| self.answering.clone().answer(request, Arc::clone(&seat).begins()));
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .max_buf_size(HTTP1_BUFFER)
            .http2()
            .max_concurrent_streams(HTTP2_STREAMS)
            .initial_stream_window_size(HTTP2_WINDOW)
            .initial_connection_window_size(HTTP2_WINDOW);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut patience = self.patience.headers;
        let mut is_told = false;
        loop {
            // In this order: what has been asked already is seen before the connection is closed for being idle.
            tokio::select! {
                biased;
                ended = connection.as_mut() => return ended,
                () = seat.is_quiet_for(patience) => return Err("nothing was asked".into()),
                () = seat.is_shown_out() => return Ok(()),
                () = self.has_to_end(&seat, is_http2), if !is_told => {
                    connection.as_mut().graceful_shutdown();
                    is_told = true;
                    patience = LAST_WORDS;
                }
            }
        }
    }

    async fn handshake(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
        match tokio::time::timeout(self.patience.handshake, self.acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                self.metrics.handshake(Handshake::Completed);
                Ok(stream)
            }
            Ok(Err(error)) => {
                self.metrics.handshake(Handshake::Failed);
                Err(error.into())
            }
            Err(elapsed) => {
                self.metrics.handshake(Handshake::TimedOut);
                Err(elapsed.into())
            }
        }
    }

    /// Who comes in the last moment is on its way to its first question.
    async fn is_over_for_newcomers(&self) {
        self.farewell.stop.cancelled().await;
        tokio::time::sleep(LAST_WORDS).await;
    }

    /// Waits until this connection has to come to an end.
    ///
    /// HTTP/2 can be told to go away, and is as soon as we are about to end; but not before it has asked something: one that
    /// is opened when we are leaving already has nowhere else to go yet. HTTP/1.1 cannot be told when nothing is asked, and a
    /// request that meets our closing is lost: the API server does not send a POST again. So one that was used is left to its
    /// client to close, which an API server does after 90 s without use.
    async fn has_to_end(&self, seat: &Seat, is_http2: bool) {
        let stopped = async {
            self.farewell.stop.cancelled().await;
            if !is_http2 {
                tokio::time::sleep(LAST_WORDS).await;
                if seat.asked_before() {
                    self.over.cancelled().await;
                }
            }
        };
        let leaves = async {
            self.farewell.leaving.cancelled().await;
            seat.has_asked().await;
        };
        tokio::select! {
            () = stopped => {}
            () = leaves, if is_http2 => {}
        }
    }
}
