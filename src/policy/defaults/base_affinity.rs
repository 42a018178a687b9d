//! A required node affinity to the base of the placement: its name, version and cluster.

use serde_json::{Value, json};

use super::{Context, Edit};
use crate::policy::derived::requirement;
use crate::vocabulary as keys;

/// Adds each key to every term that does not demand it. Terms are ORed, so a term without the base, or a term of warden's own beside
/// the user's, would allow bases that the user did not choose.
pub(super) fn fill_in(context: &Context<'_>) -> Vec<Edit> {
    let template = context.workload.template();
    if template.node_name().is_some() {
        return Vec::new();
    }
    let placement = context.placement();
    let demanded: Vec<(&str, &str)> = keys::BASE_SELECTION
        .into_iter()
        .filter(|key| template.node_selector(key).is_none())
        .filter_map(|key| Some((key, placement.get(key)?)))
        .collect();
    if demanded.is_empty() {
        return Vec::new();
    }
    let Some(terms) = template.node_terms() else {
        let expressions: Vec<Value> = demanded.iter().map(|(key, value)| requirement(key, value)).collect();
        return vec![Edit::Add(template.node_terms_path(), json!([{"matchExpressions": expressions}]))];
    };
    terms
        .iter()
        // An empty term matches no node, and would match some if a requirement were added. A term that names its nodes, as
        // the DaemonSet controller writes it, has chosen already.
        .filter(|term| !term.is_empty() && !term.names_nodes())
        .flat_map(|term| {
            let absent = demanded.iter().filter(|(key, _)| !term.demands_values_of(key));
            absent.map(|(key, value)| Edit::Append(term.expressions_path(), requirement(key, value)))
        })
        .collect()
}
