//! Certificates: those that warden makes and renews itself, and those that it takes from files.
//!
//! Of its own it makes an authority and a certificate in one Secret, with the authority in `caBundle` of both webhook
//! configurations. Every replica watches the Secret and serves what it finds there; the one that holds the lease renews it in
//! time, one step of [`plan`] after the other. Only what has been read back from the API server is used. The first replica to
//! fill the Secret wins.

mod current;
mod facts;
mod files;
mod keeper;
mod leader;
mod material;
mod memory;
mod metrics;
mod mint;
mod pace;
mod pair;
mod plan;
mod seen;
mod serve;
#[cfg(test)]
mod simulation;
mod store;
mod validity;

use k8s_openapi::jiff::SignedDuration;

pub use current::Current;
pub use files::{CertificateError, Files};
pub use keeper::Keeper;
pub use metrics::CertificateMetrics;
pub use pair::{Pair, PairError};
pub use validity::Validity;
/// What certificates are backdated by, for clocks that go slow.
const BACKDATE: SignedDuration = SignedDuration::from_hours(1);

/// By what names the objects go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The namespace of the Service and of the Secret.
    pub namespace: String,
    /// The name of the Service and of both webhook configurations.
    pub name: String,
}

/// For how long certificates are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The certificate that is served. It is renewed when a third is left.
    pub leaf_lifetime: SignedDuration,
    /// The authority. It is renewed when a third is left.
    pub authority_lifetime: SignedDuration,
    /// How long all API servers and all replicas may take to hear of a change.
    pub settle: SignedDuration,
}

impl Names {
    /// The Secret.
    fn secret(&self) -> String {
        format!("{}-tls", self.name)
    }

    /// The name that the API server expects in the certificate: that of the Service.
    fn host(&self) -> String {
        format!("{}.{}.svc", self.name, self.namespace)
    }
}
