//! A write by the leader.

use std::time::Duration;

use thiserror::Error;

use super::Leadership;

/// Why a write failed, or may have failed.
#[derive(Debug, Error)]
pub enum WriteError {
    /// This process does not lead, so nothing was sent.
    #[error("the lease is not held")]
    NotLeader,
    /// The write may have been carried out, or may still be.
    #[error("no answer within the time that was left")]
    Timeout,
    /// The API server was asked before the write, and its state is not the one that the write was decided on.
    #[error("the API server says something else than the caches")]
    Outdated,
    /// The API server refused the write, or could not be reached.
    #[error(transparent)]
    Kube(#[from] kube::Error),
}

impl Leadership {
    /// Sends a write if the lease is held, and waits for its answer for at most `limit`, and no longer than the lease is surely
    /// held: a write that is under way when the next leader begins could undo what that one writes.
    ///
    /// # Errors
    /// When the lease is not held, the time is over, or the API server refuses the write.
    pub async fn write_within<T>(
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
    /// Whether the object does not exist.
    pub fn is_gone(&self) -> bool {
        self.code() == Some(404)
    }

    /// Whether the object, or what the write was decided on, has changed since it was read.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Outdated) || self.code() == Some(409)
    }

    /// Whether the API server, or an admission plugin, understood the write and refused it: the same write will fail again.
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
