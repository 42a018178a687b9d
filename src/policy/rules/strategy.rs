//! Warned: a strategy that does not exist; the Deployment is none that follows the bases.

use super::Scene;
use crate::policy::Findings;
use crate::vocabulary as words;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Findings) {
    let metadata = scene.workload.metadata();
    for key in words::STRATEGY.all() {
        if let Some(value) = metadata.label(key).filter(|value| *value != words::STRATEGY_PEER) {
            findings.warn(format!("label {key} knows only {:?}, nothing comes of {value:?}", words::STRATEGY_PEER));
        }
    }
}
