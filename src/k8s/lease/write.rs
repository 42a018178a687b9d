//! A write of whoever leads.

use std::time::Duration;

use thiserror::Error;

use super::Leadership;

/// Why something is not written, or perhaps not.
#[derive(Debug, Error)]
pub enum WriteError {
    /// This process does not lead.
    #[error("the lease is not held")]
    NotLeader,
    /// The write may have been carried out, or may still be.
    #[error("no answer within the time that was left")]
    Timeout,
    /// What this was decided on is not so any more.
    #[error("the API server says something else than the caches")]
    Outdated,
    /// The API server's word, or that there was none.
    #[error(transparent)]
    Kube(#[from] kube::Error),
}

impl Leadership {
    /// Runs a write if the lease is held, and for no longer than it is surely held, nor than `limit`.
    ///
    /// # Errors
    /// When the lease is not held, the time is over, or the API server refuses the write.
    pub async fn in_time<T>(
        &self,
        limit: Duration,
        write: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, WriteError> {
        let left = self.left().ok_or(WriteError::NotLeader)?;
        let answer = tokio::time::timeout(left.min(limit), write).await;
        Ok(answer.map_err(|_| WriteError::Timeout)??)
    }
}

impl WriteError {
    /// The object is not there.
    pub fn is_gone(&self) -> bool {
        self.code() == Some(404)
    }

    /// The object is another one than was seen.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Outdated) || self.code() == Some(409)
    }

    /// The API server, or an admission plugin there, understood the write and will not have it.
    pub fn is_refused(&self) -> bool {
        self.code().is_some_and(|code| (400..500).contains(&code) && ![404, 408, 409, 429].contains(&code))
    }

    fn code(&self) -> Option<u16> {
        match self {
            Self::Kube(kube::Error::Api(status)) => Some(status.code),
            _ => None,
        }
    }
}
