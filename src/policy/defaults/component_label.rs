//! The component label in the dialect that ModuleController reads.
//!
//! Without it ModuleController ignores the Pods. Manifests from the tutorials have only the older one.

use serde_json::json;

use super::{Context, Edit};
use crate::vocabulary as keys;

/// Adds the label to the template.
pub(super) fn fill_in(context: &Context<'_>) -> Vec<Edit> {
    let metadata = context.workload.template().metadata();
    match metadata.label(keys::COMPONENT.current) {
        Some(_) => Vec::new(),
        None => vec![Edit::Add(metadata.label_path(keys::COMPONENT.current), json!(keys::COMPONENT_MODULE))],
    }
}
