//! Warned: several jars in one Pod. Its labels can name one module only, so nothing keeps two such Pods off one base.

use super::Scene;
use crate::policy::{Fault, Found, Rule};

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    if scene.template.containers().iter().filter(|container| container.is_module()).count() > 1 {
        let problem = "several jars in one Pod: two such Pods may share a base, and deleting one uninstalls both";
        let field = scene.template.spec_path().field("containers");
        found.note(Rule::SeveralJars, field, Fault::Invalid, problem, "give each jar a workload of its own");
    }
}
