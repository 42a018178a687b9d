//! The arguments for the served certificate.

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args, value_parser};
use k8s_openapi::jiff::SignedDuration;
use thiserror::Error;

use crate::certificates::{CertificateLifetimes, Files};

/// Certificates. Without files, warden makes its own in the Secret NAME-tls, and writes its authority to the webhook
/// configurations.
#[derive(Debug, Args)]
#[command(next_help_heading = "Certificates")]
pub(in crate::cli::serve) struct CertificateArgs {
    /// The certificate chain, as PEM, which another program renews. If unset, warden makes its own certificates.
    #[arg(long, env = "WARDEN_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key, as PEM.
    #[arg(long, env = "WARDEN_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// How many seconds a certificate that warden makes is valid (90 days). It is renewed when a third is left.
    #[arg(
        long, env = "WARDEN_CERTIFICATE_LIFETIME", default_value_t = 90 * DAY, value_name = "SECONDS",
        value_parser = lifetime()
    )]
    certificate_lifetime: u64,
    /// How many seconds an authority that warden makes is valid (5 years). It is renewed when a third is left.
    #[arg(
        long, env = "WARDEN_AUTHORITY_LIFETIME", default_value_t = 5 * 365 * DAY, value_name = "SECONDS",
        value_parser = lifetime()
    )]
    authority_lifetime: u64,
    /// How many seconds the webhooks trust a new authority before it signs, and an old one after its last certificate is
    /// replaced.
    #[arg(
        long, env = "WARDEN_CERTIFICATE_SETTLE", default_value_t = 60, value_name = "SECONDS",
        value_parser = value_parser!(u64).range(1..=DAY)
    )]
    certificate_settle: u64,
}

/// Certificates would expire before all replicas and API servers have observed them.
#[derive(Debug, Error)]
#[error(
    "--certificate-settle ({settle} s) must be at most a third of --certificate-lifetime and of --authority-lifetime, of which \
     the shorter one is {shortest} s"
)]
pub(in crate::cli::serve) struct TooShort {
    settle: u64,
    shortest: u64,
}

const DAY: u64 = 24 * 60 * 60;

/// Accepts seconds up to a century. Lifetimes under a few hours are for tests.
fn lifetime() -> RangedU64ValueParser {
    value_parser!(u64).range(3..=100 * 365 * DAY)
}

impl CertificateArgs {
    /// The files, if certificates come from files.
    pub(in crate::cli::serve) fn files(&self) -> Option<Files> {
        let (certificate, key) = self.tls_cert.clone().zip(self.tls_key.clone())?;
        Some(Files { certificate, key })
    }

    /// The lifetimes of certificates that warden makes.
    ///
    /// # Errors
    /// If a certificate would be renewed before the one before has settled.
    pub(in crate::cli::serve) fn lifetimes(&self) -> Result<CertificateLifetimes, TooShort> {
        let shortest = self.certificate_lifetime.min(self.authority_lifetime);
        if self.certificate_settle > shortest / 3 {
            return Err(TooShort { settle: self.certificate_settle, shortest });
        }
        let seconds = |seconds: u64| SignedDuration::from_secs(seconds.cast_signed());
        Ok(CertificateLifetimes {
            leaf: seconds(self.certificate_lifetime),
            authority: seconds(self.authority_lifetime),
            settle: seconds(self.certificate_settle),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use rstest::rstest;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        certificates: CertificateArgs,
    }

    #[rstest]
    #[case::default(&[], "")]
    #[case::just_enough(&["--certificate-lifetime=180"], "")]
    #[case::certificate(&["--certificate-lifetime=179"], "must be at most a third")]
    #[case::authority(&["--authority-lifetime=100"], "of which the shorter one is 100 s")]
    fn lifetimes_that_are_too_short_to_settle_are_refused(#[case] args: &[&str], #[case] expected: &str) {
        let line = Line::try_parse_from(["warden"].iter().chain(args)).unwrap();
        let error = line.certificates.lifetimes().err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(expected) && error.is_empty() == expected.is_empty(), "{error}");
    }
}
