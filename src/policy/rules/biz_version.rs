//! Refused: a `BIZ_VERSION` that a base will not take, or that ModuleController reads otherwise than the user meant.

use super::Scene;
use crate::module::{BizVersion, Container, VersionFault, check_version};
use crate::policy::{Fault, Findings};

const REMEDY: &str = "give BIZ_VERSION the version in the jar's manifest, as a literal value";

pub(super) fn check(scene: &Scene<'_>, findings: &mut Findings) {
    for container in scene.meant_as_modules() {
        check_container(&container, findings);
    }
}

fn check_container(container: &Container<'_>, findings: &mut Findings) {
    let mut versions = container.biz_versions();
    let Some((path, first)) = versions.next() else {
        let problem = "BIZ_VERSION is missing, and a base refuses a module without a version";
        findings.refuse(container.path().field("env"), Fault::Required, problem, REMEDY);
        return;
    };
    if let Some((path, _)) = versions.find(|(_, version)| *version != first) {
        let problem = "BIZ_VERSION stands twice with different values; the bases get the first";
        findings.refuse(path, Fault::Duplicate, problem, "keep one");
    }
    match first {
        BizVersion::Missing => {}
        BizVersion::Reference => {
            let problem = "BIZ_VERSION comes from a reference, which ModuleController reads as empty";
            findings.refuse(path.field("valueFrom"), Fault::Invalid, problem, REMEDY);
        }
        BizVersion::Literal(version) => {
            if let Err(reason) = check_version(version) {
                let fault = match reason {
                    VersionFault::Empty => Fault::Required,
                    _ => Fault::Invalid,
                };
                let problem = format!("BIZ_VERSION {version:?} {reason}");
                findings.refuse(path.field("value"), fault, problem, REMEDY);
            }
        }
    }
}
