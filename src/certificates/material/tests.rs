use rstest::rstest;

use super::*;

const HOST: &str = "koupleless-warden.koupleless-warden.svc";

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn terms() -> Terms {
    Terms {
        name: "koupleless-warden".to_owned(),
        host: HOST.to_owned(),
        leaf_lifetime: SignedDuration::from_hours(90 * 24),
        authority_lifetime: SignedDuration::from_hours(5 * 365 * 24),
    }
}

fn created() -> Material {
    Material::create(&terms(), Vec::new(), now()).unwrap()
}

fn facts(material: &Material) -> Facts {
    material.facts(HOST, Notes::default())
}

#[test]
fn what_is_made_can_be_read_again_and_is_as_the_terms_say() {
    // When an authority and a certificate are made, written and read
    let material = Material::decode(&created().encode()).unwrap();
    // Then it is what it should be
    let facts = facts(&material);
    assert_eq!(facts.authorities.len(), 1);
    assert_eq!((&facts.leaf.issuer, &facts.signer), (&facts.authorities[0].id, &facts.authorities[0].id));
    assert!(facts.leaf.has_our_name && !material.facts("other.svc", Notes::default()).leaf.has_our_name);
    // And the two are good from an hour ago on, for as long as asked
    let hour_ago = now() - SignedDuration::from_hours(1);
    assert_eq!(facts.leaf.validity, Validity { from: hour_ago, until: now() + terms().leaf_lifetime });
    assert_eq!(facts.authorities[0].validity, Validity { from: hour_ago, until: now() + terms().authority_lifetime });
}

#[test]
fn a_certificate_is_not_good_for_longer_than_its_authority() {
    let near_the_end = now() + terms().authority_lifetime - SignedDuration::from_hours(24);
    let material = created().with_leaf(&terms(), near_the_end).unwrap();
    let facts = facts(&material);
    assert_eq!(facts.leaf.validity.until, facts.authorities[0].validity.until);
}

#[test]
fn authorities_follow_each_other() {
    // Given a certificate by one authority
    let first = created();
    // When another joins, then it is to sign, and the certificate stays
    let both = first.with_authority(&terms(), now()).unwrap();
    let (before, between) = (facts(&first), facts(&both));
    assert_eq!((between.authorities.len(), &between.leaf), (2, &before.leaf));
    assert_ne!(between.signer, before.signer);
    // When it signs, then the first can go
    let signed = both.with_leaf(&terms(), now()).unwrap();
    assert_eq!(facts(&signed).leaf.issuer, between.signer);
    let alone = facts(&signed.without(&[before.signer]).unwrap());
    assert_eq!((alone.authorities.len(), alone.signer), (1, between.signer));
}

#[test]
fn whom_webhooks_trust_already_is_trusted_on() {
    // Given an authority that somebody else had made, for certificates that are still shown
    let theirs = created();
    // When one of ours is made, then both are in the bundle, and ours signs
    let others = theirs.authorities.iter().map(|listed| listed.der.clone()).collect();
    let ours = facts(&Material::create(&terms(), others, now()).unwrap());
    assert!(ours.bundle().contains(&facts(&theirs).signer) && ours.authorities.len() == 2);
    assert!(ours.leaf.issuer == ours.signer && ours.signer != facts(&theirs).signer);
}

#[test]
fn nothing_is_left_that_does_not_fit_together() {
    let first = created();
    let both = first.with_authority(&terms(), now()).unwrap();
    let (old, new) = (facts(&first).signer, facts(&both).signer);
    assert!(matches!(both.without(&[old]), Err(MaterialError::NoIssuer)));
    assert!(matches!(both.without(&[new]), Err(MaterialError::NoSigner)));
}

#[rstest]
#[case::no_bundle("ca.crt", None, "ca.crt is missing")]
#[case::empty_bundle("ca.crt", Some(""), "ca.crt is missing")]
#[case::garbage_bundle("ca.crt", Some("garbage"), "ca.crt holds no authority whose key ca.key is")]
#[case::no_key("ca.key", None, "ca.key is missing")]
#[case::garbage_key("ca.key", Some("garbage"), "ca.key: ")]
#[case::no_chain("tls.crt", None, "tls.crt is missing")]
#[case::garbage_chain("tls.crt", Some("garbage"), "there is no certificate")]
#[case::garbage_leaf_key("tls.key", Some("garbage"), "cannot read the key")]
fn what_cannot_be_used_says_why(#[case] key: &str, #[case] value: Option<&str>, #[case] why: &str) {
    let mut data = created().encode();
    match value {
        Some(text) => drop(data.insert(key.to_owned(), ByteString(text.as_bytes().to_vec()))),
        None => drop(data.remove(key)),
    }
    let error = Material::decode(&data).unwrap_err().to_string();
    assert!(error.starts_with(why), "{error}");
}

#[rstest]
#[case::of_another_authority("tls.crt", "certificate and key cannot be used")]
#[case::key_of_another("tls.key", "certificate and key cannot be used")]
#[case::authority_of_another("ca.crt", "ca.crt holds no authority whose key")]
fn parts_of_two_do_not_make_one(#[case] key: &str, #[case] why: &str) {
    let (mut data, mut other) = (created().encode(), created().encode());
    data.insert(key.to_owned(), other.remove(key).unwrap());
    let error = Material::decode(&data).unwrap_err().to_string();
    assert!(error.starts_with(why), "{error}");
}

#[test]
fn a_certificate_by_a_stranger_is_not_used() {
    let (mut data, mut other) = (created().encode(), created().encode());
    for key in ["tls.crt", "tls.key"] {
        data.insert(key.to_owned(), other.remove(key).unwrap());
    }
    assert!(matches!(Material::decode(&data), Err(MaterialError::NoIssuer)));
}

#[test]
fn keys_are_not_printed() {
    assert!(!format!("{:?}", created()).contains("PRIVATE"));
}
