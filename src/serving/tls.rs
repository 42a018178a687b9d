//! Which versions of TLS are spoken, and with which clients.

use std::sync::Arc;

use rustls::server::{NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};

use super::ClientAuthority;

/// The oldest version of TLS that the server accepts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum TlsVersion {
    /// TLS 1.2 and newer.
    #[default]
    #[value(name = "1.2")]
    Tls12,
    /// TLS 1.3 only.
    #[value(name = "1.3")]
    Tls13,
}

/// The TLS settings of a server, except for its certificate.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// The oldest version that is accepted.
    pub min_version: TlsVersion,
    /// Verifies the certificates of clients; none if clients need no certificate.
    pub clients: Option<Arc<ClientAuthority>>,
}

/// Returns the configuration of a server with these certificates, for h2 or HTTP/1.1. If clients need a certificate, the
/// handshake fails for a client without a valid one.
pub fn server_config(certificates: Arc<dyn ResolvesServerCert>, settings: &TlsSettings) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_protocol_versions(settings.min_version.and_newer());
    let builder = match &settings.clients {
        Some(clients) => builder.with_client_cert_verifier(Arc::clone(clients) as _),
        None => builder.with_client_cert_verifier(WebPkiClientVerifier::no_client_auth()),
    };
    let mut config = builder.with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    if settings.clients.is_some() {
        // A client that resumes a session shows no certificate. It would stay accepted after the client CA has changed.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Arc::new(config)
}

impl TlsVersion {
    fn and_newer(self) -> &'static [&'static SupportedProtocolVersion] {
        const ALL: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
        match self {
            Self::Tls12 => ALL,
            Self::Tls13 => &ALL[..1],
        }
    }
}
