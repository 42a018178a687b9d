//! No new Pod takes the module off a base through the version that it shares with an old one. See [`crate::policy::rerelease`].

use super::Context;
use crate::policy::rerelease::{Consequence, Rerelease, rereleases};
use crate::policy::rule::{Scope, Vital};
use crate::policy::{Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    name: "same-version",
    severity: Severity::Deny,
    broken_when: "another jar is released under the same version, or new Pods of that version could land on a base with an old one",
    scope: Scope::ChangedTemplate,
    check,
    vital: Some(Vital {
        why: "it would uninstall the module from bases that serve, while all Pods are Ready",
        check_owned: check_jar,
    }),
};

/// The remedy of every rule on rereleases.
pub(super) const NEW_VERSION: &str = "release it under a new BIZ_VERSION, in the same change as its jar";

fn check(context: &Context<'_>) -> Vec<Violation> {
    rereleases(context)
        .iter()
        .filter_map(|rerelease| match rerelease.consequence(context) {
            Consequence::JarIgnored => Some(another_jar(rerelease)),
            Consequence::PodsMeet => Some(pods_meet(rerelease)),
            _ => None,
        })
        .collect()
}

/// Only another jar, which is a mistake also in what a controller made.
fn check_jar(context: &Context<'_>) -> Vec<Violation> {
    rereleases(context).iter().filter(|rerelease| rerelease.ignores_the_jar(context)).map(another_jar).collect()
}

fn another_jar(Rerelease { module, version, .. }: &Rerelease<'_>) -> Violation {
    let problem = format!(
        "the jar changed but BIZ_VERSION is still {version:?}: no base would install it, and deleting the old Pods would \
         leave every base without {} while all Pods are Ready",
        module.name()
    );
    Violation::forbidden(module.path().field("image"), problem, NEW_VERSION)
}

fn pods_meet(Rerelease { module, version, .. }: &Rerelease<'_>) -> Violation {
    let problem = format!(
        "a new Pod of {} {version} can land on a base with an old one, and deleting the old one uninstalls the module for \
         both: the running Pods are not kept apart by name and version",
        module.name()
    );
    Violation::forbidden(module.path().field("env"), problem, NEW_VERSION)
}
