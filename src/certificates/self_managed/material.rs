//! The contents of the Secret: certificates and keys, decoded and encoded.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use pem::{EncodeConfig, LineEnding, Pem};
use rcgen::{KeyPair, PublicKeyData as _};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error, RootCertStore};
use thiserror::Error;
use x509_parser::parse_x509_certificate;

use super::facts::{Authority, CertificateId, Facts, Leaf, Notes};
use super::mint::{self, Minted};
use super::{CertificateLifetimes, Names};
use crate::certificates::{Pair, PairError, Validity};

/// The fields of the Secret: those of type `kubernetes.io/tls`, as cert-manager has them too, and the key of the authority.
const BUNDLE: &str = "ca.crt";
const SIGNER_KEY: &str = "ca.key";
const CHAIN: &str = "tls.crt";
const KEY: &str = "tls.key";

/// An authority with its key, the bundle that includes it, and a certificate that it or its predecessor has signed.
pub(super) struct Material {
    authorities: Vec<BundledAuthority>,
    signer: CertificateId,
    signer_key: String,
    chain: String,
    key: String,
    pair: Pair,
    issuer: CertificateId,
}

/// An authority in the bundle.
struct BundledAuthority {
    authority: Authority,
    der: CertificateDer<'static>,
}

/// What certificates are made for, and how long they live.
#[derive(Debug, Clone)]
pub(super) struct CertificateProfile {
    /// The beginning of the authorities' names.
    name: String,
    /// The host name that the API server expects.
    host: String,
    leaf_lifetime: SignedDuration,
    authority_lifetime: SignedDuration,
}

/// The contents of the Secret cannot be used, or new ones could not be made.
#[derive(Debug, Error)]
pub(super) enum MaterialError {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0} is not PEM")]
    NotPem(&'static str),
    #[error("{BUNDLE} holds no authority whose key {SIGNER_KEY} is")]
    NoSigner,
    #[error("{CHAIN} is signed by no authority in {BUNDLE}")]
    NoIssuer,
    #[error(transparent)]
    Pair(#[from] PairError),
    #[error("{SIGNER_KEY}: {0}")]
    Key(#[from] rcgen::Error),
}

impl Material {
    /// Decodes the data of a Secret. Validity periods are not checked.
    pub(super) fn decode(data: &BTreeMap<String, ByteString>) -> Result<Self, MaterialError> {
        let text = |key: &'static str| {
            let bytes = data.get(key).filter(|bytes| !bytes.0.is_empty()).ok_or(MaterialError::Missing(key))?;
            String::from_utf8(bytes.0.clone()).map_err(|_| MaterialError::NotPem(key))
        };
        Self::of(&text(BUNDLE)?, text(SIGNER_KEY)?, text(CHAIN)?, text(KEY)?)
    }

    fn of(bundle: &str, signer_key: String, chain: String, key: String) -> Result<Self, MaterialError> {
        let authorities = authorities(bundle.as_bytes()).map_err(|()| MaterialError::NotPem(BUNDLE))?;
        let authorities: Vec<_> = authorities.into_iter().map(BundledAuthority::new).collect::<Result<_, _>>()?;
        let public = KeyPair::from_pem(&signer_key)?.subject_public_key_info();
        let signer = authorities.iter().find(|bundled| public_key(&bundled.der).is_some_and(|key| key == public));
        let signer = signer.ok_or(MaterialError::NoSigner)?.authority.id.clone();
        let pair = Pair::from_pem(chain.as_bytes(), key.as_bytes())?;
        let issuer = authorities.iter().find(|bundled| signed(bundled, &pair)).ok_or(MaterialError::NoIssuer)?;
        let issuer = issuer.authority.id.clone();
        Ok(Self { authorities, signer, signer_key, chain, key, pair, issuer })
    }

    /// Encodes it as the data of a Secret.
    pub(super) fn encode(&self) -> BTreeMap<String, ByteString> {
        let entry = |key: &str, text: &str| (key.to_owned(), ByteString(text.as_bytes().to_vec()));
        [
            entry(BUNDLE, &self.bundle()),
            entry(SIGNER_KEY, &self.signer_key),
            entry(CHAIN, &self.chain),
            entry(KEY, &self.key),
        ]
        .into()
    }

    /// Makes an authority and a certificate that it signs. The bundle includes `others` too, since replicas may still serve
    /// certificates by them.
    pub(super) fn create(
        profile: &CertificateProfile,
        others: Vec<CertificateDer<'static>>,
        now: Timestamp,
    ) -> Result<Self, MaterialError> {
        let signer = mint::authority(&profile.name, now, profile.authority_lifetime)?;
        let leaf = profile.leaf(&signer, now)?;
        let others = others.into_iter().filter_map(|der| BundledAuthority::new(der).ok());
        let bundle = others.fold(signer.certificate, |bundle, other| bundle + &other.pem());
        Self::of(&bundle, signer.key, leaf.certificate, leaf.key)
    }

    /// Returns the same contents with a new authority in the bundle, which signs from now on.
    pub(super) fn with_authority(&self, profile: &CertificateProfile, now: Timestamp) -> Result<Self, MaterialError> {
        let signer = mint::authority(&profile.name, now, profile.authority_lifetime)?;
        Self::of(&(self.bundle() + &signer.certificate), signer.key, self.chain.clone(), self.key.clone())
    }

    /// Returns the same contents with a new certificate, signed by the signer.
    pub(super) fn with_leaf(&self, profile: &CertificateProfile, now: Timestamp) -> Result<Self, MaterialError> {
        let signer = self.authorities.iter().find(|bundled| bundled.authority.id == self.signer);
        let certificate = signer.ok_or(MaterialError::NoSigner)?.pem();
        let leaf = profile.leaf(&Minted { certificate, key: self.signer_key.clone() }, now)?;
        Self::of(&self.bundle(), self.signer_key.clone(), leaf.certificate, leaf.key)
    }

    /// Returns the same contents without these authorities.
    pub(super) fn without(&self, old: &[CertificateId]) -> Result<Self, MaterialError> {
        let kept = self.authorities.iter().filter(|bundled| !old.contains(&bundled.authority.id));
        let bundle: String = kept.map(BundledAuthority::pem).collect();
        Self::of(&bundle, self.signer_key.clone(), self.chain.clone(), self.key.clone())
    }

    /// The facts that the plan decides by.
    pub(super) fn facts(&self, host: &str, notes: Notes) -> Facts {
        Facts {
            authorities: self.authorities.iter().map(|bundled| bundled.authority.clone()).collect(),
            signer: self.signer.clone(),
            leaf: Leaf {
                id: CertificateId::of(self.pair.own()),
                issuer: self.issuer.clone(),
                validity: self.pair.validity(),
                has_our_name: self.pair.check_host(host).is_ok(),
            },
            notes,
        }
    }

    /// The certificate and key to serve.
    pub(super) fn pair(&self) -> &Pair {
        &self.pair
    }

    /// The authorities as PEM.
    pub(super) fn bundle(&self) -> String {
        self.authorities.iter().map(BundledAuthority::pem).collect()
    }
}

/// Leaves the keys out.
impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").field("signer", &self.signer).field("pair", &self.pair).finish_non_exhaustive()
    }
}

