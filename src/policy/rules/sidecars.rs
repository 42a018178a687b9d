//! Warned: containers beside the module. ModuleController would send them to the base as modules, too.

use super::Scene;
use crate::policy::Findings;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Findings) {
    let containers = scene.template.containers();
    if containers.iter().any(|container| container.is_module()) {
        for container in containers.iter().filter(|container| !container.is_module()) {
            let name = container.name();
            findings.warn(format!("container {name} is no jar: bases are told to install it as a module"));
        }
    }
}
