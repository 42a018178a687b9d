//! A release under the same version can be placed, where it must reach every base. See [`crate::policy::rerelease`].

use super::Context;
use super::same_version::NEW_VERSION;
use crate::module::Workload;
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
            let is_restart = context.is_restart();
            let still = if is_restart { "kubectl rollout restart keeps BIZ_VERSION" } else { "BIZ_VERSION is still" };
            let problem = format!(
                "{still} {version:?}, so no base can run an old and a new Pod at once, and maxUnavailable \
                 resolves to 0: if every base has an old Pod, no new one can ever be placed"
            );
            let warning = format!("maxUnavailable resolves to 0: if every base has {name} {version}, this never ends");
            let remedy = if is_restart { before_a_restart(context) } else { remedy() };
            Violation::forbidden(Workload::max_unavailable_path(), problem, remedy).or_warn(warning)
        })
        .collect()
}

/// What lets a Deployment be restarted.
fn before_a_restart(context: &Context<'_>) -> String {
    let patch = r#"{"spec":{"strategy":{"rollingUpdate":{"maxUnavailable":1}}}}"#;
    let name = context.workload.name();
    format!(
        "set {} to 1 and restart it again: kubectl patch deployment {name} -p '{patch}'; or {NEW_VERSION}",
        Workload::max_unavailable_path()
    )
}

/// What lets such a release be placed.
pub(super) fn remedy() -> String {
    format!("{NEW_VERSION}, or set maxUnavailable to 1 or the strategy to Recreate")
}
