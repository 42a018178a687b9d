//! The names of warden's own objects.

use clap::Args;

use crate::certificates::Names;

/// The names of warden's own objects in the cluster. They are the same for all replicas.
#[derive(Debug, Clone, Args)]
pub(in crate::cli::serve) struct Identity {
    /// The namespace of warden's Service, Secret and Lease.
    #[arg(long, env = "POD_NAMESPACE", default_value = "koupleless-warden")]
    pub(in crate::cli::serve) namespace: String,
    /// The name of warden's Service, Lease and webhook configurations. The Secret with the certificates and the Lease of its
    /// writer are called NAME-tls.
    #[arg(long, env = "WARDEN_NAME", default_value = "koupleless-warden")]
    pub(in crate::cli::serve) name: String,
}

impl Identity {
    /// The name of the Lease for making certificates. The controllers have a Lease of their own: during a change from
    /// certificates in files, a replica that makes none may hold that one.
    pub(in crate::cli::serve) fn certificate_lease(&self) -> String {
        format!("{}-tls", self.name)
    }

    /// The names that the certificates depend on.
    pub(in crate::cli::serve) fn of_certificates(&self) -> Names {
        Names { namespace: self.namespace.clone(), name: self.name.clone() }
    }
}
