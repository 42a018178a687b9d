//! The labels and annotations of an object or of a template.

use serde_json::Value;

use super::FieldPath;
use crate::vocabulary::Dialects;

/// A `metadata`, with its path.
#[derive(Debug, Clone)]
pub struct Metadata<'a> {
    value: Option<&'a Value>,
    path: FieldPath,
}

impl<'a> Metadata<'a> {
    /// The metadata at `path` of `object`.
    pub fn at(object: &'a Value, path: FieldPath) -> Self {
        Self { value: path.get(object), path }
    }

    /// The path of label `key`, whether or not it is set.
    pub fn label_path(&self, key: &str) -> FieldPath {
        self.path.field("labels").key(key)
    }

    /// The path of annotation `key`, whether or not it is set.
    pub fn annotation_path(&self, key: &str) -> FieldPath {
        self.path.field("annotations").key(key)
    }

    /// The value of label `key`.
    pub fn label(&self, key: &str) -> Option<&'a str> {
        self.map("labels")?.get(key)?.as_str()
    }

    /// The value of annotation `key`.
    pub fn annotation(&self, key: &str) -> Option<&'a str> {
        self.map("annotations")?.get(key)?.as_str()
    }

    /// The value of `key` and its path: the annotation, or else the label. The annotation comes first, because warden fills in
    /// labels from annotations, and such a label must not hide a later change of its annotation.
    pub fn annotation_or_label(&self, key: &str) -> Option<(&'a str, FieldPath)> {
        self.annotation(key)
            .map(|value| (value, self.annotation_path(key)))
            .or_else(|| self.label(key).map(|value| (value, self.label_path(key))))
    }

    /// All labels.
    pub fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let map = self.map("labels").into_iter().flatten();
        map.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }

    /// The keys of all annotations.
    pub fn annotation_keys(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.map("annotations").into_iter().flat_map(|map| map.keys().map(String::as_str))
    }

    /// Whether the label has `value` in any dialect of its key.
    pub fn says(&self, key: Dialects, value: &str) -> bool {
        key.all().into_iter().any(|key| self.label(key) == Some(value))
    }

    fn map(&self, name: &str) -> Option<&'a serde_json::Map<String, Value>> {
        self.value?.get(name)?.as_object()
    }
}
