//! Since when this process has observed what lasts. Pure.

use k8s_openapi::jiff::Timestamp;

use super::facts::{CertificateId, Facts, TrustedAuthorities};
use super::plan::{Situation, Stored};

/// Records since when the webhooks trust the signer and since when the certificate is stored, and whether the Secret ever had
/// usable contents. It counts only what this process observed, by its own clock: after a restart, waiting starts again.
#[derive(Debug, Default)]
pub(super) struct ObservedHistory {
    had_usable_contents: bool,
    trusted_signer: Option<Since>,
    leaf: Option<Since>,
}

#[derive(Debug)]
struct Since {
    id: CertificateId,
    at: Timestamp,
}

impl ObservedHistory {
    /// Takes in what is observed at `now`: the usable contents of the Secret, and what the webhook configurations trust.
    pub(super) fn observe(&mut self, facts: Option<Facts>, trusted: TrustedAuthorities, now: Timestamp) -> Situation {
        let signer = facts.as_ref().map(|facts| &facts.signer).filter(|signer| trusted.include(signer));
        keep_or_restart(&mut self.trusted_signer, signer, now);
        keep_or_restart(&mut self.leaf, facts.as_ref().map(|facts| &facts.leaf.id), now);
        self.had_usable_contents |= facts.is_some();
        Situation {
            stored: facts.map_or(Stored::Unusable, Stored::Usable),
            can_restore: self.had_usable_contents,
            trusted,
            trusted_since: self.trusted_signer.as_ref().map(|since| since.at),
            leaf_since: self.leaf.as_ref().map(|since| since.at),
        }
    }
}

/// Keeps the recorded time while `id` stays the same. Starts again after a change, and if the clock was set back.
fn keep_or_restart(recorded: &mut Option<Since>, id: Option<&CertificateId>, now: Timestamp) {
    let lasts = recorded.as_ref().is_some_and(|since| Some(&since.id) == id && since.at <= now);
    if !lasts {
        *recorded = id.map(|id| Since { id: id.clone(), at: now });
    }
}
