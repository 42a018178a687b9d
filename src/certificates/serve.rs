//! When a replica shows clients another certificate. Pure.

use k8s_openapi::jiff::Timestamp;

use super::facts::{Bundles, CertificateId, Leaf};
use crate::certificates::{Pair, Validity};

/// What is served now.
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

/// Whether to serve `leaf` from now on: not before all webhooks trust who signed it, as long as what is served can go on.
pub(super) fn may_serve(served: Option<&Served>, leaf: &Leaf, bundles: &Bundles, now: Timestamp) -> bool {
    let is_new = served.is_none_or(|served| served.id != leaf.id);
    let good = leaf.has_our_name && leaf.validity.holds_at(now);
    let goes_on = served.is_some_and(|served| served.validity.holds_at(now));
    is_new && good && (!goes_on || bundles.trust(&leaf.issuer))
}
