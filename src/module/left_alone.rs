//! Who keeps the replicas of a peer Deployment: warden, unless somebody said otherwise.

use super::Workload;
use crate::vocabulary as words;

/// Why a peer Deployment's number is left to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeftAlone {
    /// [`crate::vocabulary::REPLICAS_CONTROL`] is `"true"`.
    ReplicasControl,
    /// [`crate::vocabulary::PEER_PAUSED`] is `"true"`.
    Paused,
    /// warden was told to change nothing on it ([`crate::vocabulary::INJECT`] is `"false"`, on it or on its template).
    NotInjected,
}

impl LeftAlone {
    /// The first reason that is found on `workload`, a peer Deployment.
    pub(super) fn of(workload: Workload<'_>) -> Option<Self> {
        let metadata = workload.metadata();
        let replicas_control = words::REPLICAS_CONTROL
            .all()
            .into_iter()
            .any(|key| metadata.label(key) == Some("true") || metadata.annotation(key) == Some("true"));
        if replicas_control {
            Some(Self::ReplicasControl)
        } else if metadata.annotation(words::PEER_PAUSED) == Some("true") {
            Some(Self::Paused)
        } else if workload.switched(words::INJECT, "false") {
            Some(Self::NotInjected)
        } else {
            None
        }
    }
}
