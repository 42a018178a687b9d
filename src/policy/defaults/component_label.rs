//! The component label in the dialect that ModuleController reads.
//!
//! Without it ModuleController ignores the Pods altogether. Manifests from the tutorials carry only the older one.

use serde_json::json;

use super::{Scene, Step};
use crate::vocabulary as keys;

/// Adds `module` to the template.
pub(super) fn fill_in(scene: &Scene<'_>) -> Vec<Step> {
    let metadata = scene.workload.template().metadata();
    match metadata.label(keys::COMPONENT.current) {
        Some(_) => Vec::new(),
        None => vec![Step::Add(metadata.label_path(keys::COMPONENT.current), json!(keys::COMPONENT_MODULE))],
    }
}
