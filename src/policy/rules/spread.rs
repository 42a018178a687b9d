//! Warned: spreading over a topology that vnodes do not have.

use super::Scene;
use crate::policy::Findings;
use crate::vocabulary as words;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Findings) {
    for topology in scene.template.spread_topologies() {
        if topology != words::HOSTNAME {
            findings.warn(format!("no base has {topology}: spread over {} instead", words::HOSTNAME));
        }
    }
}
