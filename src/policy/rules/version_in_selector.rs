//! Warned: a selector with the version in it. It can never be changed, so neither can the version.

use super::Scene;
use crate::module::FieldPath;
use crate::policy::{Fault, Found, Rule};
use crate::vocabulary as keys;

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    if scene.workload.selects_by(keys::MODULE_VERSION) {
        let kind = scene.workload.kind();
        let problem = format!("the selector demands {}: each version needs a {kind} of its own", keys::MODULE_VERSION);
        let field = FieldPath::root().fields(&["spec", "selector"]);
        found.note(Rule::VersionInSelector, field, Fault::Invalid, problem, "select by labels that stay");
    }
}
