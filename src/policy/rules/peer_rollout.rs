//! Warned: a new version of a peer module whose rollout leaves bases without the module for a while.

use super::Scene;
use crate::module::{FieldPath, Rollout, Workload};
use crate::policy::{Fault, Found, Rule};

const REMEDY: &str = "set maxUnavailable to 0 and maxSurge to 1, which keeps every base served";

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    let new_version = scene.old.is_some_and(|old| version(old) != version(scene.workload));
    if !scene.workload.is_peer() || !new_version {
        return;
    }
    let rollout = scene.workload.rollout();
    if matches!(rollout, Rollout::Recreate | Rollout::Rolling { max_unavailable: 1.., .. }) {
        let problem = "the strategy takes old Pods away first, and some bases go without the module for a while";
        found.note(Rule::PeerRollout, strategy(), Fault::Invalid, problem, REMEDY);
        found.or_warn(
            "the strategy takes old Pods away first, some bases go without for a while: maxUnavailable 0, maxSurge 1 avoid it",
        );
    } else if matches!(rollout, Rollout::Rolling { max_surge: 2.., .. }) {
        // Which Pods those are is the ReplicaSet controller's choice: of bases with two, whether or not both are Ready.
        let problem = "with maxSurge above 1 Kubernetes may take a base's old Pod before its new one is Ready";
        found.note(Rule::PeerRollout, strategy(), Fault::Invalid, problem, REMEDY);
        found.or_warn("with maxSurge above 1 a base's old Pod may go before its new one is Ready: set it to 1");
    }
}

fn strategy() -> FieldPath {
    FieldPath::root().fields(&["spec", "strategy"])
}

fn version(workload: Workload<'_>) -> Option<String> {
    let module = workload.template().single_module()?;
    module.literal_version().map(str::to_owned)
}
