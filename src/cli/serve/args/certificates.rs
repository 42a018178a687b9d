//! With what certificate the webhook is served.

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args, value_parser};
use k8s_openapi::jiff::SignedDuration;
use thiserror::Error;

use crate::certificates::{Files, Settings as AuthoritySettings};

/// Certificates. Without files warden makes its own, in the Secret NAME-tls, and puts the authority into the webhook
/// configurations.
#[derive(Debug, Args)]
#[command(next_help_heading = "Certificates")]
pub(in crate::cli::serve) struct CertificateArgs {
    /// The certificate chain, PEM, which somebody else renews; without it warden makes its own certificates.
    #[arg(long, env = "WARDEN_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key, PEM.
    #[arg(long, env = "WARDEN_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// For how many seconds a certificate that warden makes is good (90 days); it is renewed when a third is left.
    #[arg(
        long, env = "WARDEN_CERTIFICATE_LIFETIME", default_value_t = 90 * DAY, value_name = "SECONDS",
        value_parser = lifetime()
    )]
    certificate_lifetime: u64,
    /// For how many seconds an authority that warden makes is good (5 years); it is renewed when a third is left.
    #[arg(
        long, env = "WARDEN_AUTHORITY_LIFETIME", default_value_t = 5 * 365 * DAY, value_name = "SECONDS",
        value_parser = lifetime()
    )]
    authority_lifetime: u64,
    /// For how many seconds a new authority is trusted before it signs, and an old one after it last did.
    #[arg(
        long, env = "WARDEN_CERTIFICATE_SETTLE", default_value_t = 60, value_name = "SECONDS",
        value_parser = value_parser!(u64).range(1..=DAY)
    )]
    certificate_settle: u64,
}

/// Certificates that end before everybody has heard of them.
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

/// Seconds up to a century. Shorter ones than a few hours are for tests.
fn lifetime() -> RangedU64ValueParser {
    value_parser!(u64).range(3..=100 * 365 * DAY)
}

impl CertificateArgs {
    /// The files, where certificates come from files.
    pub(in crate::cli::serve) fn files(&self) -> Option<Files> {
        let (certificate, key) = self.tls_cert.clone().zip(self.tls_key.clone())?;
        Some(Files { certificate, key })
    }

    /// How warden's own certificates are made.
    ///
    /// # Errors
    /// When a renewal would come before the one before it has settled.
    pub(in crate::cli::serve) fn settings(&self) -> Result<AuthoritySettings, TooShort> {
        let shortest = self.certificate_lifetime.min(self.authority_lifetime);
        if self.certificate_settle > shortest / 3 {
            return Err(TooShort { settle: self.certificate_settle, shortest });
        }
        let seconds = |seconds: u64| SignedDuration::from_secs(seconds.cast_signed());
        Ok(AuthoritySettings {
            leaf_lifetime: seconds(self.certificate_lifetime),
            authority_lifetime: seconds(self.authority_lifetime),
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
    #[case::as_it_is(&[], "")]
    #[case::just_enough(&["--certificate-lifetime=180"], "")]
    #[case::certificate(&["--certificate-lifetime=179"], "must be at most a third")]
    #[case::authority(&["--authority-lifetime=100"], "of which the shorter one is 100 s")]
    fn certificates_that_end_before_they_have_settled_are_refused(#[case] args: &[&str], #[case] complaint: &str) {
        let line = Line::try_parse_from(["warden"].iter().chain(args)).unwrap();
        let said = line.certificates.settings().err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.contains(complaint) && said.is_empty() == complaint.is_empty(), "{said}");
    }
}
