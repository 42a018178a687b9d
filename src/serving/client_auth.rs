//! Which clients are accepted: those with a certificate that a certain authority has signed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime, pem};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, RootCertStore, SignatureScheme};
use thiserror::Error;
use x509_parser::parse_x509_certificate;

use super::Metrics;
use crate::runtime::{FileContents, FileError, FileWatcher};

/// The file with the client CA cannot be used.
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
    Read(FileError),
    /// It is not PEM.
    #[error(transparent)]
    Pem(#[from] pem::Error),
    /// It has no certificate.
    #[error("there is no certificate in it")]
    Empty,
    /// A section of it is not a valid certificate.
    #[error(transparent)]
    Certificate(#[from] rustls::Error),
    /// rustls cannot verify clients with its certificates.
    #[error(transparent)]
    Unusable(#[from] VerifierBuilderError),
}

/// The certificate of a client is signed by the right authority, but its common name is not among those expected.
#[derive(Debug, Error)]
#[error("the common name of the client's certificate is {found:?}, which is not among the expected names")]
struct UnexpectedName {
    found: Vec<String>,
}

/// Verifies the certificates of clients by the authorities in a PEM file and by the common names that are expected.
#[derive(Debug)]
pub struct ClientAuthority {
    names: Vec<String>,
    verifier: ArcSwap<Verifier>,
}

/// Sized, so that it can be swapped.
#[derive(Debug)]
struct Verifier(Arc<dyn ClientCertVerifier>);

/// The file of a [`ClientAuthority`], to be followed.
#[derive(Debug)]
pub struct ClientCaFile {
    path: PathBuf,
    watcher: FileWatcher<1>,
    authority: Arc<ClientAuthority>,
}

impl ClientAuthority {
    /// Reads one or several certificates from the file at `path`, and returns the file as well, for [`ClientCaFile::follow`]. A
    /// client's certificate must be signed by one of them, and its only common name must be among `names`. If `names` is empty,
    /// any name is accepted, as with kube-apiserver's `--requestheader-allowed-names`.
    ///
    /// # Errors
    /// If the file cannot be read, has no certificate, or has a section that is not a certificate.
    pub fn load(path: &Path, names: Vec<String>) -> Result<(Arc<Self>, ClientCaFile), ClientCaError> {
        let watcher = FileWatcher::new([path.to_owned()]);
        let verifier =
            Verifier::of(watcher.contents()).map_err(|fault| ClientCaError { path: path.to_owned(), fault })?;
        let authority = Arc::new(Self { names, verifier: ArcSwap::from_pointee(verifier) });
        Ok((Arc::clone(&authority), ClientCaFile { path: path.to_owned(), watcher, authority }))
    }

    fn current(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::clone(&self.verifier.load().0)
    }

    fn check_name(&self, certificate: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        if self.names.is_empty() {
            return Ok(());
        }
        let found = common_names(certificate).ok_or(CertificateError::BadEncoding)?;
        match found.as_slice() {
            [name] if self.names.contains(name) => Ok(()),
            _ => Err(CertificateError::Other(OtherError(Arc::new(UnexpectedName { found }))).into()),
        }
    }
}

impl ClientCaFile {
    /// Applies each new content of the file to the handshakes from then on. Content that cannot be used is logged and counted
    /// once, and changes nothing. Never returns.
    pub async fn follow(mut self, metrics: Metrics) {
        loop {
            match Verifier::of(self.watcher.changed().await) {
                Ok(verifier) => {
                    self.authority.verifier.store(Arc::new(verifier));
                    tracing::info!(path = %self.path.display(), "the client CA has changed");
                }
                Err(error) => {
                    metrics.rejected_client_ca();
                    tracing::error!(path = %self.path.display(), %error, "cannot use the new client CA; the old one stays");
                }
            }
        }
    }
}

impl Verifier {
    fn of(contents: &FileContents<1>) -> Result<Self, ClientCaFault> {
        let [pem] = contents.as_ref().map_err(|error| ClientCaFault::Read(error.clone()))?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate?)?;
        }
        if roots.is_empty() {
            return Err(ClientCaFault::Empty);
        }
        Ok(Self(WebPkiClientVerifier::builder(Arc::new(roots)).build()?))
    }
}

/// The common names in the subject of a certificate. A reasonable certificate has one.
fn common_names(certificate: &CertificateDer<'_>) -> Option<Vec<String>> {
    let (_, parsed) = parse_x509_certificate(certificate).ok()?;
    parsed.subject().iter_common_name().map(|name| name.as_str().ok().map(str::to_owned)).collect()
}

impl ClientCertVerifier for ClientAuthority {
    /// Sends no hints: a client has one certificate for us or none. Also, the hints could not change with the file.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.current().verify_client_cert(own, intermediates, now)?;
        self.check_name(own).map(|()| verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current().verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current().verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.current().supported_verify_schemes()
    }
}
