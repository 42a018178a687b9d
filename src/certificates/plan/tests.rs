use std::collections::BTreeSet;

use rstest::rstest;

use super::*;
use crate::certificates::facts::{Authority, Leaf, Notes};

const SETTLE: SignedDuration = SignedDuration::from_secs(60);
const DAY: i64 = 24 * 60 * 60;

/// So many days after an installation.
fn day(days: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + days * DAY).unwrap()
}

fn id(name: &str) -> CertificateId {
    CertificateId::of(name.as_bytes())
}

fn good(from: i64, until: i64) -> Validity {
    Validity { from: day(from) - BACKDATE, until: day(until) }
}

/// An installation of 30 days: an authority for 3,000, a certificate for 90.
fn installed() -> Facts {
    Facts {
        authorities: vec![Authority { id: id("first"), validity: good(0, 3_000) }],
        signer: id("first"),
        leaf: Leaf { id: id("leaf"), issuer: id("first"), validity: good(0, 90), has_our_name: true },
        notes: Notes::default(),
    }
}

/// The same while a second authority is to follow.
fn handing_over() -> Facts {
    let mut facts = installed();
    facts.authorities.push(Authority { id: id("second"), validity: good(30, 3_030) });
    facts.signer = id("second");
    facts
}

/// The same, when the second one has signed.
fn handed_over() -> Facts {
    let mut facts = handing_over();
    facts.leaf = Leaf { id: id("leaf 2"), issuer: id("second"), validity: good(30, 120), has_our_name: true };
    facts
}

/// The same, when somebody asks for this.
fn asking(what: Rotate, facts: Facts) -> Facts {
    Facts { notes: Notes { asked: Some(what), ..facts.notes }, ..facts }
}

fn trusting(ids: &[&str]) -> Bundles {
    Bundles::Are { trusted: ids.iter().map(|name| id(name)).collect(), alike: true }
}

/// All is in place for long.
fn settled(facts: Facts) -> Situation {
    let trusted: BTreeSet<_> = facts.bundle();
    Situation {
        stored: Stored::Is(facts),
        remembers: true,
        bundles: Bundles::Are { trusted, alike: true },
        trusted_since: Some(day(0)),
        leaf_since: Some(day(0)),
    }
}

#[rstest]
#[case::nobody_knows_any(false, Step::Create)]
#[case::there_was_one(true, Step::Restore)]
fn an_empty_secret_is_filled(#[case] remembers: bool, #[case] step: Step) {
    let situation = Situation { stored: Stored::Nothing, remembers, ..settled(installed()) };
    assert_eq!(plan(&situation, day(30), SETTLE), step);
}

/// Whom the webhooks trust already must not be forgotten.
#[test]
fn no_first_authority_is_made_before_the_configurations_have_been_looked_for() {
    let situation = Situation {
        stored: Stored::Nothing,
        bundles: Bundles::Unknown,
        remembers: false,
        trusted_since: None,
        ..settled(installed())
    };
    assert_eq!(plan(&situation, day(30), SETTLE), Step::Wait { until: None });
}

#[rstest]
#[case::none(trusting(&[]))]
#[case::another(trusting(&["other"]))]
#[case::one_more(trusting(&["first", "other"]))]
#[case::not_all_alike(Bundles::Are { trusted: [id("first")].into(), alike: false })]
fn webhooks_are_to_trust_the_bundle_and_nobody_else(#[case] bundles: Bundles) {
    let situation = Situation { bundles, ..settled(installed()) };
    assert_eq!(plan(&situation, day(30), SETTLE), Step::PutBundles);
}

#[rstest]
#[case::not_there(Bundles::Missing)]
#[case::not_looked_for_yet(Bundles::Unknown)]
fn configurations_that_are_not_there_are_waited_for(#[case] bundles: Bundles) {
    let situation = Situation { bundles, trusted_since: None, ..settled(installed()) };
    assert_eq!(plan(&situation, day(30), SETTLE), Step::Wait { until: Some(day(60)) });
    assert_eq!(plan(&situation, day(60), SETTLE), Step::Issue);
}

#[rstest]
#[case::young(30, Step::Wait { until: Some(day(60)) })]
#[case::a_third_left(60, Step::Issue)]
#[case::over(91, Step::Issue)]
#[case::authority_over(3_001, Step::AddAuthority)]
fn what_has_a_third_left_is_made_anew(#[case] now: i64, #[case] step: Step) {
    assert_eq!(plan(&settled(installed()), day(now), SETTLE), step);
}

/// While authorities change, the certificate is not made anew.
#[rstest]
#[case::lasts(120, 3_000 * DAY, Step::AddAuthority)]
#[case::may_not_last(119, 3_000 * DAY, Step::Issue)]
#[case::is_over(-1, 3_000 * DAY, Step::Issue)]
#[case::cannot_last_longer(60, 60, Step::AddAuthority)]
fn another_authority_comes_while_the_certificate_lasts(
    #[case] leaf_left: i64,
    #[case] authority_left: i64,
    #[case] step: Step,
) {
    let now = day(2_000);
    let until = |seconds| now + SignedDuration::from_secs(seconds);
    let mut facts = installed();
    facts.authorities[0].validity.until = until(authority_left);
    facts.leaf.validity = Validity { from: day(1_910), until: until(leaf_left) };
    let facts = asking(Rotate::Authority, facts);
    assert_eq!(plan(&settled(facts), now, SETTLE), step);
}

