//! What is to be done about certificates now. Pure: what has been read back from the API server in, one step out.
//!
//! The order is what keeps every handshake working while authorities change: a new authority is first trusted by all
//! webhooks, for a while, and only then signs; the old one is trusted until nobody serves what it signed.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::BACKDATE;
use super::facts::{Bundles, CertificateId, Facts, Rotate};
use crate::certificates::Validity;

/// For how long authorities are trusted that we did not make: longer than a rollout takes that ends all who serve in their name.
const ADOPTED_FOR: SignedDuration = SignedDuration::from_hours(1);

/// What has been read back from the API server, and when some of it was first seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Situation {
    pub(super) stored: Stored,
    /// Whether this process remembers usable contents of the Secret.
    pub(super) remembers: bool,
    pub(super) bundles: Bundles,
    /// Since when this process has seen, without a break, that all webhooks trust the signer.
    pub(super) trusted_since: Option<Timestamp>,
    /// Since when it has seen the certificate in the Secret.
    pub(super) leaf_since: Option<Timestamp>,
}

/// What the Secret holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stored {
    /// Nothing, or nothing that can be used.
    Nothing,
    /// An authority and a certificate.
    Is(Facts),
}

/// One step. Whatever it writes is read back before the next is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing until then, or until something changes.
    Wait {
        /// When to look again.
        until: Option<Timestamp>,
    },
    /// Write an authority and a certificate that nobody has seen yet.
    Create,
    /// Write back what was there.
    Restore,
    /// Let all webhooks trust the bundle, and nobody else.
    PutBundles,
    /// Take another authority into the bundle, to sign from now on.
    AddAuthority,
    /// Make another certificate, by the signer.
    Issue,
    /// Leave these out of the bundle.
    Drop(Vec<CertificateId>),
}

/// What to do at `now`. `settle` is how long all API servers and all replicas may take to hear of a change.
pub(super) fn plan(seen: &Situation, now: Timestamp, settle: SignedDuration) -> Step {
    let create = || match seen.bundles {
        // The first authority is made together with those that the webhooks trust already.
        Bundles::Unknown => Step::Wait { until: None },
        Bundles::Missing | Bundles::Are { .. } => Step::Create,
    };
    let Stored::Is(facts) = &seen.stored else {
        return if seen.remembers { Step::Restore } else { create() };
    };
    let are_there = matches!(seen.bundles, Bundles::Are { .. });
    if are_there && !seen.bundles.are(&facts.bundle()) {
        return Step::PutBundles;
    }
    let mut next = Next { now, until: None };
    let Some(signer) = facts.authority(&facts.signer) else { return create() };
    let leaf = &facts.leaf;
    let settled = |since: Option<Timestamp>| since.and_then(|since| since.checked_add(settle).ok());
    // Past its time, or not in it yet: made by a leader whose clock went ahead.
    if !signer.validity.holds_at(now) {
        return Step::AddAuthority;
    }
    let hands_over = leaf.issuer != facts.signer;
    let old = facts.bundle().into_iter().filter(|id| *id != facts.signer && *id != leaf.issuer).collect::<Vec<_>>();
    // One at a time: whoever asks again and again makes the bundle no longer.
    let may_rotate = !hands_over && old.is_empty() && are_there;
    if may_rotate && (facts.notes.asked == Some(Rotate::Authority) || next.has_come(renewal(signer.validity))) {
        // The certificate has to last until the new authority is trusted, and until all replicas have heard of the next one.
        let ends_before = leaf.validity.until.duration_since(now) < settle * 2;
        let can_last_longer = leaf.validity.until < signer.validity.until;
        return if ends_before && can_last_longer { Step::Issue } else { Step::AddAuthority };
    }
    // What can be served no more is no reason to wait.
    let issuer_is_good = facts.authority(&leaf.issuer).is_some_and(|issuer| issuer.validity.holds_at(now));
    if !leaf.validity.holds_at(now) || !issuer_is_good {
        return Step::Issue;
    }
    if hands_over {
        if settled(seen.trusted_since).is_some_and(|at| next.has_come(at)) {
            return Step::Issue;
        }
    } else if !leaf.has_our_name || facts.notes.asked == Some(Rotate::Leaf) || next.has_come(renewal(leaf.validity)) {
        return Step::Issue;
    }
    let others_are_done = match facts.notes.adopted {
        Some(adopted) => next.has_come(adopted + ADOPTED_FOR),
        None => true,
    };
    if !old.is_empty() && others_are_done && settled(seen.leaf_since).is_some_and(|at| next.has_come(at)) {
        return Step::Drop(old);
    }
    next.has_come(signer.validity.until);
    next.has_come(leaf.validity.until);
    Step::Wait { until: next.until }
}

/// When a third of its time is left, not counting what it is backdated by.
fn renewal(validity: Validity) -> Timestamp {
    let lifetime = validity.until.duration_since(validity.from) - BACKDATE;
    // Between the two ends, which are timestamps.
    validity.until.checked_sub(lifetime.max(SignedDuration::ZERO) / 3).unwrap_or(validity.until)
}

/// The earliest time that is still to come.
struct Next {
    now: Timestamp,
    until: Option<Timestamp>,
}

impl Next {
    fn has_come(&mut self, at: Timestamp) -> bool {
        let has_come = at <= self.now;
        if !has_come {
            self.until = Some(self.until.map_or(at, |until| until.min(at)));
        }
        has_come
    }
}

#[cfg(test)]
mod tests;
