//! The API server's side of a handshake, anew each time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::site::NAME;

/// A handshake takes less.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A certificate, for comparison.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Certificate(Vec<u8>);

impl Certificate {
    /// All certificates in a PEM text.
    pub(super) fn all_in(pem: &[u8]) -> Vec<Self> {
        CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).map(|der| Self(der.to_vec())).collect()
    }
}

/// Shakes hands with the server at `address`, and trusts only `bundle`. Returns the certificate that the server has shown.
pub(super) async fn shake_hands(address: SocketAddr, bundle: &[u8]) -> Result<Certificate> {
    let mut roots = RootCertStore::empty();
    for der in CertificateDer::pem_slice_iter(bundle) {
        roots.add(der?)?;
    }
    ensure!(!roots.is_empty(), "the bundle is empty");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(format!("{NAME}.{NAME}.svc"))?;
    let shaken = tokio::time::timeout(TIMEOUT, async {
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    });
    let stream = shaken.await??;
    let (_, connection) = stream.get_ref();
    let chain = connection.peer_certificates().context("the server showed no certificate")?;
    Ok(Certificate(chain.first().context("an empty chain")?.to_vec()))
}
