//! Certificates and keys of one control plane, made anew for each.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

use crate::ControlPlane;

/// A certificate and its private key, as files.
#[derive(Clone, Debug)]
pub(crate) struct KeyAndCertificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Signs certificates for servers and clients.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority with a name of its own.
    pub(crate) fn new(name: &str) -> Result<Self> {
        let mut params = parameters(name, &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// Its certificate.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a server with these DNS names and addresses, as `<name>.crt` and `<name>.key`.
    pub(crate) fn serving(&self, dir: &Path, name: &str, hosts: &[&str]) -> Result<KeyAndCertificate> {
        let params = parameters(name, hosts)?;
        self.issue(dir, name, params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate for a client: Kubernetes reads the user from the common name and the group from the organization.
    pub(crate) fn client(&self, dir: &Path, name: &str, user: &str, group: Option<&str>) -> Result<KeyAndCertificate> {
        let mut params = parameters(user, &[])?;
        if let Some(group) = group {
            params.distinguished_name.push(DnType::OrganizationName, group);
        }
        self.issue(dir, name, params, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(
        &self,
        dir: &Path,
        name: &str,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<KeyAndCertificate> {
        params.extended_key_usages = vec![usage];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let files =
            KeyAndCertificate { certificate: dir.join(format!("{name}.crt")), key: dir.join(format!("{name}.key")) };
        write(&files.certificate, &certificate.pem())?;
        write(&files.key, &key.serialize_pem())?;
        Ok(files)
    }
}

/// The key pair that service account tokens are signed with, as `service-accounts.pub` and `service-accounts.key`.
pub(crate) fn service_account_keys(dir: &Path) -> Result<KeyAndCertificate> {
    let pair = KeyPair::generate()?;
    let files =
        KeyAndCertificate { certificate: dir.join("service-accounts.pub"), key: dir.join("service-accounts.key") };
    write(&files.certificate, &pair.public_key_pem())?;
    write(&files.key, &pair.serialize_pem())?;
    Ok(files)
}

fn parameters(name: &str, hosts: &[&str]) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(hosts.iter().map(|&host| host.to_owned()).collect::<Vec<_>>())?;
    params.distinguished_name.push(DnType::CommonName, name);
    let now = OffsetDateTime::now_utc();
    // An hour back for clocks that disagree; a playground may be left open for days.
    params.not_before = now - Duration::hours(1);
    params.not_after = now + Duration::days(30);
    Ok(params)
}

pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// A certificate for a webhook server, with an authority of its own, as files in the control plane's data folder.
#[derive(Clone, Debug)]
pub struct ServingCertificate {
    /// The authority's certificate: what belongs into `caBundle`.
    pub ca_pem: String,
    /// The server's certificate.
    pub cert_path: PathBuf,
    /// The server's private key.
    pub key_path: PathBuf,
}

impl ServingCertificate {
    /// Issues one for these DNS names.
    pub fn issue(plane: &ControlPlane, dns_names: &[&str]) -> Result<Self> {
        let authority = Authority::new("webhook authority")?;
        let name = plane.unique_name("webhook");
        let files = authority.serving(plane.dir(), &name, dns_names)?;
        Ok(Self { ca_pem: authority.pem(), cert_path: files.certificate, key_path: files.key })
    }
}

/// An authority for the clients of a webhook server, with its files in a folder of the test's own: the API server reads them
/// when it starts, before there is a control plane.
pub struct ClientAuthority {
    authority: Authority,
    dir: PathBuf,
    /// Its certificate.
    pub ca_path: PathBuf,
}

/// The certificate by which a client is known, as files.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// The certificate.
    pub cert_path: PathBuf,
    /// Its private key.
    pub key_path: PathBuf,
}

impl ClientAuthority {
    /// A new one, as `clients.crt` in `dir`.
    pub fn new(dir: &Path) -> Result<Self> {
        let authority = Authority::new("webhook client authority")?;
        let ca_path = dir.join("clients.crt");
        write(&ca_path, &authority.pem())?;
        Ok(Self { authority, dir: dir.to_owned(), ca_path })
    }

    /// A certificate for the client of this common name.
    pub fn issue(&self, name: &str) -> Result<ClientCertificate> {
        let files = self.authority.client(&self.dir, name, name, None)?;
        Ok(ClientCertificate { cert_path: files.certificate, key_path: files.key })
    }
}
