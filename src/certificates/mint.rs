//! Makes authorities and certificates.

use std::hash::{BuildHasher as _, RandomState};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, Error, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use time::OffsetDateTime;

use super::BACKDATE;
use crate::certificates::Validity;

/// A certificate and its key, both PEM.
pub(super) struct Minted {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// An authority that can sign servers' certificates and nothing else, good for `lifetime` from `now` on.
pub(super) fn authority(name: &str, now: Timestamp, lifetime: SignedDuration) -> Result<Minted, Error> {
    // Authorities that follow each other are told apart by it, by people and by clients that look for an issuer by its name.
    let number = RandomState::new().hash_one(now.as_nanosecond());
    let mut params = parameters(&format!("{name} authority {number:016x}"), Vec::new(), period(now, lifetime, None))?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    Ok(Minted { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() })
}

/// A server's certificate for `host`, good for `lifetime` from `now` on, and no longer than the authority that signs it.
pub(super) fn leaf(
    signer: &Minted,
    signer_validity: Validity,
    host: &str,
    now: Timestamp,
    lifetime: SignedDuration,
) -> Result<Minted, Error> {
    let issuer = Issuer::from_ca_cert_pem(&signer.certificate, KeyPair::from_pem(&signer.key)?)?;
    let mut params = parameters(host, vec![host.to_owned()], period(now, lifetime, Some(signer_validity)))?;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    Ok(Minted { certificate: params.signed_by(&key, &issuer)?.pem(), key: key.serialize_pem() })
}

/// The period of something made now: backdated for clocks that go slow, but within that of the authority.
fn period(now: Timestamp, lifetime: SignedDuration, within: Option<Validity>) -> Validity {
    let from = now.checked_sub(BACKDATE).unwrap_or(now);
    let until = now.checked_add(lifetime).unwrap_or(Timestamp::MAX);
    within.map_or(Validity { from, until }, |outer| Validity {
        from: from.max(outer.from),
        until: until.min(outer.until),
    })
}

fn parameters(name: &str, hosts: Vec<String>, period: Validity) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name(name));
    let date = |at: Timestamp| OffsetDateTime::from_unix_timestamp(at.as_second()).map_err(|_| Error::Time);
    params.not_before = date(period.from)?;
    params.not_after = date(period.until)?;
    Ok(params)
}

/// A common name has at most 64 characters (X.520); clients go by the alternative names.
fn common_name(name: &str) -> String {
    name.chars().take(64).collect()
}
