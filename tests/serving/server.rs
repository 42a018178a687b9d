//! A server of our own, and Namespaces as a test wants them.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use koupleless_warden::admission::{Metrics, Reviewer, http};
use koupleless_warden::cluster::{Namespaces, NamespacesUnavailable, NoPeers, Peers};
use koupleless_warden::policy::{NamespaceFacts, Policy};
use koupleless_warden::tls::{self, Patience};
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::client::Client;

/// How long a test waits for what must come; it comes at once where all is well. Less than any default of [`Patience`].
pub(crate) const LIMIT: Duration = Duration::from_secs(8);

/// The webhook on a port of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) registry: Arc<Registry>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    certificate: String,
}

/// A certificate and its key in a folder.
pub(crate) struct Certificate {
    folder: TempDir,
    pub(crate) pem: String,
}

/// Namespaces that answer as a function does.
pub(crate) struct Answering<F>(pub(crate) F);

/// Namespaces that keep a review waiting until it is let go.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    reached: Arc<Notify>,
    open: Arc<Notify>,
}

impl Server {
    /// A server for a cluster whose Namespaces say nothing.
    pub(crate) async fn start() -> Self {
        Self::with(Answering(nothing_said), Patience::default()).await
    }

    /// A server for clients that are in a hurry.
    pub(crate) async fn patient(patience: Patience) -> Self {
        Self::with(Answering(nothing_said), patience).await
    }

    pub(crate) async fn with(namespaces: impl Namespaces, patience: Patience) -> Self {
        Self::among(namespaces, NoPeers, patience).await
    }

    /// A server for a cluster with peer Deployments.
    pub(crate) async fn among(namespaces: impl Namespaces, peers: impl Peers, patience: Patience) -> Self {
        let certificate = Certificate::new();
        let config = tls::server_config(&certificate.file("tls.crt"), &certificate.file("tls.key")).unwrap();
        let listener = tls::Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), config).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (reviewer, registry) = reviewer_among(namespaces, peers);
        let stop = CancellationToken::new();
        let task = tokio::spawn(tls::serve(listener, http::router(reviewer), patience, stop.clone()));
        Self { address, registry, stop, task, certificate: certificate.pem.clone() }
    }

    /// A client that trusts this server.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address, &self.certificate)
    }

    /// Tells the server to stop.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until the server has ended.
    pub(crate) async fn ended(self) {
        tokio::time::timeout(LIMIT, self.task).await.expect("the server did not end").unwrap();
    }
}

/// A reviewer by the default policy, and what is counted of it.
pub(crate) fn reviewer(namespaces: impl Namespaces) -> (Reviewer, Arc<Registry>) {
    reviewer_among(namespaces, NoPeers)
}

fn reviewer_among(namespaces: impl Namespaces, peers: impl Peers) -> (Reviewer, Arc<Registry>) {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    (Reviewer::new(Policy::default(), Arc::new(namespaces), Arc::new(peers), metrics), Arc::new(registry))
}

/// What a cluster answers whose Namespaces say nothing.
pub(crate) fn nothing_said(_: &str) -> Result<Option<NamespaceFacts>, NamespacesUnavailable> {
    Ok(Some(NamespaceFacts::default()))
}

impl<F> Namespaces for Answering<F>
where
    F: Fn(&str) -> Result<Option<NamespaceFacts>, NamespacesUnavailable> + Send + Sync + 'static,
{
    fn facts<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<NamespaceFacts>, NamespacesUnavailable>> {
        async move { (self.0)(name) }.boxed()
    }
}

impl Gate {
    /// Waits until a review is under way.
    pub(crate) async fn reached(&self) {
        tokio::time::timeout(LIMIT, self.reached.notified()).await.expect("no review is under way");
    }

    /// Lets the review go on.
    pub(crate) fn open(&self) {
        self.open.notify_one();
    }
}

impl Namespaces for Gate {
    fn facts<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<NamespaceFacts>, NamespacesUnavailable>> {
        async move {
            self.reached.notify_one();
            self.open.notified().await;
            Ok(None)
        }
        .boxed()
    }
}

impl Certificate {
    /// A certificate for `localhost`, as `tls.crt` and `tls.key`.
    pub(crate) fn new() -> Self {
        tls::install_crypto_provider();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = Self { folder: tempfile::tempdir().unwrap(), pem: made.cert.pem() };
        std::fs::write(certificate.file("tls.crt"), made.cert.pem()).unwrap();
        std::fs::write(certificate.file("tls.key"), made.signing_key.serialize_pem()).unwrap();
        certificate
    }

    /// The path of `name` in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path of a file with `text` in it.
    pub(crate) fn written(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.file(name), text).unwrap();
        self.file(name)
    }
}
