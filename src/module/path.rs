//! The path of a field, for messages and for JSON patches.

use std::fmt;

use serde_json::Value;

/// One step of a [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A field that the API defines, such as `spec`.
    Field(&'static str),
    /// A key of a map, such as that of a label.
    Key(String),
    /// An element of a list.
    Index(usize),
}

/// The path of a field inside an object.
///
/// Displayed in Kubernetes' style (`spec.template.metadata.labels[app]`), used in patches as a JSON pointer.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<Segment>);

impl FieldPath {
    /// The object itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// The field `name` of this.
    pub fn field(&self, name: &'static str) -> Self {
        self.then(Segment::Field(name))
    }

    /// The fields `names`, one inside the other, from this.
    pub fn fields(&self, names: &[&'static str]) -> Self {
        names.iter().fold(self.clone(), |path, name| path.field(name))
    }

    /// The entry `key` of this map.
    pub fn key(&self, key: &str) -> Self {
        self.then(Segment::Key(key.to_owned()))
    }

    /// The element `index` of this list.
    pub fn index(&self, index: usize) -> Self {
        self.then(Segment::Index(index))
    }

    /// The steps from the object to the field.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The field's value in `object`; an explicit null counts as absent, as it does for the API server.
    pub fn get<'v>(&self, object: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(object, |value, segment| segment.of(value)).filter(|value| !value.is_null())
    }

    /// The field as a JSON pointer (RFC 6901).
    pub fn pointer(&self) -> jsonptr::PointerBuf {
        jsonptr::PointerBuf::from_tokens(self.0.iter().map(|segment| match segment {
            Segment::Field(name) => jsonptr::Token::new(*name),
            Segment::Key(key) => jsonptr::Token::new(key.as_str()),
            Segment::Index(index) => jsonptr::Token::from(*index),
        }))
    }

    /// This path with `segment` appended.
    pub fn then(&self, segment: Segment) -> Self {
        let mut segments = Vec::with_capacity(self.0.len() + 1);
        segments.extend_from_slice(&self.0);
        segments.push(segment);
        Self(segments)
    }
}

impl Segment {
    /// The name of a field or entry; None for an element of a list.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Field(name) => Some(name),
            Self::Key(key) => Some(key),
            Self::Index(_) => None,
        }
    }

    /// The value at this step inside `value`.
    pub fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Index(index) => value.as_array()?.get(*index),
            named => value.as_object()?.get(named.name()?),
        }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Field(name) if position == 0 => f.write_str(name)?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Key(key) => write!(f, "[{key}]")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_reads_as_kubernetes_writes_it() {
        let env = FieldPath::root().fields(&["spec", "containers"]).index(0).field("env");
        assert_eq!(env.to_string(), "spec.containers[0].env");
        let label = FieldPath::root().fields(&["metadata", "labels"]).key("a.io/b");
        assert_eq!(label.to_string(), "metadata.labels[a.io/b]");
    }

    #[test]
    fn a_pointer_escapes_what_rfc_6901_escapes() {
        let label = FieldPath::root().fields(&["metadata", "labels"]).key("a.io/~b");
        assert_eq!(label.pointer().as_str(), "/metadata/labels/a.io~1~0b");
    }

    #[test]
    fn null_is_absent() {
        let object = json!({"spec": {"affinity": null}});
        assert_eq!(FieldPath::root().fields(&["spec", "affinity"]).get(&object), None);
    }
}
