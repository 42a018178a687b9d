//! Serving over TLS.

mod authority;
mod certificate_metrics;
mod client_auth;
mod config;
mod current;
mod files;
mod pair;
mod serving;
mod validity;

pub use authority::{Keeper, Names, Settings as AuthoritySettings};
pub use certificate_metrics::CertificateMetrics;
pub use client_auth::{ClientAuthority, ClientCaError, ClientCaFault};
pub use config::{TlsSettings, TlsVersion, server_config};
pub use current::Current;
pub use files::{CertificateError, Files};
pub use pair::{Pair, PairError};
pub use serving::{Farewell, Limits, Listener, Metrics, Patience, Terms, serve};
pub use validity::Validity;

/// Makes ring the crypto provider of this process, for the webhook and for the Kubernetes client alike.
pub fn install_crypto_provider() {
    // An error says that one was installed before, by who embeds us: then that serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
