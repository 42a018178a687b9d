//! Refused: no base selection at all. Warned: a term of the affinity without one, and a declaration that the affinity
//! overrules.

use super::Scene;
use crate::module::NodeTerm;
use crate::policy::sources::{chosen_env, single_demand};
use crate::policy::{Fault, Findings, Sources};
use crate::vocabulary as words;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Findings) {
    let template = &scene.template;
    warn_of_overruled_declarations(scene, findings);
    let by_selector = template.node_selector_keys().into_iter().any(selects_bases);
    if template.node_name().is_some() || by_selector {
        return;
    }
    let terms = template.node_terms().unwrap_or_default();
    let terms: Vec<_> = terms.iter().filter(|term| !term.is_empty()).collect();
    if !terms.iter().any(|term| term_selects_bases(term)) {
        let problem = "nothing says which bases this module is for";
        let remedy = format!(
            "annotate the template, the {} or the Namespace with {} and {}, or write a required node affinity on them",
            scene.workload.kind(),
            words::BASE_NAME,
            words::BASE_VERSION
        );
        findings.refuse(template.node_terms_path(), Fault::Required, problem, remedy);
    } else if !terms.iter().all(|term| term_selects_bases(term)) {
        findings.warn("a nodeSelectorTerm names no base: terms are ORed, so it lets the module onto any");
    }
}

fn warn_of_overruled_declarations(scene: &Scene<'_>, findings: &mut Findings) {
    let sources = Sources::of(scene.workload, None);
    let of_base = words::BASE_SELECTION.map(|key| (key, single_demand(&scene.template, key)));
    let of_env = (words::ENV, chosen_env(&scene.template));
    for (key, demanded) in of_base.into_iter().chain([of_env]) {
        if let (Some(declared), Some(demanded)) = (sources.get(key), demanded)
            && declared != demanded
        {
            findings.warn(format!("{key} is declared {declared}; the pod spec demands {demanded}, which wins"));
        }
    }
}

fn term_selects_bases(term: &NodeTerm<'_>) -> bool {
    term.names_nodes()
        || term.expressions().iter().any(|expression| expression.demands_the_key() && selects_bases(expression.key))
}

/// Whether a demand for `key` picks some bases among the vnodes: not what all of them carry, nor what none does. Labels
/// of a platform's own count.
fn selects_bases(key: &str) -> bool {
    ![words::COMPONENT.current, words::COMPONENT.older, words::ENV].contains(&key)
        && !words::NOT_ON_VNODES.iter().any(|prefix| key.starts_with(prefix))
}
