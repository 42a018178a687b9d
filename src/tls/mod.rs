//! Serving over TLS.

mod files;
mod serving;

pub use files::{CertificateError, server_config};
pub use serving::{Listener, Patience, serve};

/// Makes ring the crypto provider of this process, for the webhook and for the Kubernetes client alike.
pub fn install_crypto_provider() {
    // An error says that one was installed before, by who embeds us: then that serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
