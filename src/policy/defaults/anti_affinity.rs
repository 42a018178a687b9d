//! A required pod anti-affinity on each identity label, which keeps two Pods of one module and version off one base. They would share
//! one installed module, and deleting either Pod would uninstall it for both.
//!
//! The terms cover all namespaces, because a base does not distinguish them, and name *and* version, because during a rollout the new
//! version must be able to land beside the old one. The Pods of a DaemonSet do not get them: its controller makes one Pod per node
//! anyway, and where bases share a host name the terms would keep all but one of them empty.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{Context, Edit};
use crate::module::identity_labels;
use crate::vocabulary as keys;

/// Adds the terms that are missing.
pub(super) fn fill_in(context: &Context<'_>) -> Vec<Edit> {
    let template = context.workload.template();
    if context.workload.is_per_node() || template.node_name().is_some() {
        return Vec::new();
    }
    let terms = template.anti_affinity();
    // Not searched for each label: a tenant may write thousands of both.
    let known: HashSet<&Value> = terms.iter().map(|known| known.value()).collect();
    identity_labels(&template)
        .iter()
        .map(|(key, value)| term(key, value))
        .filter(|term| !known.contains(term))
        .map(|term| Edit::Append(template.anti_affinity_path(), term))
        .collect()
}

/// The term that keeps a Pod off bases with a Pod that has this label.
fn term(key: &str, value: &str) -> Value {
    json!({
        "labelSelector": {"matchLabels": {key: value}},
        "namespaceSelector": {},
        "topologyKey": keys::HOSTNAME,
    })
}
