//! Refused: labels that call the module otherwise than its container does. Anti-affinity and selectors would go by a name
//! or version that no base ever sees.

use super::Scene;
use crate::policy::{Fault, Found, Rule};
use crate::vocabulary as keys;

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    let metadata = scene.template.metadata();
    let modules = scene.meant_as_modules();
    let names: Vec<&str> = modules.iter().map(|module| module.name()).collect();
    let versions: Vec<&str> = modules.iter().filter_map(|module| module.literal_version()).collect();
    let of_labels =
        [(keys::MODULE_NAME, "the container's name", names), (keys::MODULE_VERSION, "BIZ_VERSION", versions)];
    for (key, what, said) in of_labels {
        let Some(label) = metadata.label(key).filter(|label| !said.is_empty() && !said.contains(label)) else {
            continue;
        };
        let said = said.join(", ");
        let remedy = if scene.workload.selects_by(key) {
            format!(
                "make label and {what} agree; as the selector demands the label, use a {} of its own",
                scene.workload.kind()
            )
        } else {
            format!("make label and {what} agree, or leave the label out: it is filled in")
        };
        let problem = format!("the label says {label:?}, and {what} is {said:?}");
        found.note(Rule::IdentityLabels, metadata.label_path(key), Fault::Invalid, problem, remedy);
    }
}
