//! Refused: another jar under the version that already runs, or any new Pods of it that could meet the old ones.
//!
//! On one base, installing a version that is there does nothing, and deleting the old Pod then uninstalls it: `kubectl`
//! shows every Pod Ready while every base is empty. It can work only where old and new Pods are kept off one base and a
//! base may be freed first.

use super::Scene;
use crate::module::{Container, FieldPath, Rollout, Workload, identity};
use crate::policy::{Fault, Found, Rule};
use crate::vocabulary as keys;

const NEW_VERSION: &str = "give the release a BIZ_VERSION of its own, in the same change as its jar";

/// A module that is to be released under the version it has.
struct SameVersion<'a> {
    old: Workload<'a>,
    module: Container<'a>,
    version: &'a str,
    jar_changed: bool,
}

/// Everything by which it could not work.
pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    for release in releases(scene) {
        if !refuse_another_jar(scene, &release, found) {
            check_the_rollout(scene, &release, found);
        }
    }
}

/// Only another jar, which is a mistake whoever makes it.
pub(super) fn check_jar(scene: &Scene<'_>, found: &mut Found) {
    for release in releases(scene) {
        refuse_another_jar(scene, &release, found);
    }
}

fn releases<'a>(scene: &Scene<'a>) -> Vec<SameVersion<'a>> {
    let Some(old) = scene.old.filter(|_| scene.workload.rollout() != Rollout::Never) else {
        return Vec::new();
    };
    let before = old.template().containers();
    let modules = scene.template.containers().into_iter().filter(Container::is_module);
    modules
        .filter_map(|module| {
            let before = before.iter().find(|container| container.name() == module.name())?;
            let version = module.literal_version().filter(|version| before.literal_version() == Some(version))?;
            Some(SameVersion { old, version, jar_changed: before.image() != module.image(), module })
        })
        .collect()
}

fn refuse_another_jar(scene: &Scene<'_>, release: &SameVersion<'_>, found: &mut Found) -> bool {
    let SameVersion { module, version, jar_changed, .. } = release;
    let allowed = version.ends_with(keys::SNAPSHOT) || scene.workload.switched(keys::ALLOW_SAME_VERSION, "true");
    let refused = *jar_changed && !allowed;
    if refused {
        let problem = format!(
            "the jar is another one and BIZ_VERSION is still {version:?}: no base would install it, and the old Pods' \
             deletion would leave every base without {} while all Pods are Ready",
            module.name()
        );
        found.note(Rule::SameVersion, module.path().field("image"), Fault::Forbidden, problem, NEW_VERSION);
    }
    refused
}

fn check_the_rollout(scene: &Scene<'_>, release: &SameVersion<'_>, found: &mut Found) {
    let SameVersion { old, module, version, jar_changed } = release;
    let name = module.name();
    let rollout = scene.workload.rollout();
    let remedy = format!("{NEW_VERSION}, or set maxUnavailable to 1 or the strategy to Recreate");
    if scene.workload.replicas() == 0 || !old.has_pods() {
        // No new Pod, or no old one: nobody to meet.
    } else if rollout.lets_old_and_new_meet() && !kept_apart(scene, *old, name, version) {
        let problem = format!(
            "new Pods of {name} {version} can meet old ones on one base, whose deletion would uninstall it for both: \
             the running Pods are not kept apart by name and version"
        );
        found.note(Rule::SameVersion, module.path().field("env"), Fault::Forbidden, problem, NEW_VERSION);
    } else if rollout.can_free_a_base_first() {
        let problem = format!("{name} {version} is released again: each base is without it for about a grace period");
        found.note(Rule::ReleasedAgain, module.path().field("env"), Fault::Forbidden, problem, NEW_VERSION);
    } else if *jar_changed || scene.workload.is_peer() {
        let problem = format!(
            "BIZ_VERSION {version:?} stays, so no base can hold old and new at once, and maxUnavailable resolves to 0: \
             where every base has an old Pod, the new ones can never be placed"
        );
        let warning = format!("maxUnavailable resolves to 0: where every base has {name} {version}, this never ends");
        found.note(Rule::BlockedRelease, max_unavailable(), Fault::Forbidden, problem, remedy);
        found.or_warn(warning);
    } else {
        let problem = format!("maxUnavailable resolves to 0: with {name} on every base this never ends");
        let warning = format!("{problem}; set it to 1, or Recreate");
        found.note(Rule::UnplaceableTemplate, max_unavailable(), Fault::Forbidden, problem, remedy);
        found.or_warn(warning);
    }
}

fn max_unavailable() -> FieldPath {
    FieldPath::root().fields(&["spec", "strategy", "rollingUpdate", "maxUnavailable"])
}

/// Whether no new Pod can come to a base with an old one: both carry name and version, and the anti-affinity goes by what
/// the old one carries.
fn kept_apart(scene: &Scene<'_>, old: Workload<'_>, name: &str, version: &str) -> bool {
    let old = old.template().metadata();
    let new = scene.template.metadata();
    let on_old: Vec<_> =
        identity(name, version).into_iter().filter(|(key, value)| old.label(key) == Some(value)).collect();
    let known = [keys::MODULE_NAME, keys::MODULE_VERSION]
        .iter()
        .all(|key| on_old.iter().any(|(label, value)| label == key && new.label(key) == Some(value)));
    known && scene.template.anti_affinity().iter().any(|term| term.keeps_apart(&on_old))
}
