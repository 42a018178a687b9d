//! Facts about authorities and certificates, without keys. The plan decides by these.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;

use crate::certificates::Validity;

/// Identifies a certificate: its whole DER encoding.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CertificateId(Arc<[u8]>);

/// The usable contents of the Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// The authorities in the bundle, the signer among them.
    pub(super) authorities: Vec<Authority>,
    /// The authority whose key the Secret has.
    pub(super) signer: CertificateId,
    /// The certificate to serve.
    pub(super) leaf: Leaf,
    /// The annotations of the Secret.
    pub(super) notes: Notes,
}

/// What the annotations of the Secret say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Notes {
    /// What a user asks to renew now.
    pub(super) requested: Option<Rotate>,
    /// When warden added authorities to the bundle that it had not made.
    pub(super) adopted: Option<Timestamp>,
}

/// An authority in the bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) id: CertificateId,
    pub(super) validity: Validity,
}

/// The certificate to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) id: CertificateId,
    /// The authority in the bundle that signed it.
    pub(super) issuer: CertificateId,
    pub(super) validity: Validity,
    /// Whether it is for the host name that the API server expects.
    pub(super) has_our_name: bool,
}

/// What to renew before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rotate {
    /// The certificate.
    Leaf,
    /// The authority, and then the certificate.
    Authority,
}

/// The authorities that the webhook configurations trust.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum TrustedAuthorities {
    /// The API server has not reported both configurations yet.
    #[default]
    Unknown,
    /// Neither configuration exists.
    NoWebhooks,
    /// At least one configuration exists.
    Known {
        /// The authorities that every existing webhook trusts.
        by_all: BTreeSet<CertificateId>,
        /// Whether all webhooks trust the same authorities.
        uniform: bool,
    },
}

impl CertificateId {
    /// The id of the certificate with this DER encoding.
    pub(super) fn of(der: &[u8]) -> Self {
        Self(der.into())
    }
}

/// Prints the last bytes. They belong to the signature, so they differ between any two certificates.
impl fmt::Debug for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = &self.0[self.0.len().saturating_sub(4)..];
        end.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Facts {
    /// The ids of the authorities in the bundle.
    pub(super) fn bundle(&self) -> BTreeSet<CertificateId> {
        self.authorities.iter().map(|authority| authority.id.clone()).collect()
    }

    /// The authority with this id.
    pub(super) fn authority(&self, id: &CertificateId) -> Option<&Authority> {
        self.authorities.iter().find(|authority| authority.id == *id)
    }
}

impl TrustedAuthorities {
    /// Whether every webhook trusts `authority`.
    pub(super) fn include(&self, authority: &CertificateId) -> bool {
        matches!(self, Self::Known { by_all, .. } if by_all.contains(authority))
    }

    /// Whether every webhook trusts exactly the authorities in `bundle`.
    pub(super) fn equal(&self, bundle: &BTreeSet<CertificateId>) -> bool {
        matches!(self, Self::Known { by_all, uniform: true } if by_all == bundle)
    }
}
