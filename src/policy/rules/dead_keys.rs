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
        if words::no_vnode_carries(key) {
            findings.warn(format!("no base carries label {key}: demanding it keeps the module off every base"));
        }
    }
}
