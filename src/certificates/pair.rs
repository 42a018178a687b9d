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

/// Why a chain and a key cannot be served with.
#[derive(Debug, Error)]
pub enum PairError {
    /// Something is no PEM of its sort.
    #[error("cannot read {what}: {source}")]
    Read {
        /// `the certificate` or `the key`.
        what: &'static str,
        /// Why.
        source: pem::Error,
    },
    /// There is no certificate where one should be.
    #[error("there is no certificate")]
    Empty,
    /// They do not belong together, or rustls cannot use them.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// The certificate cannot be parsed.
    #[error("the certificate cannot be parsed: {0}")]
    Unparsable(String),
    /// Its time is over, or has not come yet.
    #[error("the certificate is good from {from} to {until}, and it is {now}")]
    OutOfTime {
        /// The first second in which it is good.
        from: Timestamp,
        /// The last one.
        until: Timestamp,
        /// When that was found.
        now: Timestamp,
    },
    /// It is for other names.
    #[error("the certificate is not for {host}")]
    OtherName {
        /// The name by which the API server calls us.
        host: String,
    },
}

impl Pair {
    /// Reads a chain, the server's own certificate first, and a key, both PEM.
    ///
    /// # Errors
    /// When they cannot be read, or do not belong together. What time it is does not matter here: see [`Self::is_good_at`].
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

    /// Whether clients may be shown it at `now`.
    ///
    /// # Errors
    /// Before or after its time.
    pub fn is_good_at(&self, now: Timestamp) -> Result<(), PairError> {
        let Validity { from, until } = self.validity;
        if self.validity.holds_at(now) { Ok(()) } else { Err(PairError::OutOfTime { from, until, now }) }
    }

    /// Whether a client that calls us `host` accepts the names in it.
    ///
    /// # Errors
    /// When it is for other names only.
    pub fn is_for(&self, host: &str) -> Result<(), PairError> {
        let other = || PairError::OtherName { host: host.to_owned() };
        let name = ServerName::try_from(host).map_err(|_| other())?;
        let parsed = ParsedCertificate::try_from(self.own())?;
        verify_server_name(&parsed, &name).map_err(|_| other())
    }

    /// When it is good.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The server's own certificate.
    pub(super) fn own(&self) -> &CertificateDer<'static> {
        // A pair without a certificate is never made.
        &self.key.cert[0]
    }

    /// The certificates between its own and the authority's.
    pub(super) fn intermediates(&self) -> &[CertificateDer<'static>] {
        &self.key.cert[1..]
    }

    pub(super) fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }
}

/// The same certificate is the same pair: its key is the one that belongs to it.
impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.key.cert == other.key.cert
    }
}

/// Without the key.
impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("validity", &self.validity).finish_non_exhaustive()
    }
}
