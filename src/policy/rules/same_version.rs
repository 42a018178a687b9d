//! Another jar has another version. See [`crate::policy::rerelease`].

use super::Context;
use crate::module::Kind;
use crate::policy::rerelease::{Consequence, Rerelease, rereleases};
use crate::policy::rule::{Scope, Vital};
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "same-version",
    severity: Severity::Deny,
    broken_when: "another jar is released under the same `BIZ_VERSION`, and some Pod of it was Ready",
    scope: Scope::ChangedTemplate,
    check,
    vital: Some(Vital { why: "nothing would show which of the two jars a base runs", check_owned: check }),
};

/// The remedy of every rule on rereleases.
pub(super) const NEW_VERSION: &str = "release it under a new BIZ_VERSION, in the same change as its jar";

fn check(context: &Context<'_>) -> Vec<Violation> {
    rereleases(context)
        .iter()
        .filter(|rerelease| rerelease.consequence(context) == Consequence::AnotherJar)
        .map(|rerelease| another_jar(context, rerelease))
        .collect()
}

fn another_jar(context: &Context<'_>, Rerelease { module, version, .. }: &Rerelease<'_>) -> Violation {
    let image = module.path().field("image");
    let new_version = module.jar_name().map(|jar| jar.version).filter(|new| new != version);
    if context.workload.kind() == Kind::Pod {
        let problem = match new_version {
            Some(new) => format!(
                "the jar is that of {new:?}, but a Pod keeps its BIZ_VERSION, {version:?}: ModuleController uninstalls a module whose \
                 jar has another version"
            ),
            None => format!(
                "the jar changed but BIZ_VERSION is still {version:?}: nothing shows which of the two jars the base runs"
            ),
        };
        let remedy = "delete the Pod, and create it with the new BIZ_VERSION and its jar";
        return match new_version {
            Some(_) => Violation::forbidden(image, problem, remedy),
            None => {
                let on_purpose =
                    format!("annotate the Pod with {}: \"true\" before, if it is on purpose", keys::ALLOW_SAME_VERSION);
                Violation::forbidden(image, problem, format!("{remedy}; or {on_purpose}"))
            }
        };
    }
    let problem = format!(
        "the jar changed but BIZ_VERSION is still {version:?}: a base that has {} {version} keeps the old jar until its old Pod is \
         gone, and nothing shows which of the two it runs",
        module.name()
    );
    let remedy = match new_version {
        Some(new) => both_at_once(context, new),
        None => format!(
            "{}; or, to release the same version again on purpose, annotate the {} with {}: \"true\"",
            both_at_once(context, "NEW_VERSION"),
            context.workload.kind(),
            keys::ALLOW_SAME_VERSION
        ),
    };
    Violation::forbidden(image, problem, remedy)
}

/// How version and jar are changed in one rollout.
pub(super) fn both_at_once(context: &Context<'_>, version: &str) -> String {
    let together = format!("change both at once: BIZ_VERSION to {version:?} and the image to the jar of that version");
    if context.workload.kind() == Kind::Deployment {
        let name = context.workload.name();
        format!("{together}, in one kubectl apply, or between kubectl rollout pause deployment/{name} and resume")
    } else {
        format!("{together}, in one kubectl apply")
    }
}
