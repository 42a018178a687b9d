//! Where the certificate comes from: files, or ourselves.

use kube::Client;

use super::Failure;
use super::args::{CertificateArgs, Identity};
use super::background::Background;
use crate::certificates::{CertificateMetrics, Current, Files, Keeper, Names, Pair, Settings as AuthoritySettings};
use crate::runtime::Readiness;

/// Where the certificate comes from, checked as far as it can be before anything runs.
#[derive(Debug)]
pub(super) enum Source {
    /// Somebody else renews it.
    Files(Files, Pair),
    /// We do.
    Own(Names, AuthoritySettings),
}

impl Source {
    /// By the arguments.
    ///
    /// # Errors
    /// When the files hold nothing that can be served with, or our own certificates would end too soon.
    pub(super) fn of(args: &CertificateArgs, names: &Identity) -> Result<Self, Failure> {
        Ok(match args.files() {
            Some(files) => {
                let pair = files.pair()?;
                Self::Files(files, pair)
            }
            None => Self::Own(names.of_certificates(), args.settings()?),
        })
    }

    /// Lets `current` have it, now or soon, and whatever follows it. Gives the keeper that has to be run, where it is ours.
    pub(super) fn start(
        self,
        client: Client,
        current: Current,
        metrics: CertificateMetrics,
        background: &mut Background,
        readiness: &Readiness,
    ) -> Option<Keeper> {
        match self {
            Self::Files(files, pair) => {
                current.take(pair);
                background.spawn("reader of the certificate", files.follow(current));
                None
            }
            Self::Own(names, settings) => {
                let (keeper, watch) = Keeper::watch(client, names, settings, current, metrics);
                background.spawn("watch of certificates", watch);
                background.ready_when(readiness.condition("certificate-trusted"), keeper.trusted());
                Some(keeper)
            }
        }
    }
}
