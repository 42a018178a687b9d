//! The module's name and version as labels of its Pods, for selectors and for people. warden does not rely on them.

use serde_json::json;

use super::{Context, Edit};
use crate::module::{check_label_value, check_version};
use crate::vocabulary as keys;

/// Adds the labels that are absent, by the only container that is a module.
pub(super) fn fill_in(context: &Context<'_>) -> Vec<Edit> {
    let template = context.workload.template();
    let Some(module) = template.single_module() else {
        return Vec::new();
    };
    let metadata = template.metadata();
    let name = Some(module.name()).filter(|name| check_label_value(name).is_ok());
    let version = module.literal_version().filter(|version| check_version(version).is_ok());
    [(keys::MODULE_NAME, name), (keys::MODULE_VERSION, version)]
        .into_iter()
        .filter(|(key, _)| metadata.label(key).is_none())
        .filter_map(|(key, value)| Some(Edit::Add(metadata.label_path(key), json!(value?))))
        .collect()
}
