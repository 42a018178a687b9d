//! The certificate that is served now.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;

use super::{CertificateMetrics, Pair};

/// The pair that new connections are served with; those that are open keep theirs. Clones are the same.
#[derive(Debug, Clone)]
pub struct Current {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pair: ArcSwapOption<Pair>,
    loaded: watch::Sender<bool>,
    metrics: CertificateMetrics,
}

impl Current {
    /// None yet: handshakes fail until one is taken.
    pub fn none(metrics: CertificateMetrics) -> Self {
        let shared = Shared { pair: ArcSwapOption::empty(), loaded: watch::Sender::new(false), metrics };
        Self { shared: Arc::new(shared) }
    }

    /// Serves new connections with this one from now on.
    pub fn take(&self, pair: Pair) {
        let until = pair.validity().until;
        self.shared.metrics.serves(until);
        tracing::info!(%until, "serving with another certificate");
        self.shared.pair.store(Some(Arc::new(pair)));
        self.shared.loaded.send_replace(true);
    }

    /// What is served now.
    pub fn pair(&self) -> Option<Arc<Pair>> {
        self.shared.pair.load_full()
    }

    /// Waits until there is one.
    pub async fn loaded(&self) {
        // It cannot fail: the sender lives in what we hold.
        let _ = self.shared.loaded.subscribe().wait_for(|loaded| *loaded).await;
    }

    /// Counts one that cannot be served with.
    pub(super) fn rejected(&self) {
        self.shared.metrics.rejected();
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.shared.pair.load().as_ref().map(|pair| pair.certified_key())
    }
}
