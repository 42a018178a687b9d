//! The identity labels of a Pod, by which it is kept off bases that carry the same module and version.
//!
//! Only warden writes their keys. So they are set on every module Pod, also one that opted out, and removed from what is no module:
//! such a Pod on a vnode would keep modules off it.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Context, Edit};
use crate::module::identity_labels;
use crate::vocabulary as keys;

/// Sets the labels, and removes any others with their prefix.
pub(super) fn fill_in(context: &Context<'_>) -> Vec<Edit> {
    let template = context.workload.template();
    let metadata = template.metadata();
    let labels = if template.is_module() { identity_labels(&template) } else { BTreeMap::new() };
    let is_foreign = |key: &&str| key.starts_with(keys::IDENTITY_PREFIX) && !labels.contains_key(*key);
    let foreign = metadata.labels().map(|(key, _)| key).filter(is_foreign);
    let removed = foreign.map(|key| Edit::Remove(metadata.label_path(key)));
    let is_missing = |(key, value): &(&String, &String)| metadata.label(key) != Some(value.as_str());
    let set = labels.iter().filter(is_missing).map(|(key, value)| Edit::Set(metadata.label_path(key), json!(value)));
    removed.chain(set).collect()
}
