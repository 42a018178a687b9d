//! A template that changes without a new version can be placed, also where every base has an old Pod. See [`crate::policy::rerelease`].

use super::Context;
use super::blocked_release::why_none_is_freed;
use super::same_version::new_version_or;
use crate::module::Kind;
use crate::policy::rerelease::{Consequence, frees_a_base, rereleases_with};
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "unplaceable-template",
    severity: Severity::Warn,
    broken_when: "a template changes without a new version while `maxUnavailable` resolves to 0",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    rereleases_with(context, Consequence::MayNotBePlaced)
        .iter()
        .map(|rerelease| {
            let (name, workload) = (rerelease.module.name(), context.workload);
            let problem = format!("{}: if every base has {name}, this never ends", why_none_is_freed(context));
            let is_deployment = workload.kind() == Kind::Deployment;
            let short = if is_deployment { "set it to 1, or use Recreate" } else { frees_a_base(workload) };
            let warning = format!("{problem}; {short}");
            let remedy = new_version_or(&rerelease.needs(context));
            Violation::forbidden(workload.max_unavailable_path(), problem, remedy).or_warn(warning)
        })
        .collect()
}
