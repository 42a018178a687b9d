//! Warned: a selector with the version in it. It can never be changed, so neither can the version.

use super::Scene;
use crate::policy::Findings;
use crate::vocabulary as words;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Findings) {
    if scene.workload.selects_by(words::MODULE_VERSION) {
        let kind = scene.workload.kind();
        findings
            .warn(format!("the selector demands {}: each version needs a {kind} of its own", words::MODULE_VERSION));
    }
}
