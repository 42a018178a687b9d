//! The module's name and version as labels of its Pods, which anti-affinity and people's selectors go by.

use serde_json::json;

use super::{Scene, Step};
use crate::module::{check_label_value, check_version};
use crate::vocabulary as keys;

/// Adds the labels that are absent, from the single container that is a module.
pub(super) fn fill_in(scene: &Scene<'_>) -> Vec<Step> {
    let template = scene.workload.template();
    let Some(module) = template.single_module() else {
        return Vec::new();
    };
    let metadata = template.metadata();
    let name = Some(module.name()).filter(|name| check_label_value(name).is_ok());
    let version = module.literal_version().filter(|version| check_version(version).is_ok());
    [(keys::MODULE_NAME, name), (keys::MODULE_VERSION, version)]
        .into_iter()
        .filter(|(key, _)| metadata.label(key).is_none())
        .filter_map(|(key, value)| Some(Step::Add(metadata.label_path(key), json!(value?))))
        .collect()
}
