//! The certificate that is served now.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::{CertificateMetrics, Pair};

/// The pair that new connections are served with. Open connections keep the pair of their handshake. Clones share the pair.
#[derive(Debug, Clone)]
pub struct Current {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pair: ArcSwapOption<Pair>,
    metrics: CertificateMetrics,
}

impl Current {
    /// Creates it without a pair. Handshakes fail until [`Self::set`] is called.
    pub fn none(metrics: CertificateMetrics) -> Self {
        let shared = Shared { pair: ArcSwapOption::empty(), metrics };
        Self { shared: Arc::new(shared) }
    }

    /// Serves new connections with `pair` from now on.
    pub fn set(&self, pair: Pair) {
        let until = pair.validity().until;
        self.shared.metrics.set_not_after(until);
        tracing::info!(%until, "serving with a new certificate");
        self.shared.pair.store(Some(Arc::new(pair)));
    }

    /// The pair that is served now.
    pub fn pair(&self) -> Option<Arc<Pair>> {
        self.shared.pair.load_full()
    }

    /// Counts a certificate that cannot be served.
    pub(super) fn rejected(&self) {
        self.shared.metrics.rejected();
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.shared.pair.load().as_ref().map(|pair| pair.certified_key())
    }
}
