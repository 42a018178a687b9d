use std::collections::BTreeSet;

use rstest::rstest;

use super::super::facts::{Authority, Leaf, Notes};
use super::*;

const SETTLE: SignedDuration = SignedDuration::from_secs(60);
const DAY: i64 = 24 * 60 * 60;

/// So many days after an installation.
fn day(days: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + days * DAY).unwrap()
}

fn id(name: &str) -> CertificateId {
    CertificateId::of(name.as_bytes())
}

fn valid(from: i64, until: i64) -> Validity {
    Validity { from: day(from) - BACKDATE, until: day(until) }
}

/// An installation that is 30 days old: an authority for 3,000, a certificate for 90.
fn installed() -> Facts {
    Facts {
        authorities: vec![Authority { id: id("first"), validity: valid(0, 3_000) }],
        signer: id("first"),
        leaf: Leaf { id: id("leaf"), issuer: id("first"), validity: valid(0, 90), has_our_name: true },
        notes: Notes::default(),
    }
}

/// The same, while a second authority waits to sign.
fn handing_over() -> Facts {
    let mut facts = installed();
    facts.authorities.push(Authority { id: id("second"), validity: valid(30, 3_030) });
    facts.signer = id("second");
    facts
}

/// The same, after the second authority has signed.
fn handed_over() -> Facts {
    let mut facts = handing_over();
    facts.leaf = Leaf { id: id("leaf 2"), issuer: id("second"), validity: valid(30, 120), has_our_name: true };
    facts
}

/// The same, after a user has requested a rotation.
fn requesting(what: Rotate, facts: Facts) -> Facts {
    Facts { notes: Notes { requested: Some(what), ..facts.notes }, ..facts }
}

fn trusting(ids: &[&str]) -> TrustedAuthorities {
    TrustedAuthorities::Known { by_all: ids.iter().map(|name| id(name)).collect(), uniform: true }
}

/// Everything has been in place for long.
fn settled(facts: Facts) -> Situation {
    let trusted: BTreeSet<_> = facts.bundle();
    Situation {
        stored: Stored::Usable(facts),
        can_restore: true,
        trusted: TrustedAuthorities::Known { by_all: trusted, uniform: true },
        trusted_since: Some(day(0)),
        leaf_since: Some(day(0)),
    }
}

#[rstest]
#[case::there_was_none(false, Action::Create)]
#[case::there_was_one(true, Action::Restore)]
fn an_empty_secret_is_filled(#[case] can_restore: bool, #[case] action: Action) {
    let situation = Situation { stored: Stored::Unusable, can_restore, ..settled(installed()) };
    assert_eq!(plan(&situation, day(30), SETTLE), action);
}

/// The first bundle must include the authorities that the webhooks trust already.
#[test]
fn no_first_authority_is_made_before_the_configurations_are_known() {
    let situation = Situation {
        stored: Stored::Unusable,
        trusted: TrustedAuthorities::Unknown,
        can_restore: false,
        trusted_since: None,
        ..settled(installed())
    };
    assert_eq!(plan(&situation, day(30), SETTLE), Action::Wait { until: None });
}

#[rstest]
#[case::none(trusting(&[]))]
#[case::another(trusting(&["other"]))]
#[case::one_more(trusting(&["first", "other"]))]
#[case::not_uniform(TrustedAuthorities::Known { by_all: [id("first")].into(), uniform: false })]
fn webhooks_must_trust_the_bundle_and_no_other_authority(#[case] trusted: TrustedAuthorities) {
    let situation = Situation { trusted, ..settled(installed()) };
    assert_eq!(plan(&situation, day(30), SETTLE), Action::TrustBundle);
}

#[rstest]
#[case::absent(TrustedAuthorities::NoWebhooks)]
#[case::unknown(TrustedAuthorities::Unknown)]
fn without_configurations_the_certificate_is_still_renewed(#[case] trusted: TrustedAuthorities) {
    let situation = Situation { trusted, trusted_since: None, ..settled(installed()) };
    assert_eq!(plan(&situation, day(30), SETTLE), Action::Wait { until: Some(day(60)) });
    assert_eq!(plan(&situation, day(60), SETTLE), Action::Issue);
}

#[rstest]
#[case::young(30, Action::Wait { until: Some(day(60)) })]
#[case::a_third_left(60, Action::Issue)]
#[case::expired(91, Action::Issue)]
#[case::authority_expired(3_001, Action::AddAuthority)]
fn what_has_a_third_of_its_lifetime_left_is_renewed(#[case] now: i64, #[case] action: Action) {
    assert_eq!(plan(&settled(installed()), day(now), SETTLE), action);
}