#[rstest]
#[case::leaf(Rotate::Leaf, Step::Issue)]
#[case::authority(Rotate::Authority, Step::AddAuthority)]
fn what_is_asked_for_is_done_at_once(#[case] what: Rotate, #[case] step: Step) {
    let facts = asking(what, installed());
    assert_eq!(plan(&settled(facts), day(30), SETTLE), step);
}

#[test]
fn a_certificate_for_another_name_is_replaced() {
    let mut facts = installed();
    facts.leaf.has_our_name = false;
    assert_eq!(plan(&settled(facts), day(30), SETTLE), Step::Issue);
}

#[test]
fn a_new_authority_signs_when_all_have_trusted_it_for_a_while() {
    // Given a second authority in the bundle, trusted for half of the time
    let half = day(30) - SETTLE / 2;
    let situation = Situation { trusted_since: Some(half), ..settled(handing_over()) };
    // Then it waits for the other half
    assert_eq!(plan(&situation, day(30), SETTLE), Step::Wait { until: Some(half + SETTLE) });
    assert_eq!(plan(&situation, half + SETTLE, SETTLE), Step::Issue);
    // Also where a break was seen: who does not trust it yet makes it wait, as long as there is something to serve
    let situation = Situation { trusted_since: None, ..situation };
    assert_eq!(plan(&situation, day(31), SETTLE), Step::Wait { until: Some(day(90)) });
}

#[test]
fn a_certificate_that_nobody_accepts_any_more_waits_for_nothing() {
    let situation = Situation { trusted_since: None, ..settled(handing_over()) };
    assert_eq!(plan(&situation, day(91), SETTLE), Step::Issue);
}

#[test]
fn an_old_authority_is_dropped_when_nobody_shows_its_certificate_any_more() {
    let fresh = Situation { leaf_since: Some(day(30)), ..settled(handed_over()) };
    assert_eq!(plan(&fresh, day(30), SETTLE), Step::Wait { until: Some(day(30) + SETTLE) });
    assert_eq!(plan(&fresh, day(30) + SETTLE, SETTLE), Step::Drop(vec![id("first")]));
}

#[test]
fn whom_others_may_serve_in_the_name_of_is_trusted_for_long() {
    let mut facts = handed_over();
    facts.notes.adopted = Some(day(30));
    let hour_later = day(30) + SignedDuration::from_hours(1);
    assert_eq!(plan(&settled(facts.clone()), day(30), SETTLE), Step::Wait { until: Some(hour_later) });
    assert_eq!(plan(&settled(facts), hour_later, SETTLE), Step::Drop(vec![id("first")]));
}

#[test]
fn neither_a_signer_nor_an_issuer_is_ever_dropped() {
    let situation = Situation { trusted_since: None, ..settled(handing_over()) };
    assert_eq!(plan(&situation, day(50), SETTLE), Step::Wait { until: Some(day(90)) });
}

#[test]
fn what_a_clock_that_was_ahead_has_made_is_replaced() {
    // Given an authority and a certificate that are not good yet
    let mut facts = installed();
    facts.authorities[0].validity = good(40, 3_040);
    facts.leaf.validity = good(40, 130);
    // Then another authority comes, and then another certificate by it, at once
    assert_eq!(plan(&settled(facts.clone()), day(30), SETTLE), Step::AddAuthority);
    facts.authorities.push(Authority { id: id("second"), validity: good(30, 3_030) });
    facts.signer = id("second");
    let situation = Situation { trusted_since: None, ..settled(facts) };
    assert_eq!(plan(&situation, day(30), SETTLE), Step::Issue);
}

#[test]
fn one_authority_follows_another_and_no_more_at_a_time() {
    // Given an old authority that is not dropped yet
    let facts = asking(Rotate::Authority, handed_over());
    let fresh = Situation { leaf_since: Some(day(30)), ..settled(facts) };
    // When another one is asked for, then that waits for the old one to go
    assert_eq!(plan(&fresh, day(30), SETTLE), Step::Wait { until: Some(day(30) + SETTLE) });
    assert_eq!(plan(&fresh, day(30) + SETTLE, SETTLE), Step::Drop(vec![id("first")]));
}

#[test]
fn without_configurations_no_authority_is_changed_before_it_must() {
    let facts = asking(Rotate::Authority, installed());
    let situation = Situation { bundles: Bundles::Missing, trusted_since: None, ..settled(facts) };
    assert_eq!(plan(&situation, day(30), SETTLE), Step::Wait { until: Some(day(60)) });
    assert_eq!(plan(&situation, day(3_001), SETTLE), Step::AddAuthority);
}
