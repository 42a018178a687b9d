//! Warned: a jar whose file name tells of another module or version. Where its manifest does, too, ModuleController
//! uninstalls the module again within 15 s.

use super::Scene;
use crate::policy::Findings;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Findings) {
    for module in scene.template.containers().iter().filter(|container| container.is_module()) {
        let Some(jar) = module.jar_name() else { continue };
        if jar.name != module.name() {
            let name = module.name();
            findings.warn(format!("the jar is called {}, the container {name}: is that the jar's bizName?", jar.name));
        }
        if let Some(version) = module.literal_version().filter(|version| *version != jar.version) {
            findings.warn(format!("the jar's name says version {}, BIZ_VERSION says {version}", jar.version));
        }
    }
}
