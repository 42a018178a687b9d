//! The rollout of a new version of a peer module leaves no base without it.

use super::Context;
use crate::module::{FieldPath, Rollout, Workload};
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "peer-rollout",
    severity: Severity::Warn,
    broken_when: "a new version of a peer module is rolled out with `maxUnavailable` above 0 or `maxSurge` above 1",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

const REMEDY: &str = "set maxUnavailable to 0 and maxSurge to 1, which keeps every base served";

fn check(context: &Context<'_>) -> Vec<Violation> {
    let is_new_version = context.old.is_some_and(|old| version(old) != version(context.workload));
    if !context.workload.is_peer() || !is_new_version {
        return Vec::new();
    }
    let strategy = FieldPath::root().fields(&["spec", "strategy"]);
    match context.workload.rollout() {
        Rollout::Recreate | Rollout::Rolling { max_unavailable: 1.., .. } => {
            let problem = "the strategy deletes old Pods first, so some bases are without the module for a while";
            let warning =
                "the strategy deletes old Pods first, so some bases go without: set maxUnavailable 0, maxSurge 1";
            vec![Violation::invalid(strategy, problem, REMEDY).or_warn(warning)]
        }
        // The ReplicaSet controller chooses which old Pods to delete, and prefers nodes with two Pods, Ready or not.
        Rollout::Rolling { max_surge: 2.., .. } => {
            let problem = "with maxSurge above 1 Kubernetes may delete a base's old Pod before its new one is Ready";
            let warning =
                "with maxSurge above 1 a base's old Pod may be deleted before its new one is Ready: set it to 1";
            vec![Violation::invalid(strategy, problem, REMEDY).or_warn(warning)]
        }
        _ => Vec::new(),
    }
}

fn version(workload: Workload<'_>) -> Option<String> {
    let module = workload.template().single_module()?;
    module.literal_version().map(str::to_owned)
}
