//! The validity period of a certificate.

use k8s_openapi::jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::parse_x509_certificate;

use super::PairError;

/// The validity period of a certificate. Both ends are included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub from: Timestamp,
    /// The last second.
    pub until: Timestamp,
}

impl Validity {
    /// Reads the period of `certificate`.
    ///
    /// # Errors
    /// If the certificate cannot be parsed.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Self, PairError> {
        let unparsable = |error: &dyn ToString| PairError::Unparsable(error.to_string());
        let (_, parsed) = parse_x509_certificate(certificate).map_err(|error| unparsable(&error))?;
        let second = |time: i64| Timestamp::from_second(time).map_err(|error| unparsable(&error));
        let validity = parsed.validity();
        Ok(Self { from: second(validity.not_before.timestamp())?, until: second(validity.not_after.timestamp())? })
    }

    /// Whether `now` is within the period.
    pub fn contains(self, now: Timestamp) -> bool {
        self.from <= now && now <= self.until
    }
}
