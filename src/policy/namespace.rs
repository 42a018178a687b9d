//! What a Namespace says of its modules, and what it allows them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::module::{Toleration, check_label_value};
use crate::vocabulary as keys;

/// The labels and annotations of a Namespace, which can declare bases and environment of its modules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamespaceFacts {
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
    /// Whether its labels are not those of Namespaces that warden serves. The API server then asks warden about nothing in it.
    pub is_excluded: bool,
}

impl NamespaceFacts {
    /// Whether a label or annotation `key` of a Namespace is read.
    pub fn reads(key: &str) -> bool {
        key.contains(keys::KOUPLELESS_DOMAIN)
            || [keys::TOLERATIONS_WHITELIST, keys::NAMESPACE_NODE_SELECTOR].contains(&key)
    }

    /// The declared value of `key`: the annotation, or else the label. None if a Node cannot have it as a label.
    pub(super) fn declared(&self, key: &str) -> Option<&str> {
        let value = self.annotations.get(key).or_else(|| self.labels.get(key))?;
        check_label_value(value).is_ok().then_some(value.as_str())
    }

    /// Whether the Namespace's whitelist of tolerations, if it has one, allows this one.
    pub(super) fn allows(&self, toleration: &Value) -> bool {
        let whitelist = self.annotations.get(keys::TOLERATIONS_WHITELIST);
        // A list that cannot be read makes the API server refuse every Pod, whatever its tolerations.
        let whitelist: Option<Vec<Value>> = whitelist.and_then(|list| serde_json::from_str(list).ok());
        whitelist.is_none_or(|list| Toleration::new(toleration).is_allowed_by(&list))
    }

    /// The labels that are added to the node selector of every Pod.
    pub(super) fn node_selector(&self) -> impl Iterator<Item = (&str, &str)> {
        let selector = self.annotations.get(keys::NAMESPACE_NODE_SELECTOR).map_or("", String::as_str);
        selector.split(',').filter_map(|pair| pair.split_once('=')).map(|(key, value)| (key.trim(), value.trim()))
    }
}