impl CertificateProfile {
    pub(super) fn new(names: &Names, lifetimes: &CertificateLifetimes) -> Self {
        Self {
            name: names.name.clone(),
            host: names.host(),
            leaf_lifetime: lifetimes.leaf,
            authority_lifetime: lifetimes.authority,
        }
    }

    fn leaf(&self, signer: &Minted, now: Timestamp) -> Result<Minted, MaterialError> {
        let der = CertificateDer::from_pem_slice(signer.certificate.as_bytes());
        let validity = Validity::of(&der.map_err(|_| MaterialError::NotPem(BUNDLE))?)?;
        Ok(mint::leaf(signer, validity, &self.host, now, self.leaf_lifetime)?)
    }
}

impl BundledAuthority {
    fn new(der: CertificateDer<'static>) -> Result<Self, PairError> {
        let authority = Authority { id: CertificateId::of(&der), validity: Validity::of(&der)? };
        Ok(Self { authority, der })
    }

    fn pem(&self) -> String {
        let pem = Pem::new("CERTIFICATE", self.der.to_vec());
        pem::encode_config(&pem, EncodeConfig::new().set_line_ending(LineEnding::LF))
    }
}

/// Reads the certificates in a bundle.
pub(super) fn authorities(bundle: &[u8]) -> Result<Vec<CertificateDer<'static>>, ()> {
    CertificateDer::pem_slice_iter(bundle).collect::<Result<_, _>>().map_err(|_| ())
}

fn public_key(der: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, certificate) = parse_x509_certificate(der).ok()?;
    Some(certificate.public_key().raw.to_vec())
}

/// Whether `authority` has signed the certificate of `pair`. It is checked at the time when the later of the two was made, since
/// both were valid then.
fn signed(authority: &BundledAuthority, pair: &Pair) -> bool {
    let mut roots = RootCertStore::empty();
    if roots.add(authority.der.clone()).is_err() {
        return false;
    }
    let Ok(verifier) = WebPkiServerVerifier::builder(roots.into()).build() else { return false };
    let made = pair.validity().from.max(authority.authority.validity.from);
    let Ok(since_1970) = std::time::Duration::try_from(made.as_duration()) else { return false };
    let any_name = ServerName::from(std::net::Ipv4Addr::LOCALHOST);
    let verified = verifier.verify_server_cert(
        pair.own(),
        pair.intermediates(),
        &any_name,
        &[],
        UnixTime::since_unix_epoch(since_1970),
    );
    // The verifier checks the host name last, and any name will do here.
    matches!(
        verified,
        Ok(_)
            | Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
            ))
    )
}

#[cfg(test)]
mod tests;
