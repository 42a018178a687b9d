//! Another jar has another version. See [`crate::policy::rerelease`].

use super::Context;
use crate::module::{Kind, Workload, check_version};
use crate::policy::rerelease::{Consequence, Rerelease, rereleases_with};
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

/// A remedy of every rule on rereleases.
pub(super) const NEW_VERSION: &str = "release it under a new BIZ_VERSION, in the same change as its jar";

/// That, or everything in `needs`, by which the version can stay.
pub(super) fn new_version_or(needs: &[String]) -> String {
    format!("{NEW_VERSION}; or, to keep the version, {}", needs.join(", and "))
}

fn check(context: &Context<'_>) -> Vec<Violation> {
    rereleases_with(context, Consequence::AnotherJar).iter().map(|rerelease| another_jar(context, rerelease)).collect()
}

fn another_jar(context: &Context<'_>, rerelease: &Rerelease<'_>) -> Violation {
    let Rerelease { module, version, .. } = rerelease;
    let image = module.path().field("image");
    let new_version = module.jar_name().map(|jar| jar.version).filter(|new| new != version);
    if context.workload.kind() == Kind::Pod {
        let (problem, remedy) = another_jar_in_place(version, new_version.as_deref());
        return Violation::forbidden(image, problem, remedy);
    }
    let problem = format!(
        "the jar changed but BIZ_VERSION is still {version:?}: a base that has {} {version} keeps the old jar until its old Pod is \
         gone, and nothing shows which of the two it runs",
        module.name()
    );
    let remedy = match new_version.filter(|new| check_version(new).is_ok()) {
        Some(new) => both_at_once(context, Some(&new)),
        None => {
            let annotate =
                format!("annotate the {} with {}: \"true\"", context.workload.kind(), keys::ALLOW_SAME_VERSION);
            let all: Vec<String> = [annotate].into_iter().chain(rerelease.needs(context)).collect();
            let new_version = both_at_once(context, None);
            format!("{new_version}; or, to release the same version again on purpose, {}", all.join(", and "))
        }
    };
    Violation::forbidden(image, problem, remedy)
}

/// Problem and remedy where the image of a bare Pod changes, of which nothing else can.
fn another_jar_in_place(version: &str, new_version: Option<&str>) -> (String, String) {
    let anew = "delete the Pod, and create it with the new BIZ_VERSION and its jar";
    match new_version {
        Some(new) => (
            format!(
                "the jar is that of {new:?}, but a Pod keeps its BIZ_VERSION, {version:?}: ModuleController uninstalls a module whose \
                 jar has another version"
            ),
            anew.to_owned(),
        ),
        None => (
            format!(
                "the jar changed but BIZ_VERSION is still {version:?}: nothing shows which of the two jars the base runs"
            ),
            format!(
                "{anew}; or annotate the Pod with {}: \"true\" before, if it is on purpose",
                keys::ALLOW_SAME_VERSION
            ),
        ),
    }
}

/// How version and jar are changed in one rollout: to `version`, or to one that the user chooses.
pub(super) fn both_at_once(context: &Context<'_>, version: Option<&str>) -> String {
    let version = version.map_or_else(|| "a new version".to_owned(), |version| format!("{version:?}"));
    let both = format!("BIZ_VERSION to {version} and the image to the jar of that version");
    let rollout = |verb: &str| format!("kubectl rollout {verb} deployment/{}", context.workload.name());
    if context.old.is_some_and(Workload::is_paused) {
        format!("while the Deployment is paused, which it still is, change both: {both}; then {}", rollout("resume"))
    } else if context.workload.kind() == Kind::Deployment {
        let (pause, resume) = (rollout("pause"), rollout("resume"));
        format!("change both at once: {both}, in one kubectl apply, or between {pause} and {resume}")
    } else {
        format!("change both at once: {both}, in one kubectl apply")
    }
}
