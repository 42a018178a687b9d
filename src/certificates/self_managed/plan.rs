//! Decides on the next action for the certificates. Pure: what was read back from the API server in, one [`Action`] out.
//!
//! The order of the actions keeps every handshake working while authorities change. All webhooks trust a new authority for a
//! while before it signs. They trust the old authority until no replica serves a certificate that it signed.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::BACKDATE;
use super::facts::{CertificateId, Facts, Rotate, TrustedAuthorities};
use crate::certificates::Validity;

/// How long adopted authorities stay trusted. A rollout that ends all replicas with certificates by them takes less.
const ADOPTED_FOR: SignedDuration = SignedDuration::from_hours(1);

/// What was read back from the API server, and since when some of it lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Situation {
    pub(super) stored: Stored,
    /// Whether this process has usable contents of the Secret in memory.
    pub(super) can_restore: bool,
    pub(super) trusted: TrustedAuthorities,
    /// Since when this process has observed without interruption that all webhooks trust the signer.
    pub(super) trusted_since: Option<Timestamp>,
    /// Since when this process has observed the certificate in the Secret.
    pub(super) leaf_since: Option<Timestamp>,
}

/// The contents of the Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stored {
    /// The Secret is missing or empty, or its contents cannot be used.
    Unusable,
    /// It has an authority and a certificate.
    Usable(Facts),
}

/// One action. What it writes is read back before the next action is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Wait until then, or until something changes.
    Wait {
        /// When to plan again.
        until: Option<Timestamp>,
    },
    /// Write a first authority and a certificate.
    Create,
    /// Write back the contents that this process has in memory.
    Restore,
    /// Make all webhooks trust the bundle and no other authority.
    TrustBundle,
    /// Add a new authority to the bundle, which signs from now on.
    AddAuthority,
    /// Make a new certificate, signed by the signer.
    Issue,
    /// Remove these authorities from the bundle.
    DropAuthorities(Vec<CertificateId>),
}

/// Returns the action to take at `now`. `settle` is how long all API servers and all replicas may take to observe a change.
pub(super) fn plan(situation: &Situation, now: Timestamp, settle: SignedDuration) -> Action {
    let create = || match situation.trusted {
        // The first bundle must include the authorities that the webhooks trust already.
        TrustedAuthorities::Unknown => Action::Wait { until: None },
        TrustedAuthorities::NoWebhooks | TrustedAuthorities::Known { .. } => Action::Create,
    };
    let Stored::Usable(facts) = &situation.stored else {
        return if situation.can_restore { Action::Restore } else { create() };
    };
    let has_webhooks = matches!(situation.trusted, TrustedAuthorities::Known { .. });
    if has_webhooks && !situation.trusted.equal(&facts.bundle()) {
        return Action::TrustBundle;
    }
    let mut schedule = Schedule { now, next: None };
    let Some(signer) = facts.authority(&facts.signer) else { return create() };
    let leaf = &facts.leaf;
    let settled = |since: Option<Timestamp>| since.and_then(|since| since.checked_add(settle).ok());
    // The signer has expired, or is not valid yet because the clock of another leader was fast.
    if !signer.validity.contains(now) {
        return Action::AddAuthority;
    }
    let signer_is_new = leaf.issuer != facts.signer;
    let old = facts.bundle().into_iter().filter(|id| *id != facts.signer && *id != leaf.issuer).collect::<Vec<_>>();
    // One rotation at a time, so that repeated requests do not make the bundle longer.
    let may_rotate = !signer_is_new && old.is_empty() && has_webhooks;
    if may_rotate && (facts.notes.requested == Some(Rotate::Authority) || schedule.is_due(renewal(signer.validity))) {
        // The certificate must last until the new authority is trusted and all replicas have observed the next certificate.
        let expires_before = leaf.validity.until.duration_since(now) < settle * 2;
        let can_last_longer = leaf.validity.until < signer.validity.until;
        return if expires_before && can_last_longer { Action::Issue } else { Action::AddAuthority };
    }
    // A certificate that clients reject already is replaced without waiting.
    let issuer_is_valid = facts.authority(&leaf.issuer).is_some_and(|issuer| issuer.validity.contains(now));
    if !leaf.validity.contains(now) || !issuer_is_valid {
        return Action::Issue;
    }
    if signer_is_new {
        if settled(situation.trusted_since).is_some_and(|at| schedule.is_due(at)) {
            return Action::Issue;
        }
    } else if !leaf.has_our_name
        || facts.notes.requested == Some(Rotate::Leaf)
        || schedule.is_due(renewal(leaf.validity))
    {
        return Action::Issue;
    }
    let adoption_is_over = match facts.notes.adopted {
        Some(adopted) => schedule.is_due(adopted + ADOPTED_FOR),
        None => true,
    };
    if !old.is_empty() && adoption_is_over && settled(situation.leaf_since).is_some_and(|at| schedule.is_due(at)) {
        return Action::DropAuthorities(old);
    }
    schedule.is_due(signer.validity.until);
    schedule.is_due(leaf.validity.until);
    Action::Wait { until: schedule.next }
}

/// When a third of the lifetime is left. The time by which the certificate is backdated does not count.
fn renewal(validity: Validity) -> Timestamp {
    let lifetime = validity.until.duration_since(validity.from) - BACKDATE;
    // The result lies between the two ends, so it is a valid timestamp.
    validity.until.checked_sub(lifetime.max(SignedDuration::ZERO) / 3).unwrap_or(validity.until)
}

/// Records the earliest time in the future at which something is due.
struct Schedule {
    now: Timestamp,
    next: Option<Timestamp>,
}

impl Schedule {
    fn is_due(&mut self, at: Timestamp) -> bool {
        let is_due = at <= self.now;
        if !is_due {
            self.next = Some(self.next.map_or(at, |next| next.min(at)));
        }
        is_due
    }
}

#[cfg(test)]
mod tests;
