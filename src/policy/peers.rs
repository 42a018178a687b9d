//! What a decision about a peer Deployment needs to know of the bases.

use std::fmt;

use crate::module::Workload;

/// Knows how many bases there are for a module.
pub trait CountBases {
    /// How many replicas the peer Deployment `workload`, whose template is filled in already, should have now; none where
    /// nobody can say.
    fn replicas(&self, workload: Workload<'_>) -> Option<u32>;
}

impl fmt::Debug for dyn CountBases + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CountBases")
    }
}
