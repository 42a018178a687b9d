//! By what names warden's own objects go.

use clap::Args;

use crate::certificates::Names;

/// The names of warden's own objects in the cluster, all the same for all replicas.
#[derive(Debug, Clone, Args)]
pub(in crate::cli::serve) struct Identity {
    /// The namespace of warden's Service, Secret and Lease.
    #[arg(long, env = "POD_NAMESPACE", default_value = "koupleless-warden")]
    pub(in crate::cli::serve) namespace: String,
    /// The name of warden's Service, Lease and webhook configurations; its Secret, and the Lease of whoever fills it, are
    /// called NAME-tls.
    #[arg(long, env = "WARDEN_NAME", default_value = "koupleless-warden")]
    pub(in crate::cli::serve) name: String,
}

impl Identity {
    /// The name of the Lease of whoever makes certificates. It is not that of the controllers: a replica that makes none may hold
    /// theirs, in the middle of a change from certificates in files.
    pub(in crate::cli::serve) fn certificate_lease(&self) -> String {
        format!("{}-tls", self.name)
    }

    /// As certificates know them.
    pub(in crate::cli::serve) fn of_certificates(&self) -> Names {
        Names { namespace: self.namespace.clone(), name: self.name.clone() }
    }
}
