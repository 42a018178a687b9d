//! An object while the defaults change it, and the patch that records every change.

use json_patch::{AddOperation, PatchOperation, RemoveOperation, ReplaceOperation};
use jsonptr::PointerBuf;
use serde_json::{Map, Value};

use super::{Verdict, Warning};
use crate::module::{FieldPath, Segment};

/// A JSON patch (RFC 6902); empty where nothing changes.
pub type Patch = json_patch::Patch;

/// The object as patched so far. Every method changes the object and records the operation, so that the two cannot differ
/// and a later default sees what an earlier one added.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    object: Value,
    operations: Vec<PatchOperation>,
    warnings: Vec<Warning>,
}

impl Draft {
    pub(super) fn new(object: Value) -> Self {
        Self { object, operations: Vec::new(), warnings: Vec::new() }
    }

    pub(super) fn object(&self) -> &Value {
        &self.object
    }

    /// Adds a warning, unless it is there already.
    pub(super) fn warn(&mut self, text: impl Into<String>) {
        Warning::new(text).add_once(&mut self.warnings);
    }

    /// The object with all changes, and what was done to it.
    pub(super) fn finish(self) -> (Value, Verdict) {
        let patch = json_patch::Patch(self.operations);
        (self.object, Verdict { patch, warnings: self.warnings, violations: Vec::new() })
    }

    /// Adds `value` at `path` where no value is yet. Objects that are missing on the way are added in the same operation.
    pub(super) fn add(&mut self, path: &FieldPath, value: Value) {
        let (existing, missing) = self.split_at_the_missing(path);
        let Some((first, rest)) = missing.split_first() else {
            return;
        };
        let Some(Value::Object(parent)) = resolve(&mut self.object, existing) else {
            return;
        };
        let Some(name) = first.name() else { return };
        let value = rest
            .iter()
            .rev()
            .filter_map(Segment::name)
            .fold(value, |inner, name| Value::Object(Map::from_iter([(name.to_owned(), inner)])));
        parent.insert(name.to_owned(), value.clone());
        let path = pointer(existing).concat(&PointerBuf::from_tokens([name]));
        self.operations.push(PatchOperation::Add(AddOperation { path, value }));
    }

    /// Appends `value` to the list at `path`, and adds the list where it is missing.
    pub(super) fn append(&mut self, path: &FieldPath, value: Value) {
        match resolve(&mut self.object, path.segments()) {
            Some(Value::Array(list)) => {
                list.push(value.clone());
                let path = path.pointer().concat(&PointerBuf::from_tokens(["-"]));
                self.operations.push(PatchOperation::Add(AddOperation { path, value }));
            }
            _ => self.add(path, Value::Array(vec![value])),
        }
    }

    /// Replaces the value at `path`; does nothing where there is none.
    pub(super) fn replace(&mut self, path: &FieldPath, value: Value) {
        if let Some(place) = resolve(&mut self.object, path.segments()) {
            *place = value.clone();
            let path = path.pointer();
            self.operations.push(PatchOperation::Replace(ReplaceOperation { path, value }));
        }
    }

    /// Adds or replaces the value at `path`.
    pub(super) fn set(&mut self, path: &FieldPath, value: Value) {
        if path.get(&self.object).is_some() {
            self.replace(path, value);
        } else {
            self.add(path, value);
        }
    }

    /// Removes the field at `path` from its object.
    pub(super) fn remove(&mut self, path: &FieldPath) {
        let Some((last, parent)) = path.segments().split_last() else {
            return;
        };
        if let Some(Value::Object(parent)) = resolve(&mut self.object, parent)
            && last.name().is_some_and(|name| parent.remove(name).is_some())
        {
            let path = path.pointer();
            self.operations.push(PatchOperation::Remove(RemoveOperation { path }));
        }
    }

    /// Removes the element `index` from the list at `list`.
    pub(super) fn remove_element(&mut self, list: &FieldPath, index: usize) {
        if let Some(Value::Array(elements)) = resolve(&mut self.object, list.segments())
            && index < elements.len()
        {
            elements.remove(index);
            self.operations.push(PatchOperation::Remove(RemoveOperation { path: list.index(index).pointer() }));
        }
    }

    /// The part of `path` that exists and is not null, and the rest.
    fn split_at_the_missing<'p>(&self, path: &'p FieldPath) -> (&'p [Segment], &'p [Segment]) {
        let mut at = &self.object;
        for (position, segment) in path.segments().iter().enumerate() {
            match segment.of(at).filter(|value| !value.is_null()) {
                Some(inner) => at = inner,
                None => return path.segments().split_at(position),
            }
        }
        (path.segments(), &[])
    }
}

fn resolve<'v>(object: &'v mut Value, path: &[Segment]) -> Option<&'v mut Value> {
    path.iter().try_fold(object, |value, segment| match segment {
        Segment::Index(index) => value.as_array_mut()?.get_mut(*index),
        named => value.as_object_mut()?.get_mut(named.name()?),
    })
}

fn pointer(segments: &[Segment]) -> PointerBuf {
    segments.iter().fold(FieldPath::root(), |path, segment| path.then(segment.clone())).pointer()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn missing_parents_are_added_in_one_operation() {
        let path = FieldPath::root().fields(&["metadata", "labels"]).key("a/b");
        let mut draft = Draft::new(json!({"metadata": {"labels": null}}));
        draft.add(&path, json!("1"));
        let (_, verdict) = draft.finish();
        assert_eq!(
            serde_json::to_value(&verdict.patch).unwrap(),
            json!([{"op": "add", "path": "/metadata/labels", "value": {"a/b": "1"}}])
        );
    }

    #[test]
    fn the_patch_makes_the_object_of_the_draft() {
        let original = json!({"spec": {"list": [{"seconds": 3}], "x": 1}});
        let spec = FieldPath::root().field("spec");
        let mut draft = Draft::new(original.clone());
        draft.append(&spec.field("list"), json!({"b": 2}));
        draft.append(&spec.field("other"), json!("first"));
        draft.append(&spec.field("other"), json!("second"));
        draft.remove(&spec.field("list").index(0).field("seconds"));
        draft.replace(&spec.field("x"), json!(2));
        let (object, verdict) = draft.finish();
        let mut patched = original;
        json_patch::patch(&mut patched, &verdict.patch).unwrap();
        assert_eq!(patched, object);
        assert_eq!(patched["spec"]["other"], json!(["first", "second"]));
    }

    #[test]
    fn adding_overwrites_nothing() {
        let mut draft = Draft::new(json!({"a": 1}));
        draft.add(&FieldPath::root().field("a"), json!(2));
        assert!(draft.finish().1.patch.0.is_empty());
    }
}
