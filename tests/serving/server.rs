//! A webhook server within the test's process, and Namespaces that answer as a test wants.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use koupleless_warden::admission::{ClusterView, Metrics, OwnUser, Reviewer, http};
use koupleless_warden::cluster::{NamespaceUnavailable, RevisionsUnavailable};
use koupleless_warden::k8s::ObjectKey;
use koupleless_warden::module::{Kind, Workload};
use koupleless_warden::policy::{CountBases, NamespaceFacts, Policy, Revision};
use koupleless_warden::runtime;
use koupleless_warden::serving::{self, ClientCaFile, Listener, ServerOptions, Shutdown, Timeouts, TlsSettings};
use prometheus_client::registry::Registry;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::client::{Client, in_time};

/// How long a test waits for something that comes at once unless there is a fault. Less than any default of [`Timeouts`].
pub(crate) const LIMIT: Duration = Duration::from_secs(8);

/// The user name of warden at the API server.
pub(crate) const WARDEN: &str = "system:serviceaccount:shop:warden";

/// The webhook on a port of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) registry: Arc<Registry>,
    shutdown: Shutdown,
    task: JoinHandle<()>,
    certificate: String,
}

/// A certificate and its key in a folder.
pub(crate) struct Certificate {
    folder: TempDir,
    pub(crate) pem: String,
}

/// A cluster without peer Deployments, whose Namespaces answer as a function returns.
pub(crate) struct Answering<F>(pub(crate) F);

/// A cluster whose Namespaces keep a review waiting until the gate is opened.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    reached: Arc<Notify>,
    open: Arc<Notify>,
}

impl Server {
    /// A server for a cluster whose Namespaces have no settings.
    pub(crate) async fn start() -> Self {
        Self::with(Answering(nothing_said), Timeouts::default()).await
    }

    /// A server with these timeouts.
    pub(crate) async fn with_timeouts(timeouts: Timeouts) -> Self {
        Self::with(Answering(nothing_said), timeouts).await
    }

    /// A server for this cluster.
    pub(crate) async fn with(cluster: impl ClusterView, timeouts: Timeouts) -> Self {
        let options = ServerOptions { timeouts, ..ServerOptions::default() };
        Self::with_options(reviewer(cluster), options, TlsSettings::default(), None).await
    }

    /// A server with these TLS settings, which follows the file with its client CA.
    pub(crate) async fn with_tls(settings: TlsSettings, client_ca: Option<ClientCaFile>) -> Self {
        Self::with_options(reviewer(Answering(nothing_said)), ServerOptions::default(), settings, client_ca).await
    }

    /// A server with these limits.
    pub(crate) async fn limited(cluster: impl ClusterView, limits: serving::Limits) -> Self {
        let options = ServerOptions { limits, ..ServerOptions::default() };
        Self::with_options(reviewer(cluster), options, TlsSettings::default(), None).await
    }

    async fn with_options(
        (reviewer, mut registry): (Reviewer, Registry),
        options: ServerOptions,
        settings: TlsSettings,
        client_ca: Option<ClientCaFile>,
    ) -> Self {
        let certificate = Certificate::new();
        let options = ServerOptions { metrics: serving::Metrics::register(&mut registry), ..options };
        if let Some(client_ca) = client_ca {
            tokio::spawn(client_ca.follow(options.metrics.clone()));
        }
        let config = serving::server_config(Arc::new(certificate.resolver()), &settings);
        let listener = Listener::bind_tls((Ipv4Addr::LOCALHOST, 0).into(), config).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::default();
        let task = tokio::spawn(serving::serve(listener, http::router(reviewer), options, shutdown.clone()));
        Self { address, registry: Arc::new(registry), shutdown, task, certificate: certificate.pem.clone() }
    }