/// While authorities change, the certificate is not renewed.
#[rstest]
#[case::lasts(120, 3_000 * DAY, Action::AddAuthority)]
#[case::may_not_last(119, 3_000 * DAY, Action::Issue)]
#[case::has_expired(-1, 3_000 * DAY, Action::Issue)]
#[case::cannot_last_longer(60, 60, Action::AddAuthority)]
fn an_authority_is_added_while_the_certificate_lasts(
    #[case] leaf_left: i64,
    #[case] authority_left: i64,
    #[case] action: Action,
) {
    let now = day(2_000);
    let until = |seconds| now + SignedDuration::from_secs(seconds);
    let mut facts = installed();
    facts.authorities[0].validity.until = until(authority_left);
    facts.leaf.validity = Validity { from: day(1_910), until: until(leaf_left) };
    let facts = requesting(Rotate::Authority, facts);
    assert_eq!(plan(&settled(facts), now, SETTLE), action);
}

#[rstest]
#[case::leaf(Rotate::Leaf, Action::Issue)]
#[case::authority(Rotate::Authority, Action::AddAuthority)]
fn a_requested_rotation_starts_at_once(#[case] what: Rotate, #[case] action: Action) {
    let facts = requesting(what, installed());
    assert_eq!(plan(&settled(facts), day(30), SETTLE), action);
}

#[test]
fn a_certificate_for_another_name_is_replaced() {
    let mut facts = installed();
    facts.leaf.has_our_name = false;
    assert_eq!(plan(&settled(facts), day(30), SETTLE), Action::Issue);
}

#[test]
fn a_new_authority_signs_after_all_webhooks_have_trusted_it_for_a_while() {
    // Given a second authority in the bundle, trusted for half of the time
    let half = day(30) - SETTLE / 2;
    let situation = Situation { trusted_since: Some(half), ..settled(handing_over()) };
    // Then the plan waits for the other half
    assert_eq!(plan(&situation, day(30), SETTLE), Action::Wait { until: Some(half + SETTLE) });
    assert_eq!(plan(&situation, half + SETTLE, SETTLE), Action::Issue);
    // And it waits after an interruption as well, as long as the served certificate is valid
    let situation = Situation { trusted_since: None, ..situation };
    assert_eq!(plan(&situation, day(31), SETTLE), Action::Wait { until: Some(day(90)) });
}

#[test]
fn an_expired_certificate_is_replaced_at_once() {
    let situation = Situation { trusted_since: None, ..settled(handing_over()) };
    assert_eq!(plan(&situation, day(91), SETTLE), Action::Issue);
}

#[test]
fn an_old_authority_is_dropped_after_the_new_certificate_has_settled() {
    let fresh = Situation { leaf_since: Some(day(30)), ..settled(handed_over()) };
    assert_eq!(plan(&fresh, day(30), SETTLE), Action::Wait { until: Some(day(30) + SETTLE) });
    assert_eq!(plan(&fresh, day(30) + SETTLE, SETTLE), Action::DropAuthorities(vec![id("first")]));
}

#[test]
fn adopted_authorities_stay_trusted_for_an_hour() {
    let mut facts = handed_over();
    facts.notes.adopted = Some(day(30));
    let hour_later = day(30) + SignedDuration::from_hours(1);
    assert_eq!(plan(&settled(facts.clone()), day(30), SETTLE), Action::Wait { until: Some(hour_later) });
    assert_eq!(plan(&settled(facts), hour_later, SETTLE), Action::DropAuthorities(vec![id("first")]));
}

#[test]
fn neither_the_signer_nor_the_issuer_is_dropped() {
    let situation = Situation { trusted_since: None, ..settled(handing_over()) };
    assert_eq!(plan(&situation, day(50), SETTLE), Action::Wait { until: Some(day(90)) });
}

#[test]
fn what_was_made_by_a_fast_clock_is_replaced() {
    // Given an authority and a certificate that are not valid yet
    let mut facts = installed();
    facts.authorities[0].validity = valid(40, 3_040);
    facts.leaf.validity = valid(40, 130);
    // Then an authority is added, and it signs a certificate at once
    assert_eq!(plan(&settled(facts.clone()), day(30), SETTLE), Action::AddAuthority);
    facts.authorities.push(Authority { id: id("second"), validity: valid(30, 3_030) });
    facts.signer = id("second");
    let situation = Situation { trusted_since: None, ..settled(facts) };
    assert_eq!(plan(&situation, day(30), SETTLE), Action::Issue);
}

#[test]
fn one_authority_is_replaced_at_a_time() {
    // Given an old authority that is not dropped yet
    let facts = requesting(Rotate::Authority, handed_over());
    let fresh = Situation { leaf_since: Some(day(30)), ..settled(facts) };
    // When a user requests another one, then the old one is dropped first
    assert_eq!(plan(&fresh, day(30), SETTLE), Action::Wait { until: Some(day(30) + SETTLE) });
    assert_eq!(plan(&fresh, day(30) + SETTLE, SETTLE), Action::DropAuthorities(vec![id("first")]));
}

#[test]
fn without_configurations_an_authority_is_replaced_only_after_it_has_expired() {
    let facts = requesting(Rotate::Authority, installed());
    let situation = Situation { trusted: TrustedAuthorities::NoWebhooks, trusted_since: None, ..settled(facts) };
    assert_eq!(plan(&situation, day(30), SETTLE), Action::Wait { until: Some(day(60)) });
    assert_eq!(plan(&situation, day(3_001), SETTLE), Action::AddAuthority);
}
