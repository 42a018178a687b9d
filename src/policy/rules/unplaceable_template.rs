//! A template that changes without a new version can be placed, also where every base has an old Pod. See [`crate::policy::rerelease`].

use super::Context;
use super::blocked_release::{free_bases_first, remedy};
use crate::policy::rerelease::{Consequence, rereleases};
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
    rereleases(context)
        .iter()
        .filter(|rerelease| rerelease.consequence(context) == Consequence::MayNotBePlaced)
        .map(|rerelease| {
            let name = rerelease.module.name();
            let problem = format!("maxUnavailable resolves to 0: if every base has {name}, this never ends");
            let workload = context.workload;
            let (_, way_out) = free_bases_first(workload);
            let warning = format!("{problem}; {way_out}");
            Violation::forbidden(workload.max_unavailable_path(), problem, remedy(workload)).or_warn(warning)
        })
        .collect()
}
