//! The certificate that the webhook serves, from one of two sources.
//!
//! - [`Files`]: PEM files that another program renews, such as a mounted Secret of cert-manager.
//! - [`CertificateController`]: warden makes an authority and a certificate, and renews both (`self_managed`).
//!
//! Both put what they have into [`Current`], from which new connections are served.

mod current;
mod files;
mod metrics;
mod pair;
mod self_managed;
mod validity;

pub use current::Current;
pub use files::{CertificateError, CertificateFiles, Files};
pub use metrics::CertificateMetrics;
pub use pair::{Pair, PairError};
pub use self_managed::{CertificateController, CertificateLifetimes, Names};
pub use validity::Validity;
