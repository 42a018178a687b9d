//! No new Pod takes the module off a base through the version that it shares with an old one. See [`crate::policy::rerelease`].

use super::Context;
use super::same_version::new_version_or;
use crate::policy::rerelease::{Consequence, rereleases_with};
use crate::policy::rule::{Scope, Vital};
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "not-kept-apart",
    severity: Severity::Deny,
    broken_when: "a version is released again and a new Pod could land on a base with an old one: injection is switched off, or warden \
                  has not labelled the running Pods yet",
    scope: Scope::ChangedTemplate,
    check,
    vital: Some(Vital {
        why: "it would uninstall the module from bases that serve, while all Pods are Ready",
        check_owned: check,
    }),
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    rereleases_with(context, Consequence::PodsMeet)
        .iter()
        .map(|rerelease| {
            let (name, version) = (rerelease.module.name(), rerelease.version);
            let why = if context.is_injected() {
                format!("{} running Pods are not labelled yet", context.not_kept_apart())
            } else {
                format!("{} is \"false\"", keys::INJECT)
            };
            let restarts = if context.is_restart() { "kubectl rollout restart keeps BIZ_VERSION, and " } else { "" };
            let problem = format!(
                "{restarts}{why}, so a new Pod of {name} {version} can land on a base with an old one, and deleting the old one uninstalls the \
                 module for both"
            );
            let remedy = new_version_or(&rerelease.needs(context));
            Violation::forbidden(rerelease.module.path().field("env"), problem, remedy)
        })
        .collect()
}
