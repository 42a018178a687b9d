//! Counts the bases for a new peer Deployment.

use std::fmt;

use crate::module::Workload;

/// Counts the bases for a module.
pub trait CountBases {
    /// How many replicas the peer Deployment `workload` should have now. Its template must be filled in already. None where
    /// the number is unknown.
    fn replicas(&self, workload: Workload<'_>) -> Option<u32>;
}

impl fmt::Debug for dyn CountBases + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CountBases")
    }
}
