//! A client that calls warden and is not the API server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use kube::Api;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use warden_testbed::{ClientCertificate, Stage};

/// Of warden's Service and of its webhook configurations.
const NAME: &str = "koupleless-warden";

/// A client that trusts the same authorities as the API server. A clone is the same client.
#[derive(Clone)]
pub(super) struct Stranger {
    pub(super) address: SocketAddr,
    trusted: RootCertStore,
    connector: TlsConnector,
}

impl Stranger {
    /// One without a certificate of its own.
    pub(super) async fn to(stage: &Stage) -> Result<Self> {
        let configurations: Api<ValidatingWebhookConfiguration> = Api::all(stage.plane.client()?);
        let webhooks = configurations.get(NAME).await?.webhooks.unwrap_or_default();
        let bundle = webhooks.into_iter().find_map(|webhook| webhook.client_config.ca_bundle).context("no caBundle")?;
        let mut trusted = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&bundle.0) {
            trusted.add(certificate?)?;
        }
        let config = ClientConfig::builder().with_root_certificates(trusted.clone()).with_no_client_auth();
        Ok(Self { address: stage.plane.webhook_address(), trusted, connector: TlsConnector::from(Arc::new(config)) })
    }

    /// The same, who shows a certificate.
    pub(super) fn with(&self, own: &ClientCertificate) -> Result<Self> {
        let chain = vec![CertificateDer::from_pem_file(&own.cert_path)?];
        let key = PrivateKeyDer::from_pem_file(&own.key_path)?;
        let builder = ClientConfig::builder().with_root_certificates(self.trusted.clone());
        let config = builder.with_client_auth_cert(chain, key)?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), ..self.clone() })
    }

    /// A connection after its handshake.
    pub(super) async fn connect(&self) -> Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(format!("{NAME}.{NAME}.svc"))?;
        let stream = TcpStream::connect(self.address).await?;
        Ok(self.connector.connect(name, stream).await?)
    }

    /// The code of the answer to a question.
    pub(super) async fn ask(&self) -> Result<u16> {
        Ok(ask(&mut self.connect().await?).await?)
    }
}

/// Asks something over a connection. Gives the code of the answer.
pub(super) async fn ask(stream: &mut TlsStream<TcpStream>) -> io::Result<u16> {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: warden\r\n\r\n").await?;
    // TLS may keep what is written in its buffer until it is flushed.
    stream.flush().await?;
    let mut head = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut head).await?;
    let code = std::str::from_utf8(&head[9..]).ok().and_then(|code| code.parse().ok());
    code.ok_or_else(|| io::Error::other(String::from_utf8_lossy(&head).into_owned()))
}
