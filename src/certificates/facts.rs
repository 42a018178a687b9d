//! What is known of the authorities and of the certificate, without keys: what the plan decides by.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;

use crate::certificates::Validity;

/// Which certificate: the whole of it, as DER.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CertificateId(Arc<[u8]>);

/// The contents of the Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// The authorities in the bundle, at least the signer.
    pub(super) authorities: Vec<Authority>,
    /// The one whose key is there.
    pub(super) signer: CertificateId,
    /// The certificate that is to be served.
    pub(super) leaf: Leaf,
    /// What is noted beside them.
    pub(super) notes: Notes,
}

/// What the annotations of the Secret say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Notes {
    /// What somebody asked for.
    pub(super) asked: Option<Rotate>,
    /// When authorities were taken in that we had not made.
    pub(super) adopted: Option<Timestamp>,
}

/// An authority in the bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) id: CertificateId,
    pub(super) validity: Validity,
}

/// The certificate that is to be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) id: CertificateId,
    /// The authority in the bundle that signed it.
    pub(super) issuer: CertificateId,
    pub(super) validity: Validity,
    /// Whether it is for the name by which the API server calls us.
    pub(super) has_our_name: bool,
}

/// What is to be made anew before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rotate {
    /// The certificate.
    Leaf,
    /// The authority, and then the certificate.
    Authority,
}

/// What the webhook configurations say of authorities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Bundles {
    /// They have not all been looked for yet.
    #[default]
    Unknown,
    /// None of them is there.
    Missing,
    /// At least one is there.
    Are {
        /// The authorities that every webhook there is trusts.
        trusted: BTreeSet<CertificateId>,
        /// Whether all webhooks trust the same and nobody else.
        alike: bool,
    },
}

impl CertificateId {
    /// The one with this DER.
    pub(super) fn of(der: &[u8]) -> Self {
        Self(der.into())
    }
}

/// The last bytes are of its signature: enough to tell two apart.
impl fmt::Debug for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = &self.0[self.0.len().saturating_sub(4)..];
        end.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Facts {
    /// The authorities in the bundle.
    pub(super) fn bundle(&self) -> BTreeSet<CertificateId> {
        self.authorities.iter().map(|authority| authority.id.clone()).collect()
    }

    /// The authority of this id.
    pub(super) fn authority(&self, id: &CertificateId) -> Option<&Authority> {
        self.authorities.iter().find(|authority| authority.id == *id)
    }
}

impl Bundles {
    /// Whether every webhook trusts this authority.
    pub(super) fn trust(&self, authority: &CertificateId) -> bool {
        matches!(self, Self::Are { trusted, .. } if trusted.contains(authority))
    }

    /// Whether every webhook trusts exactly these.
    pub(super) fn are(&self, bundle: &BTreeSet<CertificateId>) -> bool {
        matches!(self, Self::Are { trusted, alike: true } if trusted == bundle)
    }
}
