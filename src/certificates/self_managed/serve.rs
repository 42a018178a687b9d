//! When a replica serves a new certificate. Pure.

use k8s_openapi::jiff::Timestamp;

use super::facts::{CertificateId, Leaf, TrustedAuthorities};
use crate::certificates::{Pair, Validity};

/// The certificate that is served now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Served {
    pub(super) id: CertificateId,
    pub(super) validity: Validity,
}

impl Served {
    pub(super) fn of(pair: &Pair) -> Self {
        Self { id: CertificateId::of(pair.own()), validity: pair.validity() }
    }
}

/// Whether to serve `leaf` from now on. While the served certificate is valid, a new one has to wait until all webhooks trust its
/// issuer.
pub(super) fn may_serve(served: Option<&Served>, leaf: &Leaf, trusted: &TrustedAuthorities, now: Timestamp) -> bool {
    let is_new = served.is_none_or(|served| served.id != leaf.id);
    let is_usable = leaf.has_our_name && leaf.validity.contains(now);
    let can_wait = served.is_some_and(|served| served.validity.contains(now));
    is_new && is_usable && (!can_wait || trusted.include(&leaf.issuer))
}
