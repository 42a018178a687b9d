//! Warned: keys that ModuleController has not read since V2.0.

use super::Scene;
use crate::policy::Findings;
use crate::vocabulary as words;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Findings) {
    for key in [words::COMPONENT, words::STRATEGY] {
        let stands = [scene.workload.metadata(), scene.template.metadata()]
            .iter()
            .any(|metadata| metadata.label(key.older).is_some());
        if stands {
            findings.warn(format!("label {} is not read since V2.0: write {}", key.older, key.current));
        }
    }
}
