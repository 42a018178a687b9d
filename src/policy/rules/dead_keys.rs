//! Warned: a demand for a label that no vnode carries. It keeps the module off every base.

use super::Scene;
use crate::policy::{Fault, Found, Rule};
use crate::vocabulary as keys;

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    let terms = scene.template.node_terms().unwrap_or_default();
    let in_terms = terms
        .iter()
        .flat_map(|term| term.expressions())
        .filter(|expression| expression.demands_the_key())
        .map(|expression| (expression.path, expression.key));
    let selector = scene.template.spec_path().field("nodeSelector");
    let in_selector = scene.template.node_selector_keys().into_iter().map(|key| (selector.key(key), key));
    for (field, key) in in_selector.chain(in_terms) {
        if keys::no_vnode_carries(key) {
            let problem = format!("no base carries label {key}: demanding it keeps the module off every base");
            let remedy = format!("leave it out, or choose bases by {} and {}", keys::BASE_NAME, keys::BASE_VERSION);
            found.note(Rule::DeadLabels, field, Fault::Invalid, problem, remedy);
        }
    }
}
