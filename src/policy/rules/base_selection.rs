//! Refused: no base selection at all. Warned: a term of the affinity without one, and a declaration that the affinity
//! overrules.

use super::Scene;
use crate::policy::selection::Selection;
use crate::policy::sources::{chosen_envs, single_demand};
use crate::policy::{Fault, Findings, Sources};
use crate::vocabulary as words;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Findings) {
    warn_of_overruled_declarations(scene, findings);
    match Selection::of(&scene.template) {
        Selection::Bases => {}
        Selection::InSomeTerms => {
            findings.warn("a nodeSelectorTerm names no base: terms are ORed, so it lets the module onto any");
        }
        Selection::Nothing => {
            let problem = "nothing says which bases this module is for";
            let remedy = format!(
                "annotate the template, the {} or the Namespace with {} and {}, or write a required node affinity on them",
                scene.workload.kind(),
                words::BASE_NAME,
                words::BASE_VERSION
            );
            findings.refuse(scene.template.node_terms_path(), Fault::Required, problem, remedy);
        }
    }
}

fn warn_of_overruled_declarations(scene: &Scene<'_>, findings: &mut Findings) {
    let sources = Sources::of(scene.workload, None);
    let of_base = words::BASE_SELECTION.map(|key| (key, single_demand(&scene.template, key).into_iter().collect()));
    let of_env = (words::ENV, chosen_envs(&scene.template));
    for (key, demanded) in of_base.into_iter().chain([of_env]) {
        if let Some(declared) = sources.get(key)
            && !demanded.is_empty()
            && !demanded.contains(&declared)
        {
            let demanded = demanded.join(", ");
            findings.warn(format!("{key} is declared {declared}; the pod spec demands {demanded}, which wins"));
        }
    }
}
