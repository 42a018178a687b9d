//! What the cluster has: bases for a new peer Deployment, running Pods that new ones could meet, and workloads to follow.

use std::fmt;

use serde_json::Value;

use crate::module::{Follow, Workload};

/// Counts bases and Pods for a module.
pub trait CountBases: Send + Sync {
    /// How many replicas the peer Deployment `workload` should have now, whose Pods come out as `pod`. None where the number is
    /// unknown.
    fn replicas(&self, workload: Workload<'_>, pod: &Value) -> Option<u32>;

    /// How many running Pods of the modules of `workload` lack their identity labels, so that a new Pod could land beside them. warden
    /// labels them within seconds. 0 where that is not known.
    fn not_kept_apart(&self, _workload: Workload<'_>) -> u32 {
        0
    }

    /// Whether any base that the Pod `pod` can run on has memory to request. None where that is not known, and where there is no such
    /// base.
    fn offer_memory(&self, _pod: &Value) -> Option<bool> {
        None
    }

    /// Whether `workload` exists and may be followed from the namespace `from`. None where that is not known. The answer does not
    /// tell a workload that does not exist from one that does not consent.
    fn may_follow(&self, _workload: &Follow, _from: &str) -> Option<bool> {
        None
    }
}

impl fmt::Debug for dyn CountBases + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CountBases")
    }
}
