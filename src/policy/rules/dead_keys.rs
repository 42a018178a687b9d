//! Warned: a demand for a label that no vnode carries. It keeps the module off every base.

use super::Scene;
use crate::policy::Findings;
use crate::vocabulary as words;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Findings) {
    let terms = scene.template.node_terms().unwrap_or_default();
    let in_terms = terms
        .iter()
        .flat_map(|term| term.expressions())
        .filter(|expression| expression.demands_the_key())
        .map(|expression| expression.key);
    for key in scene.template.node_selector_keys().into_iter().chain(in_terms) {
        if is_dead(key) {
            findings.warn(format!("no base carries label {key}: demanding it keeps the module off every base"));
        }
    }
}

fn is_dead(key: &str) -> bool {
    words::NOT_ON_VNODES.iter().any(|prefix| key.starts_with(prefix))
        || (key.starts_with(words::BASE_PREFIX) && !words::BASE_ON_VNODE.contains(&key))
}
