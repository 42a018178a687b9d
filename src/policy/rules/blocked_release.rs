//! A release under the same version can be placed, where it must reach every base. See [`crate::policy::rerelease`].

use super::Context;
use super::same_version::NEW_VERSION;
use crate::module::{Kind, Segment, Workload};
use crate::policy::rerelease::{Consequence, rereleases};
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "blocked-release",
    severity: Severity::Deny,
    broken_when: "a release under the same version can never be placed, because `maxUnavailable` resolves to 0: another jar where \
                  that is allowed, or any template of a peer Deployment",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    rereleases(context)
        .iter()
        .filter(|rerelease| rerelease.consequence(context) == Consequence::Blocked)
        .map(|rerelease| {
            let (name, version) = (rerelease.module.name(), rerelease.version);
            let problem = format!(
                "BIZ_VERSION is still {version:?}, so no base can run an old and a new Pod at once, and maxUnavailable \
                 resolves to 0: if every base has an old Pod, no new one can ever be placed"
            );
            let warning = format!("maxUnavailable resolves to 0: if every base has {name} {version}, this never ends");
            Violation::forbidden(context.workload.max_unavailable_path(), problem, remedy(context.workload))
                .or_warn(warning)
        })
        .collect()
}

/// What lets such a release be placed.
pub(super) fn remedy(workload: Workload<'_>) -> String {
    let (way_out, _) = free_bases_first(workload);
    format!("{NEW_VERSION}, or {way_out}")
}

/// How the rollout deletes an old Pod first, and the same in short, for a text that names `maxUnavailable`.
pub(super) fn free_bases_first(workload: Workload<'_>) -> (&'static str, &'static str) {
    match (workload.kind(), workload.max_unavailable_path().segments().last().and_then(Segment::name)) {
        (Kind::Deployment, _) => {
            ("set maxUnavailable to 1 or the strategy to Recreate", "set it to 1, or use Recreate")
        }
        (_, Some("blueGreen")) => ("use the canary strategy, with maxUnavailable 1", "use the canary strategy"),
        _ => ("set maxUnavailable to 1", "set it to 1"),
    }
}