    /// A client that trusts this server.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address, &self.certificate)
    }

    /// Tells the server that it is about to stop.
    pub(crate) fn leave(&self) {
        self.shutdown.leaving.cancel();
    }

    /// Tells the server to stop.
    pub(crate) fn stop(&self) {
        self.shutdown.stop.cancel();
    }

    /// The value of a metric; 0 if it has none yet.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or_default()
    }

    /// Waits until a metric has this value.
    pub(crate) async fn metric_becomes(&self, name: &str, value: f64) {
        in_time(async {
            while self.metric(name) != value {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    /// Waits until the server has ended.
    pub(crate) async fn ended(self) {
        tokio::time::timeout(LIMIT, self.task).await.expect("the server did not end").unwrap();
    }
}

/// A reviewer with the default policy, and its metrics.
pub(crate) fn reviewer(cluster: impl ClusterView) -> (Reviewer, Registry) {
    let (mut registry, own) = (Registry::default(), OwnUser::default());
    own.is(WARDEN.to_owned());
    let metrics = Metrics::register(&mut registry);
    let reviewer = Reviewer::new(Policy::default(), Arc::new(cluster), metrics);
    (reviewer.for_user(own), registry)
}

/// The answer of a cluster whose Namespaces have no settings.
pub(crate) fn nothing_said(_: &str) -> Result<Option<NamespaceFacts>, NamespaceUnavailable> {
    Ok(Some(NamespaceFacts::default()))
}

impl<F: Send + Sync> CountBases for Answering<F> {
    fn replicas(&self, _: Workload<'_>, _: &Value) -> Option<u32> {
        None
    }
}

impl<F> ClusterView for Answering<F>
where
    F: Fn(&str) -> Result<Option<NamespaceFacts>, NamespaceUnavailable> + Send + Sync + 'static,
{
    fn namespace<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<NamespaceFacts>, NamespaceUnavailable>> {
        async move { (self.0)(name) }.boxed()
    }

    fn keeps_replicas(&self, _: &ObjectKey) -> bool {
        false
    }

    fn revisions<'a>(&'a self, _: Kind, _: &'a Value) -> BoxFuture<'a, Result<Vec<Revision>, RevisionsUnavailable>> {
        async { Ok(Vec::new()) }.boxed()
    }
}

impl Gate {
    /// Waits until a review is in progress.
    pub(crate) async fn reached(&self) {
        tokio::time::timeout(LIMIT, self.reached.notified()).await.expect("no review is in progress");
    }

    /// Lets the review continue.
    pub(crate) fn open(&self) {
        self.open.notify_one();
    }
}

impl CountBases for Gate {
    fn replicas(&self, _: Workload<'_>, _: &Value) -> Option<u32> {
        None
    }
}

impl ClusterView for Gate {
    fn namespace<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<NamespaceFacts>, NamespaceUnavailable>> {
        async move {
            self.reached.notify_one();
            self.open.notified().await;
            Ok(None)
        }
        .boxed()
    }

    fn keeps_replicas(&self, _: &ObjectKey) -> bool {
        false
    }

    fn revisions<'a>(&'a self, _: Kind, _: &'a Value) -> BoxFuture<'a, Result<Vec<Revision>, RevisionsUnavailable>> {
        async { Ok(Vec::new()) }.boxed()
    }
}

impl Certificate {
    /// A certificate for `localhost`, as `tls.crt` and `tls.key`.
    pub(crate) fn new() -> Self {
        runtime::install_crypto_provider();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = Self { folder: tempfile::tempdir().unwrap(), pem: made.cert.pem() };
        std::fs::write(certificate.file("tls.crt"), made.cert.pem()).unwrap();
        std::fs::write(certificate.file("tls.key"), made.signing_key.serialize_pem()).unwrap();
        certificate
    }

    /// A resolver by which a server shows it.
    fn resolver(&self) -> SingleCertAndKey {
        let chain = vec![CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_file(self.file("tls.key")).unwrap();
        CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider()).unwrap().into()
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
