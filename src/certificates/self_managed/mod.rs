//! Certificates that warden makes itself: an authority and a certificate in one Secret, and the authority in `caBundle` of both
//! webhook configurations.
//!
//! Every replica watches the Secret and serves what it finds there. The replica that holds the lease renews the certificates in
//! time, one [`plan::Action`] after the other. Only what was read back from the API server is used. The replica that fills the
//! Secret first wins.
//!
//! - `observed`: what the API server shows. `observed_history`: since when. `facts`: the same without keys, for the plan.
//! - `plan`: decides on the next action. Pure. `serve`: decides when a replica serves a new certificate. Pure.
//! - `reconcile`: carries out an action, with certificates from `material` and `mint`, through `writes`.
//! - `controller`: the loop around them.

mod controller;
mod facts;
mod flap_backoff;
mod material;
mod mint;
mod observed;
mod observed_history;
mod plan;
mod reconcile;
mod serve;
#[cfg(test)]
mod simulation;
mod writes;

use k8s_openapi::jiff::SignedDuration;

pub use controller::CertificateController;

/// Certificates are valid from this long before they are made, for clients whose clocks are slow.
const BACKDATE: SignedDuration = SignedDuration::from_hours(1);

/// The names of warden's objects in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The namespace of the Service and of the Secret.
    pub namespace: String,
    /// The name of the Service and of both webhook configurations.
    pub name: String,
}

/// How long certificates live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateLifetimes {
    /// The served certificate. It is renewed when a third of its lifetime is left.
    pub leaf: SignedDuration,
    /// The authority. It is renewed when a third of its lifetime is left.
    pub authority: SignedDuration,
    /// How long all API servers and all replicas may take to observe a change.
    pub settle: SignedDuration,
}

impl Names {
    /// The name of the Secret.
    fn secret(&self) -> String {
        format!("{}-tls", self.name)
    }

    /// The host name that the API server expects in the certificate: the name of the Service.
    fn host(&self) -> String {
        format!("{}.{}.svc", self.name, self.namespace)
    }
}
