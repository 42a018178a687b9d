use rstest::rstest;

use super::*;

const HOST: &str = "koupleless-warden.koupleless-warden.svc";

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn profile() -> CertificateProfile {
    CertificateProfile {
        name: "koupleless-warden".to_owned(),
        host: HOST.to_owned(),
        leaf_lifetime: SignedDuration::from_hours(90 * 24),
        authority_lifetime: SignedDuration::from_hours(5 * 365 * 24),
    }
}

fn created() -> Material {
    Material::create(&profile(), Vec::new(), now()).unwrap()
}

fn facts(material: &Material) -> Facts {
    material.facts(HOST, Notes::default())
}

#[test]
fn what_is_made_can_be_decoded_again_and_follows_the_profile() {
    // When an authority and a certificate are made, written and read
    let material = Material::decode(&created().encode()).unwrap();
    // Then one authority has signed the certificate, which is for our name
    let facts = facts(&material);
    assert_eq!(facts.authorities.len(), 1);
    assert_eq!((&facts.leaf.issuer, &facts.signer), (&facts.authorities[0].id, &facts.authorities[0].id));
    assert!(facts.leaf.has_our_name && !material.facts("other.svc", Notes::default()).leaf.has_our_name);
    // And both are valid from an hour ago on, for their lifetimes
    let hour_ago = now() - SignedDuration::from_hours(1);
    assert_eq!(facts.leaf.validity, Validity { from: hour_ago, until: now() + profile().leaf_lifetime });
    assert_eq!(facts.authorities[0].validity, Validity { from: hour_ago, until: now() + profile().authority_lifetime });
}

#[test]
fn a_certificate_does_not_outlive_its_authority() {
    let near_the_end = now() + profile().authority_lifetime - SignedDuration::from_hours(24);
    let material = created().with_leaf(&profile(), near_the_end).unwrap();
    let facts = facts(&material);
    assert_eq!(facts.leaf.validity.until, facts.authorities[0].validity.until);
}

#[test]
fn authorities_follow_each_other() {
    // Given a certificate by one authority
    let first = created();
    // When another joins, then it is to sign, and the certificate stays
    let both = first.with_authority(&profile(), now()).unwrap();
    let (before, between) = (facts(&first), facts(&both));
    assert_eq!((between.authorities.len(), &between.leaf), (2, &before.leaf));
    assert_ne!(between.signer, before.signer);
    // When it signs, then the first can go
    let signed = both.with_leaf(&profile(), now()).unwrap();
    assert_eq!(facts(&signed).leaf.issuer, between.signer);
    let alone = facts(&signed.without(&[before.signer]).unwrap());
    assert_eq!((alone.authorities.len(), alone.signer), (1, between.signer));
}

#[test]
fn authorities_that_webhooks_trust_already_stay_in_the_bundle() {
    // Given an authority that another program has made, for certificates that are still served
    let theirs = created();
    // When warden makes one, then both are in the bundle, and warden's signs
    let others = theirs.authorities.iter().map(|bundled| bundled.der.clone()).collect();
    let ours = facts(&Material::create(&profile(), others, now()).unwrap());
    assert!(ours.bundle().contains(&facts(&theirs).signer) && ours.authorities.len() == 2);
    assert!(ours.leaf.issuer == ours.signer && ours.signer != facts(&theirs).signer);
}

#[test]
fn neither_the_signer_nor_the_issuer_can_be_removed() {
    let first = created();
    let both = first.with_authority(&profile(), now()).unwrap();
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
fn unusable_contents_say_what_is_wrong(#[case] key: &str, #[case] value: Option<&str>, #[case] why: &str) {
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
fn parts_of_two_secrets_do_not_fit_together(#[case] key: &str, #[case] why: &str) {
    let (mut data, mut other) = (created().encode(), created().encode());
    data.insert(key.to_owned(), other.remove(key).unwrap());
    let error = Material::decode(&data).unwrap_err().to_string();
    assert!(error.starts_with(why), "{error}");
}

#[test]
fn a_certificate_by_an_unknown_authority_is_rejected() {
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

/// The line length of RFC 7468, and a line feed at the end, so that texts can be joined.
#[test]
fn the_bundle_is_strict_pem() {
    let text = created().bundle();
    let (first, last) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----\n");
    assert!(text.starts_with(first) && text.ends_with(last) && !text.contains('\r'), "{text}");
    assert!(text.lines().all(|line| line.len() <= 64), "{text}");
}
