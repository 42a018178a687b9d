//! Warned: a jar whose file name tells of another module or version. Where its manifest does, too, ModuleController
//! uninstalls the module again within 15 s.

use super::Scene;
use crate::policy::{Fault, Found, Rule};

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    for module in scene.template.containers().iter().filter(|container| container.is_module()) {
        let Some(jar) = module.jar_name() else { continue };
        if jar.name != module.name() {
            let name = module.name();
            let problem = format!("the jar is called {}, the container {name}: is that the jar's bizName?", jar.name);
            let remedy = "name the container and the jar's file after the bizName in its manifest";
            found.note(Rule::JarFileName, module.path().field("name"), Fault::Invalid, problem, remedy);
        }
        if let Some(version) = module.literal_version().filter(|version| *version != jar.version) {
            let problem = format!("the jar's name says version {}, BIZ_VERSION says {version}", jar.version);
            let remedy = "give BIZ_VERSION and the jar's file the version in its manifest";
            found.note(Rule::JarFileName, module.path().field("image"), Fault::Invalid, problem, remedy);
        }
    }
}
