//! A release under the same version can be placed, where it must reach every base. See [`crate::policy::rerelease`].

use super::Context;
use super::same_version::{NEW_VERSION, new_version_or};
use crate::policy::rerelease::{Consequence, rereleases_with};
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
    rereleases_with(context, Consequence::Blocked)
        .iter()
        .map(|rerelease| {
            let (name, version) = (rerelease.module.name(), rerelease.version);
            let is_restart = context.is_restart();
            let still = if is_restart { "kubectl rollout restart keeps BIZ_VERSION" } else { "BIZ_VERSION is still" };
            let why = why_none_is_freed(context);
            let problem = format!(
                "{still} {version:?}, so no base can run an old and a new Pod at once, and {why}: if every base has an old Pod, no \
                 new one can ever be placed"
            );
            let warning = format!("{why}: if every base has {name} {version}, this never ends");
            let remedy =
                if is_restart { before_a_restart(context) } else { new_version_or(&rerelease.needs(context)) };
            Violation::forbidden(context.workload.max_unavailable_path(), problem, remedy).or_warn(warning)
        })
        .collect()
}

/// Why no old Pod goes before the new one that replaces it is placed.
pub(super) fn why_none_is_freed(context: &Context<'_>) -> &'static str {
    if context.workload.is_blue_green() { "old Pods go last" } else { "maxUnavailable resolves to 0" }
}

/// What lets a Deployment be restarted.
fn before_a_restart(context: &Context<'_>) -> String {
    let patch = r#"{"spec":{"strategy":{"rollingUpdate":{"maxUnavailable":1}}}}"#;
    let name = context.workload.name();
    format!(
        "set {} to 1 and restart it again: kubectl patch deployment {name} -p '{patch}'; or {NEW_VERSION}",
        context.workload.max_unavailable_path()
    )
}
