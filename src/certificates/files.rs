//! Certificate and key from PEM files that another program renews, such as a mounted Secret of cert-manager.

use std::path::PathBuf;

use k8s_openapi::jiff::Timestamp;
use thiserror::Error;

use super::{Current, Pair, PairError};
use crate::runtime::{FileContents, FileError, FileWatcher};

/// The paths of the two files.
#[derive(Debug, Clone)]
pub struct Files {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Two files that were read, to be followed.
#[derive(Debug)]
pub struct CertificateFiles {
    files: Files,
    watcher: FileWatcher<2>,
}

/// The files cannot be served with.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error(transparent)]
    Read(FileError),
    /// The certificate and the key in them cannot be served.
    #[error("cannot serve with {} and {}: {source}", files.certificate.display(), files.key.display())]
    Pair {
        /// The files.
        files: Files,
        /// What is wrong with their contents.
        source: PairError,
    },
}

impl Files {
    /// Reads the pair in the files, and returns the files as well, for [`CertificateFiles::follow`].
    ///
    /// # Errors
    /// If a file cannot be read, if the certificate and the key do not belong together, or if the certificate is not valid now.
    pub fn load(self) -> Result<(Pair, CertificateFiles), CertificateError> {
        let watcher = FileWatcher::new([self.certificate.clone(), self.key.clone()]);
        let pair = self.pair(watcher.contents())?;
        Ok((pair, CertificateFiles { files: self, watcher }))
    }

    fn pair(&self, contents: &FileContents<2>) -> Result<Pair, CertificateError> {
        let [certificate, key] = contents.as_ref().map_err(|error| CertificateError::Read(error.clone()))?;
        let pair =
            Pair::from_pem(certificate, key).and_then(|pair| pair.check_valid_at(Timestamp::now()).map(|()| pair));
        pair.map_err(|source| CertificateError::Pair { files: self.clone(), source })
    }
}

impl CertificateFiles {
    /// Serves each new valid pair in the files through `current`. Contents that cannot be served, such as a new key beside the
    /// old certificate, are logged and counted once, and change nothing. Never returns.
    pub async fn follow(mut self, current: Current) {
        loop {
            match self.files.pair(self.watcher.changed().await) {
                Ok(pair) if current.pair().is_none_or(|now| *now != pair) => current.set(pair),
                Ok(_) => {}
                Err(error) => {
                    current.rejected();
                    tracing::error!(%error, "cannot serve with the new certificate; the old one stays");
                }
            }
        }
    }
}
