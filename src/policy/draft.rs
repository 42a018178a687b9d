//! An object on its way through the defaults, and the patch that is being written along.

use json_patch::{AddOperation, PatchOperation, RemoveOperation, ReplaceOperation};
use jsonptr::PointerBuf;
use serde_json::{Map, Value};

use super::{Injected, Warning};
use crate::module::{FieldPath, Segment};

/// A JSON patch (RFC 6902); empty where there is nothing to do.
pub type Patch = json_patch::Patch;

/// The object as patched so far. Every change is made to the object and noted as an operation at once, so that the two
/// cannot come to differ, and a later default sees what an earlier one added.
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

    /// Takes in a warning, once.
    pub(super) fn warn(&mut self, text: impl Into<String>) {
        Warning::new(text).take_once(&mut self.warnings);
    }

    pub(super) fn finish(self) -> Injected {
        Injected { object: self.object, patch: json_patch::Patch(self.operations), warnings: self.warnings }
    }

    /// Adds `value` at `path`, where there is nothing yet, with the objects that are missing on the way, in one operation.
    pub(super) fn add(&mut self, path: &FieldPath, value: Value) {
        let (found, missing) = self.split_at_the_missing(path);
        let Some((first, rest)) = missing.split_first() else {
            return;
        };
        let Some(Value::Object(parent)) = resolve(&mut self.object, found) else {
            return;
        };
        let Some(name) = first.name() else { return };
        let value = rest
            .iter()
            .rev()
            .filter_map(Segment::name)
            .fold(value, |inner, name| Value::Object(Map::from_iter([(name.to_owned(), inner)])));
        parent.insert(name.to_owned(), value.clone());
        let path = pointer(found).concat(&PointerBuf::from_tokens([name]));
        self.operations.push(PatchOperation::Add(AddOperation { path, value }));
    }

    /// Appends `value` to the list at `path`, which is made where it is missing.
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

    /// Puts `value` in the place of what stands at `path`.
    pub(super) fn replace(&mut self, path: &FieldPath, value: Value) {
        if let Some(place) = resolve(&mut self.object, path.segments()) {
            *place = value.clone();
            let path = path.pointer();
            self.operations.push(PatchOperation::Replace(ReplaceOperation { path, value }));
        }
    }

    /// Makes `value` the value at `path`, whether there is one yet or not.
    pub(super) fn set(&mut self, path: &FieldPath, value: Value) {
        if path.get(&self.object).is_some() {
            self.replace(path, value);
        } else {
            self.add(path, value);
        }
    }

    /// Takes the field at `path` out of its object.
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

    /// The part of `path` that is there (and no null), and the rest.
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
    fn what_is_missing_on_the_way_comes_in_one_operation() {
        let path = FieldPath::root().fields(&["metadata", "labels"]).key("a/b");
        let mut draft = Draft::new(json!({"metadata": {"labels": null}}));
        draft.add(&path, json!("1"));
        let injected = draft.finish();
        assert_eq!(
            serde_json::to_value(&injected.patch).unwrap(),
            json!([{"op": "add", "path": "/metadata/labels", "value": {"a/b": "1"}}])
        );
    }

    #[test]
    fn the_patch_leads_where_the_draft_went() {
        let original = json!({"spec": {"list": [{"seconds": 3}], "x": 1}});
        let spec = FieldPath::root().field("spec");
        let mut draft = Draft::new(original.clone());
        draft.append(&spec.field("list"), json!({"b": 2}));
        draft.append(&spec.field("other"), json!("first"));
        draft.append(&spec.field("other"), json!("second"));
        draft.remove(&spec.field("list").index(0).field("seconds"));
        draft.replace(&spec.field("x"), json!(2));
        let injected = draft.finish();
        let mut patched = original;
        json_patch::patch(&mut patched, &injected.patch).unwrap();
        assert_eq!(patched, injected.object);
        assert_eq!(patched["spec"]["other"], json!(["first", "second"]));
    }

    #[test]
    fn what_stands_already_is_not_added_over() {
        let mut draft = Draft::new(json!({"a": 1}));
        draft.add(&FieldPath::root().field("a"), json!(2));
        assert!(draft.finish().patch.0.is_empty());
    }
}
