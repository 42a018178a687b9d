//! How TLS is spoken.

use std::sync::Arc;

use rustls::server::{NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};

use super::ClientAuthority;

/// The oldest version of TLS that is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum TlsVersion {
    /// 1.2, and newer ones.
    #[default]
    #[value(name = "1.2")]
    Tls12,
    /// 1.3 alone.
    #[value(name = "1.3")]
    Tls13,
}

/// How TLS is spoken, but for the certificate.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// The oldest version.
    pub min_version: TlsVersion,
    /// Who signs the certificates that clients must have; none for clients that need no certificate.
    pub clients: Option<Arc<ClientAuthority>>,
}

/// The configuration of a server with these certificates: h2 or HTTP/1.1. Who has no certificate where one is needed, or a
/// wrong one, is refused in the handshake.
pub fn server_config(certificates: Arc<dyn ResolvesServerCert>, settings: &TlsSettings) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_protocol_versions(settings.min_version.and_newer());
    let builder = match &settings.clients {
        Some(clients) => builder.with_client_cert_verifier(Arc::clone(clients) as _),
        None => builder.with_client_cert_verifier(WebPkiClientVerifier::no_client_auth()),
    };
    let mut config = builder.with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    if settings.clients.is_some() {
        // A session that is taken up again shows no certificate, and would outlive the authority that had signed it.
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
