//! The contents of the Secret: certificates and keys as they are kept, read and written.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use k8s_openapi::ByteString;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
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
use crate::certificates::{Pair, PairError, Validity};

/// The keys of the Secret's data: those of a Secret of type `kubernetes.io/tls` and of cert-manager, and the authority's key.
const BUNDLE: &str = "ca.crt";
const SIGNER_KEY: &str = "ca.key";
const CHAIN: &str = "tls.crt";
const KEY: &str = "tls.key";

/// An authority with its key, the bundle it belongs to, and a certificate it or its predecessor signed.
pub(super) struct Material {
    authorities: Vec<Listed>,
    signer: CertificateId,
    signer_key: String,
    chain: String,
    key: String,
    pair: Pair,
    issuer: CertificateId,
}

/// An authority in the bundle.
struct Listed {
    authority: Authority,
    der: CertificateDer<'static>,
}

/// For what, and for how long, certificates are made.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    /// What authorities are called.
    pub(super) name: String,
    /// The name by which the API server calls us.
    pub(super) host: String,
    pub(super) leaf_lifetime: SignedDuration,
    pub(super) authority_lifetime: SignedDuration,
}

/// Why the contents of the Secret cannot be used, or none could be made.
#[derive(Debug, Error)]
pub(super) enum MaterialError {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0} is no PEM")]
    NoPem(&'static str),
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
    /// Reads the data of a Secret. What time it is does not matter here.
    pub(super) fn decode(data: &BTreeMap<String, ByteString>) -> Result<Self, MaterialError> {
        let text = |key: &'static str| {
            let bytes = data.get(key).filter(|bytes| !bytes.0.is_empty()).ok_or(MaterialError::Missing(key))?;
            String::from_utf8(bytes.0.clone()).map_err(|_| MaterialError::NoPem(key))
        };
        Self::of(&text(BUNDLE)?, text(SIGNER_KEY)?, text(CHAIN)?, text(KEY)?)
    }

    fn of(bundle: &str, signer_key: String, chain: String, key: String) -> Result<Self, MaterialError> {
        let authorities = authorities(bundle.as_bytes()).map_err(|()| MaterialError::NoPem(BUNDLE))?;
        let authorities: Vec<_> = authorities.into_iter().map(Listed::new).collect::<Result<_, _>>()?;
        let public = KeyPair::from_pem(&signer_key)?.subject_public_key_info();
        let signer = authorities.iter().find(|listed| public_key(&listed.der).is_some_and(|key| key == public));
        let signer = signer.ok_or(MaterialError::NoSigner)?.authority.id.clone();
        let pair = Pair::from_pem(chain.as_bytes(), key.as_bytes())?;
        let issuer = authorities.iter().find(|listed| signed(listed, &pair)).ok_or(MaterialError::NoIssuer)?;
        let issuer = issuer.authority.id.clone();
        Ok(Self { authorities, signer, signer_key, chain, key, pair, issuer })
    }

    /// The data of a Secret.
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

    /// A new authority and a certificate by it. `others` are in the bundle too: what they have signed may still be shown.
    pub(super) fn create(
        terms: &Terms,
        others: Vec<CertificateDer<'static>>,
        now: Timestamp,
    ) -> Result<Self, MaterialError> {
        let signer = mint::authority(&terms.name, now, terms.authority_lifetime)?;
        let leaf = terms.leaf(&signer, now)?;
        let others = others.into_iter().filter_map(|der| Listed::new(der).ok());
        let bundle = others.fold(signer.certificate, |bundle, other| bundle + &other.pem());
        Self::of(&bundle, signer.key, leaf.certificate, leaf.key)
    }

    /// The same with a new authority in the bundle, which signs from now on.
    pub(super) fn with_authority(&self, terms: &Terms, now: Timestamp) -> Result<Self, MaterialError> {
        let signer = mint::authority(&terms.name, now, terms.authority_lifetime)?;
        Self::of(&(self.bundle() + &signer.certificate), signer.key, self.chain.clone(), self.key.clone())
    }

    /// The same with a new certificate, by the signer.
    pub(super) fn with_leaf(&self, terms: &Terms, now: Timestamp) -> Result<Self, MaterialError> {
        let signer = self.authorities.iter().find(|listed| listed.authority.id == self.signer);
        let certificate = signer.ok_or(MaterialError::NoSigner)?.pem();
        let leaf = terms.leaf(&Minted { certificate, key: self.signer_key.clone() }, now)?;
        Self::of(&self.bundle(), self.signer_key.clone(), leaf.certificate, leaf.key)
    }

    /// The same without these authorities.
    pub(super) fn without(&self, old: &[CertificateId]) -> Result<Self, MaterialError> {
        let kept = self.authorities.iter().filter(|listed| !old.contains(&listed.authority.id));
        let bundle: String = kept.map(Listed::pem).collect();
        Self::of(&bundle, self.signer_key.clone(), self.chain.clone(), self.key.clone())
    }

    /// What the plan goes by.
    pub(super) fn facts(&self, host: &str, notes: Notes) -> Facts {
        Facts {
            authorities: self.authorities.iter().map(|listed| listed.authority.clone()).collect(),
            signer: self.signer.clone(),
            leaf: Leaf {
                id: CertificateId::of(self.pair.own()),
                issuer: self.issuer.clone(),
                validity: self.pair.validity(),
                has_our_name: self.pair.is_for(host).is_ok(),
            },
            notes,
        }
    }

    /// What is to be served.
    pub(super) fn pair(&self) -> &Pair {
        &self.pair
    }

    /// The authorities as PEM, one after the other.
    pub(super) fn bundle(&self) -> String {
        self.authorities.iter().map(Listed::pem).collect()
    }
}

/// Without the keys.
impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").field("signer", &self.signer).field("pair", &self.pair).finish_non_exhaustive()
    }
}

impl Terms {
    fn leaf(&self, signer: &Minted, now: Timestamp) -> Result<Minted, MaterialError> {
        let der = CertificateDer::from_pem_slice(signer.certificate.as_bytes());
        let validity = Validity::of(&der.map_err(|_| MaterialError::NoPem(BUNDLE))?)?;
        Ok(mint::leaf(signer, validity, &self.host, now, self.leaf_lifetime)?)
    }
}

impl Listed {
    fn new(der: CertificateDer<'static>) -> Result<Self, PairError> {
        let authority = Authority { id: CertificateId::of(&der), validity: Validity::of(&der)? };
        Ok(Self { authority, der })
    }

    /// As RFC 7468 has it.
    fn pem(&self) -> String {
        let text = BASE64.encode(&self.der);
        let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
        for line in text.as_bytes().chunks(64) {
            pem.extend(line.iter().map(|&byte| char::from(byte)));
            pem.push('\n');
        }
        pem + "-----END CERTIFICATE-----\n"
    }
}

/// The certificates in a bundle.
pub(super) fn authorities(bundle: &[u8]) -> Result<Vec<CertificateDer<'static>>, ()> {
    CertificateDer::pem_slice_iter(bundle).collect::<Result<_, _>>().map_err(|_| ())
}

fn public_key(der: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, certificate) = parse_x509_certificate(der).ok()?;
    Some(certificate.public_key().raw.to_vec())
}

/// Whether `authority` signed the pair's certificate, whenever that was: both were good when the later of them was made.
fn signed(authority: &Listed, pair: &Pair) -> bool {
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
    // The name is looked at last, and is not what is asked here.
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
