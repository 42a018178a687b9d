//! Certificate and key from PEM files that somebody else renews, such as a Secret of cert-manager's that is mounted.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use k8s_openapi::jiff::Timestamp;
use thiserror::Error;

use super::{Current, Pair, PairError};

/// How often the files are read. Their contents are compared, not watched for: a kubelet swaps a symbolic link above them,
/// which a watch of the files misses, and others write them in place.
const PERIOD: Duration = Duration::from_millis(500);

/// The two files.
#[derive(Debug, Clone)]
pub struct Files {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Why we cannot serve with the files given.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What they hold cannot be served with.
    #[error("cannot serve with {} and {}: {source}", files.certificate.display(), files.key.display())]
    Pair {
        /// The files.
        files: Files,
        /// Why.
        source: PairError,
    },
}

/// What the two files hold at one time.
#[derive(Clone, PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    /// The pair in them.
    ///
    /// # Errors
    /// When they cannot be read, do not belong together, or the certificate's time is over.
    pub fn pair(&self) -> Result<Pair, CertificateError> {
        self.judge(&self.read()?)
    }

    /// Lets `current` have every other good pair that comes to be in them. Never ends.
    ///
    /// Contents count when two reads have found the same: one may have fallen between two writes. A certificate and a key that do
    /// not belong together, or not yet, change nothing: what was served before goes on.
    pub async fn follow(self, current: Current) {
        let mut seen = self.read().ok();
        let mut judged = false;
        loop {
            tokio::time::sleep(PERIOD).await;
            let read = self.read();
            let contents = read.as_ref().ok().cloned();
            if seen != contents {
                (seen, judged) = (contents, false);
                continue;
            }
            if std::mem::replace(&mut judged, true) {
                continue;
            }
            match read.and_then(|contents| self.judge(&contents)) {
                Ok(pair) if current.pair().is_none_or(|now| *now != pair) => current.take(pair),
                Ok(_) => {}
                Err(error) => {
                    current.rejected();
                    tracing::error!(%error, "the certificate that was served before stays");
                }
            }
        }
    }

    fn read(&self) -> Result<Contents, CertificateError> {
        let read =
            |path: &Path| fs::read(path).map_err(|source| CertificateError::Read { path: path.to_owned(), source });
        Ok(Contents { certificate: read(&self.certificate)?, key: read(&self.key)? })
    }

    fn judge(&self, contents: &Contents) -> Result<Pair, CertificateError> {
        let pair = Pair::from_pem(&contents.certificate, &contents.key)
            .and_then(|pair| pair.is_good_at(Timestamp::now()).map(|()| pair));
        pair.map_err(|source| CertificateError::Pair { files: self.clone(), source })
    }
}
