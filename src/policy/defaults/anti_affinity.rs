//! A required pod anti-affinity that keeps two Pods of one module and version off one base. They would share one installed
//! module, and deleting either Pod would uninstall it for both.
//!
//! The term covers all namespaces, because a base does not distinguish them. It covers name *and* version, because during a
//! rollout the new version must be able to land beside the old one. A DaemonSet does not get it: its controller creates one
//! Pod per base anyway, and where bases share a host name the term would keep all but one of them empty.

use serde_json::{Value, json};

use super::{Context, Edit};
use crate::module::{Kind, identity};
use crate::vocabulary as keys;

/// Adds the term, unless a term in the template already keeps the module apart.
pub(super) fn fill_in(context: &Context<'_>) -> Vec<Edit> {
    let template = context.workload.template();
    if context.workload.kind() == Kind::DaemonSet || template.names_its_node() {
        return Vec::new();
    }
    let metadata = template.metadata();
    let labels = (metadata.label(keys::MODULE_NAME), metadata.label(keys::MODULE_VERSION));
    let (Some(_), (Some(name), Some(version))) = (template.single_module(), labels) else {
        return Vec::new();
    };
    if template.anti_affinity().iter().any(|term| term.keeps_apart(&identity(name, version))) {
        return Vec::new();
    }
    vec![Edit::Append(template.anti_affinity_path(), term(name, version))]
}

/// The term that keeps Pods of this module and version apart.
pub(in crate::policy) fn term(name: &str, version: &str) -> Value {
    json!({
        "labelSelector": {"matchLabels": {keys::MODULE_NAME: name, keys::MODULE_VERSION: version}},
        "namespaceSelector": {},
        "topologyKey": keys::HOSTNAME,
    })
}
