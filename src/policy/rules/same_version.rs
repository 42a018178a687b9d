//! Refused: another jar under the version that already runs, or any new Pods of it that could meet the old ones.
//!
//! On one base, installing a version that is there does nothing, and deleting the old Pod then uninstalls it: `kubectl`
//! shows every Pod Ready while every base is empty. It can work only where old and new Pods are kept off one base and a
//! base may be freed first.

use super::Scene;
use crate::module::{Container, FieldPath, Kind, Rollout, Workload};
use crate::policy::defaults::anti_affinity::identity;
use crate::policy::{Fault, Findings};
use crate::vocabulary as words;

const NEW_VERSION: &str = "give the release a BIZ_VERSION of its own";

pub(super) fn check(scene: &Scene<'_>, findings: &mut Findings) {
    let Some(old) = scene.old.filter(|_| scene.workload.rollout() != Rollout::Never) else {
        return;
    };
    let before = old.template().containers();
    for module in scene.template.containers().iter().filter(|container| container.is_module()) {
        let same_name = before.iter().find(|container| container.name() == module.name());
        if let Some(before) = same_name
            && let Some(version) = module.literal_version()
            && before.literal_version() == Some(version)
        {
            check_module(scene, old, before, module, version, findings);
        }
    }
}

fn check_module(
    scene: &Scene<'_>,
    old: Workload<'_>,
    before: &Container<'_>,
    module: &Container<'_>,
    version: &str,
    findings: &mut Findings,
) {
    let name = module.name();
    let image = module.path().field("image");
    let jar_changed = before.image() != module.image();
    let allowed = version.ends_with(words::SNAPSHOT) || scene.workload.switched(words::ALLOW_SAME_VERSION, "true");
    let can_free = scene.workload.rollout().can_free_a_base_first();
    if jar_changed && !allowed {
        let problem = format!(
            "the jar is another one and BIZ_VERSION is still {version:?}: no base would install it, and the old Pods' \
             deletion would leave every base without {name} while all Pods are Ready"
        );
        findings.refuse(image, Fault::Forbidden, problem, NEW_VERSION);
    } else if scene.workload.replicas() == 0 || old.replicas() == 0 {
        // No old Pod, or no new one: nobody to meet.
    } else if scene.workload.rollout().lets_old_and_new_meet() && !kept_apart(scene, old, name, version) {
        let problem = format!(
            "new Pods of {name} {version} can meet old ones on one base, whose deletion would uninstall it for both: \
             the running Pods are not kept apart by name and version"
        );
        findings.refuse(module.path().field("env"), Fault::Forbidden, problem, NEW_VERSION);
    } else if !can_free && (jar_changed || scene.workload.is_peer()) {
        let (field, setting, mend) = what_frees_no_base(scene.workload.kind());
        let problem = format!(
            "BIZ_VERSION {version:?} stays, so no base can hold old and new at once, and {setting}: the new Pods could \
             never be placed"
        );
        findings.refuse(field, Fault::Forbidden, problem, format!("{NEW_VERSION}, or {mend}"));
    } else {
        findings.warn(format!("{name} {version} is released again: each base is without it for some 25 s"));
    }
}

/// The field by which a workload keeps every old Pod until its new one runs, what it comes to, and what would mend that.
fn what_frees_no_base(kind: Kind) -> (FieldPath, &'static str, &'static str) {
    let spec = FieldPath::root().field("spec");
    if kind == Kind::DaemonSet {
        let surge = spec.fields(&["updateStrategy", "rollingUpdate", "maxSurge"]);
        (surge, "maxSurge is above 0", "set maxSurge to 0 and maxUnavailable to 1")
    } else {
        let max_unavailable = spec.fields(&["strategy", "rollingUpdate", "maxUnavailable"]);
        let mend = "set maxUnavailable to 1 or the strategy to Recreate";
        (max_unavailable, "maxUnavailable resolves to 0", mend)
    }
}

/// Whether no new Pod can come to a base with an old one: both carry the labels, and the anti-affinity goes by them.
fn kept_apart(scene: &Scene<'_>, old: Workload<'_>, name: &str, version: &str) -> bool {
    let identity = identity(name, version);
    let old = old.template().metadata();
    let new = scene.template.metadata();
    identity.iter().all(|(key, value)| old.label(key) == Some(value) && new.label(key) == Some(value))
        && scene.template.anti_affinity().iter().any(|term| term.keeps_apart(&identity))
}
