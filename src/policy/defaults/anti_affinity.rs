//! Never two Pods of one module and version on one base: they would share one installed module, and deleting either
//! would uninstall it for both.
//!
//! Across namespaces, because a base knows none. By name *and* version, because during a rollout the new version must be
//! able to come beside the old one. Not on a DaemonSet: its controller puts one Pod on each base anyway, and where bases
//! share a host name the term would keep all but one of them empty.

use serde_json::{Value, json};

use super::{Scene, Step};
use crate::module::{Kind, identity};
use crate::vocabulary as keys;

/// Adds the term unless one of the user's keeps this module apart already.
pub(super) fn fill_in(scene: &Scene<'_>) -> Vec<Step> {
    let template = scene.workload.template();
    if scene.workload.kind() == Kind::DaemonSet || template.names_its_node() {
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
    vec![Step::Append(template.anti_affinity_path(), term(name, version))]
}

/// The term that keeps Pods of this module and version apart.
pub(in crate::policy) fn term(name: &str, version: &str) -> Value {
    json!({
        "labelSelector": {"matchLabels": {keys::MODULE_NAME: name, keys::MODULE_VERSION: version}},
        "namespaceSelector": {},
        "topologyKey": keys::HOSTNAME,
    })
}
