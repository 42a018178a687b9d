//! Warned: containers beside the module. ModuleController would send them to the base as modules, too.

use super::Scene;
use crate::policy::{Fault, Found, Rule};

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    let containers = scene.template.containers();
    if containers.iter().any(|container| container.is_module()) {
        for container in containers.iter().filter(|container| !container.is_module()) {
            let name = container.name();
            let problem = format!("container {name} is no jar: bases are told to install it as a module");
            let field = container.path().field("image");
            found.note(
                Rule::Sidecars,
                field,
                Fault::Invalid,
                problem,
                "leave it out, or run it in a Pod that is no module",
            );
        }
    }
}
