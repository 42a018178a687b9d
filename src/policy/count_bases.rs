//! Counts the bases for a new peer Deployment.

use std::fmt;

use serde_json::Value;

use crate::module::Workload;

/// Counts the bases for a module.
pub trait CountBases: Send + Sync {
    /// How many replicas the peer Deployment `workload` should have now, whose Pods come out as `pod`. None where the number is
    /// unknown.
    fn replicas(&self, workload: Workload<'_>, pod: &Value) -> Option<u32>;
}

impl fmt::Debug for dyn CountBases + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CountBases")
    }
}
