//! Warned: several jars in one Pod. Its labels can name one module only, so nothing keeps two such Pods off one base.

use super::Scene;
use crate::policy::Findings;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Findings) {
    if scene.template.containers().iter().filter(|container| container.is_module()).count() > 1 {
        findings.warn("several jars in one Pod: two such Pods may share a base, and deleting one uninstalls both");
    }
}
