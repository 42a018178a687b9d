//! The crypto provider of this process.

/// Makes ring the crypto provider of this process, for the webhook and for the Kubernetes client.
pub fn install_crypto_provider() {
    // It fails if a provider is installed already, by a program that embeds this crate. Then that provider stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
