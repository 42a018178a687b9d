//! A certificate chain and its private key, checked.

use std::fmt;
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use thiserror::Error;

use super::validity::Validity;

/// A certificate chain and the private key that belongs to it.
#[derive(Clone)]
pub struct Pair {
    key: Arc<CertifiedKey>,
    validity: Validity,
}

/// A chain and a key cannot be served.
#[derive(Debug, Error)]
pub enum PairError {
    /// The certificate or the key is not valid PEM.
    #[error("cannot read {what}: {source}")]
    Read {
        /// `the certificate` or `the key`.
        what: &'static str,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The file or field has no certificate.
    #[error("there is no certificate")]
    Empty,
    /// The two do not belong together, or rustls does not support them.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// The certificate cannot be parsed.
    #[error("the certificate cannot be parsed: {0}")]
    Unparsable(String),
    /// The certificate has expired or is not valid yet.
    #[error("the certificate is valid from {from} to {until}, and the time is {now}")]
    NotValidNow {
        /// The first second in which it is valid.
        from: Timestamp,
        /// The last second.
        until: Timestamp,
        /// The time of the check.
        now: Timestamp,
    },
    /// The certificate is for other host names.
    #[error("the certificate is not for {host}")]
    OtherName {
        /// The host name that the API server expects.
        host: String,
    },
}

impl Pair {
    /// Reads a chain, the server's own certificate first, and a key, both PEM.
    ///
    /// # Errors
    /// If they cannot be read, or do not belong together. The validity period is not checked: see [`Self::check_valid_at`].
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, PairError> {
        let read = |what| move |source| PairError::Read { what, source };
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().map_err(read("the certificate"))?;
        let own = chain.first().ok_or(PairError::Empty)?;
        let validity = Validity::of(own)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(read("the key"))?;
        let provider = CryptoProvider::get_default()
            .cloned()
            .unwrap_or_else(|| Arc::new(rustls::crypto::ring::default_provider()));
        let key = CertifiedKey::from_der(chain, key, &provider)?;
        Ok(Self { key: Arc::new(key), validity })
    }

    /// Checks that the certificate is valid at `now`.
    ///
    /// # Errors
    /// If it has expired or is not valid yet.
    pub fn check_valid_at(&self, now: Timestamp) -> Result<(), PairError> {
        let Validity { from, until } = self.validity;
        if self.validity.contains(now) { Ok(()) } else { Err(PairError::NotValidNow { from, until, now }) }
    }

    /// Checks that the certificate is for `host`.
    ///
    /// # Errors
    /// If it is only for other names.
    pub fn check_host(&self, host: &str) -> Result<(), PairError> {
        let other = || PairError::OtherName { host: host.to_owned() };
        let name = ServerName::try_from(host).map_err(|_| other())?;
        let parsed = ParsedCertificate::try_from(self.own())?;
        verify_server_name(&parsed, &name).map_err(|_| other())
    }

    /// The validity period of the server's certificate.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The server's own certificate.
    pub(super) fn own(&self) -> &CertificateDer<'static> {
        // `from_pem` makes no pair without a certificate.
        &self.key.cert[0]
    }

    /// The certificates between the server's and the authority's.
    pub(super) fn intermediates(&self) -> &[CertificateDer<'static>] {
        &self.key.cert[1..]
    }

    pub(super) fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }
}

/// Compares the certificates only: the key always belongs to the certificate.
impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.key.cert == other.key.cert
    }
}

/// Leaves the key out.
impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("validity", &self.validity).finish_non_exhaustive()
    }
}
