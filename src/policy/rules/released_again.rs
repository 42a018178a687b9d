//! A release under the same version that works. Each base is without the module for a while. See [`crate::policy::rerelease`].

use super::Context;
use super::same_version::NEW_VERSION;
use crate::module::Kind;
use crate::policy::rerelease::{Consequence, rereleases};
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "released-again",
    severity: Severity::Warn,
    broken_when: "a version is released again in a way that works, and each base is without the module for a while",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    rereleases(context)
        .iter()
        .filter(|rerelease| rerelease.consequence(context) == Consequence::EachBaseGoesWithout)
        .map(|rerelease| {
            let (name, version) = (rerelease.module.name(), rerelease.version);
            let problem = if context.workload.kind() == Kind::Pod {
                format!("{name} {version} is installed again in place: its base is without it for about a second")
            } else {
                format!("{name} {version} is released again: each base is without it for about a grace period")
            };
            Violation::forbidden(rerelease.module.path().field("env"), problem, NEW_VERSION)
        })
        .collect()
}
