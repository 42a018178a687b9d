//! A required node affinity to the declared base: its name, version and cluster. Where nothing declares or selects a base, to
//! the default base of the configuration.

use serde_json::{Value, json};

use super::super::Declarations;
use super::super::selection::Selection;
use super::{Context, Edit};
use crate::vocabulary as keys;

/// Adds each declared key to every term that does not mention it. Terms are ORed, so a term without the base, or a term of
/// warden's own beside the user's, would allow bases that the user did not choose.
pub(super) fn fill_in(context: &Context<'_>) -> Vec<Edit> {
    let template = context.workload.template();
    if template.node_name().is_some() {
        return Vec::new();
    }
    let declarations = Declarations::of(context.workload, context.request.namespace);
    let nothing_selected = Selection::of(&template) == Selection::Nothing;
    let by_default = |key| declarations.or_default(key, &context.policy.default_base).filter(|_| nothing_selected);
    let declared: Vec<(&str, &str)> = keys::BASE_SELECTION
        .into_iter()
        .filter(|key| template.node_selector(key).is_none())
        .filter_map(|key| Some((key, declarations.get(key).or_else(|| by_default(key))?)))
        .collect();
    if declared.is_empty() {
        return Vec::new();
    }
    let requirement = |(key, value): &(&str, &str)| json!({"key": key, "operator": "In", "values": [value]});
    let Some(terms) = template.node_terms() else {
        let expressions: Vec<Value> = declared.iter().map(requirement).collect();
        return vec![Edit::Add(template.node_terms_path(), json!([{"matchExpressions": expressions}]))];
    };
    terms
        .iter()
        // An empty term matches no node, and would match some if a requirement were added. A term that names its nodes, as
        // the DaemonSet controller writes it, has chosen already.
        .filter(|term| !term.is_empty() && !term.names_nodes())
        .flat_map(|term| {
            let absent = declared.iter().filter(|(key, _)| !term.mentions(key));
            absent.map(|pair| Edit::Append(term.expressions_path(), requirement(pair)))
        })
        .collect()
}
