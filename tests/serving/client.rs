//! An HTTP client that hides nothing of its connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use hyper::client::conn::{http1, http2};
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ALL_VERSIONS, AlertDescription, ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::server::LIMIT;

/// Calls one server, over a new connection each time.
#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    trusted: Arc<RootCertStore>,
    versions: Vec<&'static SupportedProtocolVersion>,
    protocol: Option<&'static str>,
    own: Option<Arc<OwnCertificate>>,
}

/// The certificate by which a client is known, and its key.
pub(crate) struct OwnCertificate {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Client {
    /// A client of the server at `address`, whose certificate is signed by `authority`.
    pub(crate) fn new(address: SocketAddr, authority: &str) -> Self {
        let mut trusted = RootCertStore::empty();
        trusted.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
        Self { address, trusted: Arc::new(trusted), versions: ALL_VERSIONS.to_vec(), protocol: None, own: None }
    }

    /// Speaks these versions of TLS only.
    pub(crate) fn speaking(self, versions: &[&'static SupportedProtocolVersion]) -> Self {
        Self { versions: versions.to_vec(), ..self }
    }

    /// Offers this application protocol (`h2`, `http/1.1`).
    pub(crate) fn offering(self, protocol: &'static str) -> Self {
        Self { protocol: Some(protocol), ..self }
    }

    /// Shows this certificate to those who ask for one.
    pub(crate) fn known_by(self, own: OwnCertificate) -> Self {
        Self { own: Some(Arc::new(own)), ..self }
    }

    /// A connection after its handshake.
    pub(crate) async fn connect(&self) -> TlsStream<TcpStream> {
        self.try_to_connect().await.unwrap()
    }

    async fn try_to_connect(&self) -> io::Result<TlsStream<TcpStream>> {
        let builder = ClientConfig::builder_with_protocol_versions(&self.versions);
        let builder = builder.with_root_certificates(self.trusted.clone());
        let mut config = match &self.own {
            Some(own) => builder.with_client_auth_cert(own.chain.clone(), own.key.clone_key()).unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.protocol.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        in_time(TlsConnector::from(Arc::new(config)).connect(name, stream)).await
    }

    /// Whether the server refuses this client's handshake; if not, it answers what it is asked.
    pub(crate) async fn is_refused(&self) -> bool {
        let Ok(mut stream) = self.try_to_connect().await else { return true };
        let question = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(question).await.is_err() || in_time(stream.read_u8()).await.is_err()
    }

    /// The alert by which the server refuses this client's handshake. With TLS 1.3 a client learns of it from the first
    /// thing that it reads.
    pub(crate) async fn alert(&self) -> AlertDescription {
        let error = match self.try_to_connect().await {
            Ok(mut stream) => in_time(stream.read(&mut [0])).await.expect_err("the handshake was not refused"),
            Err(error) => error,
        };
        match error.get_ref().and_then(|error| error.downcast_ref()) {
            Some(rustls::Error::AlertReceived(alert)) => *alert,
            _ => panic!("{error:?}"),
        }
    }

    /// Answers to `request`, by HTTP/1.1.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        exchange(self.connect().await, request).await
    }

    /// Answers to `requests`, all sent at once over one connection, by HTTP/2.
    pub(crate) async fn send_by_http2<const N: usize>(&self, requests: [Request<Body>; N]) -> Vec<Answer> {
        let stream = TokioIo::new(self.clone().offering("h2").connect().await);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let answers = requests.map(|request| {
            let response = sender.clone().send_request(request);
            async { Answer::read(in_time(response).await.unwrap()).await }
        });
        let answers = futures::future::join_all(answers).await;
        connection.abort();
        answers
    }

    /// Answers to `body`, posted as JSON.
    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(post(path, body)).await
    }

    /// The decision on a review.
    pub(crate) async fn review(&self, path: &str, review: &Value) -> Value {
        let answer = self.post(path, review.to_string()).await;
        assert_eq!(answer.code, 200, "{answer:?}");
        answer.json()
    }
}

impl Answer {
    async fn read(response: Response<hyper::body::Incoming>) -> Self {
        let (code, headers) = (response.status().as_u16(), response.headers().clone());
        let body = in_time(axum::body::to_bytes(Body::new(response.into_body()), usize::MAX)).await.unwrap();
        Self { code, headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// The body, which must be JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A request with `body` as JSON.
pub(crate) fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(format!("https://localhost{path}")).header("host", "localhost");
    request.header("content-type", "application/json").body(body.into()).unwrap()
}

/// Answers to `GET path`, in plain HTTP.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    exchange(stream, Request::get(path).header("host", "localhost").body(Body::empty()).unwrap()).await
}

/// Answers to `request` over this connection.
pub(crate) async fn exchange<S>(stream: S, request: Request<Body>) -> Answer
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let answer = Answer::read(in_time(sender.send_request(request)).await.unwrap()).await;
    connection.abort();
    answer
}

/// Reads until the server ends the connection, whichever way; what it said before that.
pub(crate) async fn read_to_the_end(mut stream: impl AsyncRead + Unpin) -> String {
    let mut said = Vec::new();
    match in_time(stream.read_to_end(&mut said)).await {
        Ok(_) => {}
        Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof) => {}
        Err(error) => panic!("{error}"),
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// What `future` comes to, which must be soon.
pub(crate) async fn in_time<F: IntoFuture>(future: F) -> F::Output {
    tokio::time::timeout(LIMIT, future).await.expect("nothing happened in time")
}
