//! Makes authorities and certificates.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, Error, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use time::OffsetDateTime;

use super::BACKDATE;
use crate::certificates::Validity;

/// A certificate and its key, both as PEM.
pub(super) struct Minted {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// Makes an authority that can sign server certificates only. It is valid for `lifetime` from `now` on.
pub(super) fn authority(name: &str, now: Timestamp, lifetime: SignedDuration) -> Result<Minted, Error> {
    // The number tells successive authorities apart, for people and for clients that look up an issuer by its name. It is no
    // secret.
    let number = fastrand::u64(..);
    let mut params = parameters(&format!("{name} authority {number:016x}"), Vec::new(), period(now, lifetime, None))?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    Ok(Minted { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() })
}

/// Makes a server certificate for `host`. It is valid for `lifetime` from `now` on, but not longer than its signer.
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

/// The validity period of a certificate made now: backdated for clients whose clocks are slow, and within the period of the
/// signer.
fn period(now: Timestamp, lifetime: SignedDuration, signer: Option<Validity>) -> Validity {
    let from = now.checked_sub(BACKDATE).unwrap_or(now);
    let until = now.checked_add(lifetime).unwrap_or(Timestamp::MAX);
    signer.map_or(Validity { from, until }, |signer| Validity {
        from: from.max(signer.from),
        until: until.min(signer.until),
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

/// Shortens `name` to the 64 characters that X.520 permits. Clients verify the alternative names, not this one.
fn common_name(name: &str) -> String {
    name.chars().take(64).collect()
}
