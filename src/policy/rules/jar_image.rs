//! Refused: a template without a jar, or with one that no base can fetch.

use super::Scene;
use crate::module::Container;
use crate::policy::{Fault, Found, Rule};

const REMEDY: &str = "name the jar by its URL, as https://repo.example.com/biz1-1.0.0-ark-biz.jar";

/// Everything that is wrong with it.
pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    check_vital(scene, found);
    let containers = scene.template.containers();
    let modules = containers.iter().filter(|container| container.is_module());
    for container in modules.filter(|container| !container.is_jar_url()) {
        let problem = format!("image {:?} is no URL that a base can fetch a jar from", container.image());
        found.note(Rule::JarImage, container.path().field("image"), Fault::Invalid, problem, REMEDY);
    }
}

/// Only that by which ModuleController sees no module at all.
pub(super) fn check_vital(scene: &Scene<'_>, found: &mut Found) {
    let containers = scene.template.containers();
    if containers.is_empty() {
        let path = scene.template.spec_path().field("containers");
        let problem = "there is no container, and so no module";
        found.note(Rule::JarImage, path, Fault::Required, problem, "add one with the module's name and jar");
    } else if !containers.iter().any(Container::is_module) {
        for container in containers {
            let image = container.image();
            let problem = format!("image {image:?} is no jar; ModuleController counts only containers with a .jar");
            found.note(Rule::JarImage, container.path().field("image"), Fault::Invalid, problem, REMEDY);
        }
    }
}
