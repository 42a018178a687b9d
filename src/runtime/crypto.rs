//! The crypto provider of this process.

/// Makes ring the crypto provider of this process, for the webhook and for the Kubernetes client alike.
pub fn install_crypto_provider() {
    // An error says that a provider was installed before, by the program that embeds this crate: then that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
