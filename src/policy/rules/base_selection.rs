//! Refused: no base selection at all. Warned: a term of the affinity without one.

use super::Scene;
use crate::module::Kind;
use crate::policy::selection::Selection;
use crate::policy::{Fault, Found, Rule, Sources};
use crate::vocabulary as keys;

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    match Selection::of(&scene.template) {
        Selection::Bases => {}
        Selection::InSomeTerms => {
            let problem = "a nodeSelectorTerm names no base: terms are ORed, so it lets the module onto any";
            let remedy = format!("demand {} and {} in every term", keys::BASE_NAME, keys::BASE_VERSION);
            found.note(Rule::OpenTerms, scene.template.node_terms_path(), Fault::Invalid, problem, remedy);
        }
        Selection::Nothing => {
            let (problem, remedy) = nothing_selected(scene);
            found.note(Rule::BaseSelection, scene.template.node_terms_path(), Fault::Required, problem, remedy);
        }
    }
}

fn nothing_selected(scene: &Scene<'_>) -> (String, String) {
    let sources = Sources::of(scene.workload, None);
    let is_declared = keys::BASE_SELECTION.into_iter().any(|key| sources.get(key).is_some());
    let (name, version) = (keys::BASE_NAME, keys::BASE_VERSION);
    if is_declared && scene.workload.switched(keys::INJECT, "false") {
        let problem = format!("the declared base has no effect, for {} is \"false\"", keys::INJECT);
        let remedy =
            format!("write a required node affinity (In) on {name} and {version}, or take that annotation off");
        return (problem, remedy);
    }
    let places = match scene.workload.kind() {
        Kind::Pod => "the Pod or its Namespace".to_owned(),
        kind => format!("the template, the {kind} or the Namespace"),
    };
    let remedy = format!("annotate {places} with {name} and {version}, or write a required node affinity (In) on them");
    ("nothing says which bases this module is for".to_owned(), remedy)
}
