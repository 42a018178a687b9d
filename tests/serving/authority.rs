//! Authorities that sign the certificates of clients.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};

use crate::client::OwnCertificate;

/// One authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a client with this name.
    pub(crate) fn client(&self, name: &str) -> OwnCertificate {
        self.signs(name, ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// A certificate for a server.
    pub(crate) fn server(&self, name: &str) -> OwnCertificate {
        self.signs(name, ExtendedKeyUsagePurpose::ServerAuth)
    }

    fn signs(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> OwnCertificate {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "any");
        if !name.is_empty() {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        OwnCertificate { chain: vec![certificate.der().clone()], key: key.into() }
    }
}
