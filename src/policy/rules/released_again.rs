//! A release under the same version that works. Each base is without the module for a while. See [`crate::policy::rerelease`].

use super::Context;
use super::same_version::NEW_VERSION;
use crate::module::Kind;
use crate::policy::defaults::grace_period_of_pods;
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
            let path = rerelease.module.path().field("env");
            if context.workload.kind() == Kind::Pod {
                let problem =
                    format!("{name} {version} is installed again in place: its base is without it for about a second");
                return Violation::forbidden(path, problem, NEW_VERSION);
            }
            // An old Pod is deleted, so its grace period counts.
            let seconds = context.old.map_or(0, |old| grace_period_of_pods(&old.template()));
            // Longer names are cut off, and the seconds are not.
            let warning = format!(
                "each base is {seconds} s without {name}: {version} is released again (a new version with maxSurge 1: 0 s)"
            );
            let problem = format!(
                "{name} {version} is released again: each base is without it for the grace period of its Pod, {seconds} s"
            );
            let remedy = format!("{NEW_VERSION}, with maxSurge 1 and maxUnavailable 0, or set a shorter \
                terminationGracePeriodSeconds in an earlier change");
            Violation::forbidden(path, problem, remedy).or_warn(warning)
        })
        .collect()
}
