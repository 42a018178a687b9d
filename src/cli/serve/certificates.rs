//! The source of the served certificate: files, or warden itself.

use kube::Client;

use super::Failure;
use super::args::{CertificateArgs, Identity};
use super::background_tasks::BackgroundTasks;
use crate::certificates::{
    CertificateController, CertificateFiles, CertificateLifetimes, CertificateMetrics, Current, Names, Pair,
};
use crate::k8s::WriteMetrics;
use crate::runtime::Readiness;

/// The source of the certificate, checked as far as possible before anything runs.
#[derive(Debug)]
pub(super) enum CertificateSource {
    /// Files that another program renews.
    Files(Pair, CertificateFiles),
    /// warden makes and renews certificates itself.
    SelfManaged(Names, CertificateLifetimes),
}

impl CertificateSource {
    /// Chooses the source by the arguments.
    ///
    /// # Errors
    /// If the certificate in the files cannot be served, or the lifetimes are too short.
    pub(super) fn of(args: &CertificateArgs, names: &Identity) -> Result<Self, Failure> {
        Ok(match args.files() {
            Some(files) => {
                let (pair, files) = files.load()?;
                Self::Files(pair, files)
            }
            None => Self::SelfManaged(names.of_certificates(), args.lifetimes()?),
        })
    }

    /// Serves the certificate through `current` from now on, and its successors. Returns the controller that must run, if
    /// certificates are self-managed.
    pub(super) fn start(
        self,
        client: Client,
        current: Current,
        metrics: (CertificateMetrics, &WriteMetrics),
        background: &mut BackgroundTasks,
        readiness: &Readiness,
    ) -> Option<CertificateController> {
        match self {
            Self::Files(pair, files) => {
                current.set(pair);
                background.spawn("reader of the certificate", files.follow(current));
                None
            }
            Self::SelfManaged(names, lifetimes) => {
                let (metrics, writes) = metrics;
                let (controller, watch) =
                    CertificateController::new(client, names, lifetimes, current, metrics, writes);
                background.spawn("watch of certificates", watch);
                background.ready_when(readiness.condition("certificate-trusted"), controller.trusted());
                Some(controller)
            }
        }
    }
}
