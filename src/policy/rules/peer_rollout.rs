//! Warned: a new version of a peer module that takes bases out of service before it brings them back.

use super::Scene;
use crate::module::{Rollout, Workload};
use crate::policy::Findings;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Findings) {
    let frees_bases = match scene.workload.rollout() {
        Rollout::Rolling { max_unavailable } => max_unavailable > 0,
        Rollout::Recreate => true,
        Rollout::InPlace | Rollout::OneByOne | Rollout::Never => false,
    };
    let new_version = scene.old.is_some_and(|old| {
        let version = |workload: Workload<'_>| {
            let module = workload.template().single_module()?;
            module.literal_version().map(str::to_owned)
        };
        version(old) != version(scene.workload)
    });
    if scene.workload.is_peer() && frees_bases && new_version {
        findings.warn("the strategy takes old Pods away first: some bases go without the module for a while");
    }
}
