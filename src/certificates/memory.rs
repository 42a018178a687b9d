//! What one process remembers of what it has seen. Pure.

use k8s_openapi::jiff::Timestamp;

use super::facts::{Bundles, CertificateId, Facts};
use super::plan::{Situation, Stored};

/// Since when what lasts has been seen, and whether there was ever anything usable. Only what this process saw counts, by its
/// own clock: another one begins to wait anew.
#[derive(Debug, Default)]
pub(super) struct Memory {
    remembers: bool,
    trusted: Option<Since>,
    leaf: Option<Since>,
}

#[derive(Debug)]
struct Since {
    id: CertificateId,
    at: Timestamp,
}

impl Memory {
    /// Takes in what is there at `now`: what is usable in the Secret, and what the webhook configurations say.
    pub(super) fn observe(&mut self, facts: Option<Facts>, bundles: Bundles, now: Timestamp) -> Situation {
        let signer = facts.as_ref().map(|facts| &facts.signer).filter(|signer| bundles.trust(signer));
        note(&mut self.trusted, signer, now);
        note(&mut self.leaf, facts.as_ref().map(|facts| &facts.leaf.id), now);
        self.remembers |= facts.is_some();
        Situation {
            stored: facts.map_or(Stored::Nothing, Stored::Is),
            remembers: self.remembers,
            bundles,
            trusted_since: self.trusted.as_ref().map(|since| since.at),
            leaf_since: self.leaf.as_ref().map(|since| since.at),
        }
    }
}

/// Keeps the time where `id` is the one noted; a clock that was set back begins anew.
fn note(noted: &mut Option<Since>, id: Option<&CertificateId>, now: Timestamp) {
    let lasts = noted.as_ref().is_some_and(|since| Some(&since.id) == id && since.at <= now);
    if !lasts {
        *noted = id.map(|id| Since { id: id.clone(), at: now });
    }
}
