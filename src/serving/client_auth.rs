//! Who may call us: clients with a certificate that a certain authority has signed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use std::{fs, io};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime, pem};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, RootCertStore, SignatureScheme};
use thiserror::Error;
use x509_parser::parse_x509_certificate;

use super::Metrics;

/// How often the file is read. Its content is compared, not watched for: a kubelet swaps a symbolic link above it, which a
/// watch of the file misses.
const PERIOD: Duration = Duration::from_secs(1);

/// Why the file with the client CA cannot be used.
#[derive(Debug, Error)]
#[error("cannot use the client CA in {}: {fault}", path.display())]
pub struct ClientCaError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub fault: ClientCaFault,
}

/// What is wrong with the file.
#[derive(Debug, Error)]
pub enum ClientCaFault {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is no PEM.
    #[error(transparent)]
    Pem(#[from] pem::Error),
    /// There is no certificate in it.
    #[error("there is no certificate in it")]
    Empty,
    /// A certificate in it is none.
    #[error(transparent)]
    Certificate(#[from] rustls::Error),
    /// rustls cannot use what is in it.
    #[error(transparent)]
    Unusable(#[from] VerifierBuilderError),
}

/// A client's certificate is by the right authority, and not for a name that we expect.
#[derive(Debug, Error)]
#[error("the common name of the client's certificate is {found:?}, and none of those expected")]
struct OtherName {
    found: Vec<String>,
}

/// The authorities that sign the certificates of clients, from a PEM file, and the common names expected in these.
#[derive(Debug)]
pub struct ClientAuthority {
    path: PathBuf,
    names: Vec<String>,
    current: RwLock<Arc<Trust>>,
}

/// What was in the file at one time.
#[derive(Debug)]
struct Trust {
    pem: Vec<u8>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl ClientAuthority {
    /// Reads one or several certificates from the file at `path`. A client's certificate must be signed by one of them, and
    /// its one common name be among `names`; any name will do where there are none, as for kube-apiserver's
    /// `--requestheader-allowed-names`.
    ///
    /// # Errors
    /// When the file cannot be read, or holds anything else.
    pub fn load(path: &Path, names: Vec<String>) -> Result<Self, ClientCaError> {
        let trust =
            read(path).and_then(Trust::in_pem).map_err(|fault| ClientCaError { path: path.to_owned(), fault })?;
        Ok(Self { path: path.to_owned(), names, current: RwLock::new(Arc::new(trust)) })
    }

    /// Takes up every other content that the file comes to have, for handshakes from then on. What cannot be used is told
    /// once and changes nothing. Never ends.
    pub async fn follow(self: Arc<Self>, metrics: Metrics) {
        let mut told = None;
        loop {
            tokio::time::sleep(PERIOD).await;
            match self.look() {
                Ok(()) => told = None,
                Err(error) => {
                    let error = error.to_string();
                    if told.as_ref() != Some(&error) {
                        metrics.rejected_client_ca();
                        tracing::error!(path = %self.path.display(), error, "the client CA that was read before stays in use");
                        told = Some(error);
                    }
                }
            }
        }
    }

    fn look(&self) -> Result<(), ClientCaFault> {
        let pem = read(&self.path)?;
        if pem != self.current().pem {
            let trust = Trust::in_pem(pem)?;
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(trust);
            tracing::info!(path = %self.path.display(), "another client CA is in use");
        }
        Ok(())
    }

    fn current(&self) -> Arc<Trust> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn expects(&self, certificate: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        if self.names.is_empty() {
            return Ok(());
        }
        let found = common_names(certificate).ok_or(CertificateError::BadEncoding)?;
        match found.as_slice() {
            [name] if self.names.contains(name) => Ok(()),
            _ => Err(CertificateError::Other(OtherError(Arc::new(OtherName { found }))).into()),
        }
    }
}

impl Trust {
    fn in_pem(pem: Vec<u8>) -> Result<Self, ClientCaFault> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            roots.add(certificate?)?;
        }
        if roots.is_empty() {
            return Err(ClientCaFault::Empty);
        }
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build()?;
        Ok(Self { pem, verifier })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ClientCaFault> {
    Ok(fs::read(path)?)
}

/// The common names in the subject of a certificate: one, in any certificate of good sense.
fn common_names(certificate: &CertificateDer<'_>) -> Option<Vec<String>> {
    let (_, parsed) = parse_x509_certificate(certificate).ok()?;
    parsed.subject().iter_common_name().map(|name| name.as_str().ok().map(str::to_owned)).collect()
}

impl ClientCertVerifier for ClientAuthority {
    /// No hints: a client has one certificate for us or none, and these could not change.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.current().verifier.verify_client_cert(own, intermediates, now)?;
        self.expects(own).map(|()| verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current().verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current().verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.current().verifier.supported_verify_schemes()
    }
}
