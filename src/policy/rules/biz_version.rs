//! Refused: a `BIZ_VERSION` that a base will not take, or that ModuleController reads otherwise than the user meant.

use super::Scene;
use crate::module::{BizVersion, Container, FieldPath, LabelFault, check_version};
use crate::policy::{Fault, Found, Rule};

const REMEDY: &str = "give BIZ_VERSION the version in the jar's manifest, as a literal value";

/// Everything that is wrong with it.
pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    for container in scene.meant_as_modules() {
        if let Some((path, _)) = conflicting(&container) {
            let problem = "BIZ_VERSION stands twice with different values; the bases get the first";
            found.note(Rule::BizVersion, path, Fault::Duplicate, problem, "keep one");
        }
        check_first(&container, found, |_| true);
    }
}

/// Only that by which no base runs the module.
pub(super) fn check_vital(scene: &Scene<'_>, found: &mut Found) {
    for container in scene.meant_as_modules() {
        check_first(&container, found, |fault| matches!(fault, LabelFault::Empty | LabelFault::Colon));
    }
}

/// The first entry that says otherwise than the one before all.
fn conflicting<'a>(container: &Container<'a>) -> Option<(FieldPath, BizVersion<'a>)> {
    let first = container.biz_version();
    container.biz_versions().find(|(_, version)| *version != first)
}

fn check_first(container: &Container<'_>, found: &mut Found, matters: impl Fn(&LabelFault) -> bool) {
    let Some((path, first)) = container.biz_versions().next() else {
        let problem = "BIZ_VERSION is missing, and a base refuses a module without a version";
        found.note(Rule::BizVersion, container.path().field("env"), Fault::Required, problem, REMEDY);
        return;
    };
    match first {
        BizVersion::Missing => {}
        BizVersion::Reference => {
            let problem = "BIZ_VERSION comes from a reference, which ModuleController reads as empty";
            found.note(Rule::BizVersion, path.field("valueFrom"), Fault::Invalid, problem, REMEDY);
        }
        BizVersion::Literal(version) => {
            if let Err(reason) = check_version(version)
                && matters(&reason)
            {
                let fault = match reason {
                    LabelFault::Empty => Fault::Required,
                    _ => Fault::Invalid,
                };
                let problem = format!("BIZ_VERSION {version:?} {reason}");
                found.note(Rule::BizVersion, path.field("value"), fault, problem, REMEDY);
            }
        }
    }
}
