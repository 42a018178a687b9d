//! Required node affinity to the declared base: its name, version and cluster. Where nothing at all says which base, to the
//! one that is configured for the whole cluster.

use serde_json::{Value, json};

use super::super::Sources;
use super::super::selection::Selection;
use super::{Scene, Step};
use crate::vocabulary as keys;

/// Adds the declared base to every term that says nothing of it. Terms are ORed, so that a term left alone, or one of our
/// own beside the user's, would let the module onto bases that nobody chose.
pub(super) fn fill_in(scene: &Scene<'_>) -> Vec<Step> {
    let template = scene.workload.template();
    if template.node_name().is_some() {
        return Vec::new();
    }
    let sources = Sources::of(scene.workload, scene.request.namespace);
    let nothing_selected = Selection::of(&template) == Selection::Nothing;
    let by_default = |key| sources.or_default(key, &scene.policy.default_base).filter(|_| nothing_selected);
    let declared: Vec<(&str, &str)> = keys::BASE_SELECTION
        .into_iter()
        .filter(|key| template.node_selector(key).is_none())
        .filter_map(|key| Some((key, sources.get(key).or_else(|| by_default(key))?)))
        .collect();
    if declared.is_empty() {
        return Vec::new();
    }
    let requirement = |(key, value): &(&str, &str)| json!({"key": key, "operator": "In", "values": [value]});
    let Some(terms) = template.node_terms() else {
        let expressions: Vec<Value> = declared.iter().map(requirement).collect();
        return vec![Step::Add(template.node_terms_path(), json!([{"matchExpressions": expressions}]))];
    };
    terms
        .iter()
        // An empty term matches nothing, and would match something with our requirement in it. One that names its nodes,
        // as the DaemonSet controller's, has chosen already.
        .filter(|term| !term.is_empty() && !term.names_nodes())
        .flat_map(|term| {
            let absent = declared.iter().filter(|(key, _)| !term.speaks_of(key));
            absent.map(|pair| Step::Append(term.expressions_path(), requirement(pair)))
        })
        .collect()
}
