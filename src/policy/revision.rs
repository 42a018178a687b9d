//! A former template of a workload, as far as it is compared with a new one.

use std::collections::BTreeMap;
use std::fmt;

use ring::digest::{Context, Digest, SHA256};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::vocabulary as keys;

/// A ReplicaSet or ControllerRevision of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Its number. The newest has the highest.
    pub number: i64,
    /// What its template is compared by.
    pub digest: TemplateDigest,
    /// The placement annotation on its template.
    pub placement: Option<String>,
    /// Its annotations that declare a base or an environment. The controller copied them from the workload.
    pub declared: BTreeMap<String, String>,
    /// The modules in its template. They are kept of the newest revision only: there can be thousands of others.
    pub modules: Vec<ReleasedModule>,
    /// How many of its Pods are Ready. None where the revision does not say.
    pub ready: Option<u32>,
}

/// A module in the template of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleasedModule {
    /// The name.
    pub name: String,
    /// The version, if it has a literal one.
    pub version: Option<String>,
    /// The URL of its jar.
    pub image: String,
}

/// A digest of a pod template. Two templates are the same to the controller that owns them if and only if their digests are equal,
/// but for the placement annotation, which is left out, as are the hash labels that controllers add. So a template need not be kept
/// to be compared, whatever its size.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TemplateDigest([u8; 32]);

/// The place of a value in a template, as far as keys are left out there.
#[derive(Clone, Copy)]
enum Place {
    Template,
    Metadata,
    Labels,
    Annotations,
    Other,
}

impl TemplateDigest {
    /// The digest of the template that `template` reads.
    ///
    /// # Errors
    /// Those of the deserializer.
    pub fn read<'de, D: Deserializer<'de>>(template: D) -> Result<Self, D::Error> {
        let digest = Place::Template.deserialize(template)?;
        Ok(Self(digest.unwrap_or_default()))
    }

    /// The digest of a template that is in memory; that of null if there is none.
    pub fn of(template: Option<&Value>) -> Self {
        // Any JSON value can be read.
        template.and_then(|template| Self::read(template).ok()).unwrap_or(Self([0; 32]))
    }
}

impl fmt::Debug for TemplateDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Place {
    fn inside(self, key: &str) -> Self {
        match (self, key) {
            (Self::Template, "metadata") => Self::Metadata,
            (Self::Metadata, "labels") => Self::Labels,
            (Self::Metadata, "annotations") => Self::Annotations,
            _ => Self::Other,
        }
    }

    /// `$patch` is how a ControllerRevision says that its template replaces the present one.
    fn leaves_out(self, key: &str) -> bool {
        match self {
            Self::Template => key == "$patch",
            Self::Labels => [keys::POD_TEMPLATE_HASH, keys::ARGO_TEMPLATE_HASH].contains(&key),
            Self::Annotations => key == keys::PLACEMENT,
            Self::Metadata | Self::Other => false,
        }
    }
}

type Hash = [u8; 32];

fn bytes(digest: &Digest) -> Hash {
    let mut hash = Hash::default();
    hash.copy_from_slice(digest.as_ref());
    hash
}

fn leaf(kind: &str, text: &str) -> Option<Hash> {
    let mut context = Context::new(&SHA256);
    context.update(kind.as_bytes());
    context.update(text.as_bytes());
    Some(bytes(&context.finish()))
}

/// The digest of a value; None for null, which counts as absent, as it does for the API server.
impl<'de> DeserializeSeed<'de> for Place {
    type Value = Option<Hash>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place {
    type Value = Option<Hash>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(leaf("b", if value { "1" } else { "0" }))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(leaf("n", &value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(leaf("n", &value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(leaf("n", &value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(leaf("s", value))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut context = Context::new(&SHA256);
        context.update(b"l");
        while let Some(element) = list.next_element_seed(Self::Other)? {
            context.update(&element.unwrap_or_default());
        }
        Ok(Some(bytes(&context.finish())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries: Vec<(Hash, Hash)> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if self.leaves_out(&key) {
                map.next_value::<IgnoredAny>()?;
            } else if let (Some(value), Some(key)) = (map.next_value_seed(self.inside(&key))?, leaf("k", &key)) {
                entries.push((key, value));
            }
        }
        // Labels and annotations from which all was left out are no others than those that were never there.
        if entries.is_empty() && matches!(self, Self::Metadata | Self::Labels | Self::Annotations) {
            return Ok(None);
        }
        entries.sort_unstable();
        let mut context = Context::new(&SHA256);
        context.update(b"m");
        for (key, value) in entries {
            context.update(&key);
            context.update(&value);
        }
        Ok(Some(bytes(&context.finish())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn template() -> Value {
        json!({
            "metadata": {"labels": {"app": "orders"}, "annotations": {"a": "b"}},
            "spec": {"containers": [{"name": "orders", "env": [{"name": "A", "value": "1"}]}], "terminationGracePeriodSeconds": 30},
        })
    }

    fn digest(edit: impl FnOnce(&mut Value)) -> TemplateDigest {
        let mut template = template();
        edit(&mut template);
        TemplateDigest::of(Some(&template))
    }

    #[rstest]
    #[case::the_placement(|t: &mut Value| t["metadata"]["annotations"][keys::PLACEMENT] = json!("{}"))]
    #[case::the_hash_of_a_rollout(|t: &mut Value| t["metadata"]["labels"][keys::ARGO_TEMPLATE_HASH] = json!("5d8"))]
    #[case::the_hash_of_a_replica_set(|t: &mut Value| t["metadata"]["labels"][keys::POD_TEMPLATE_HASH] = json!("5d8"))]
    #[case::the_directive_of_a_controller_revision(|t: &mut Value| t["$patch"] = json!("replace"))]
    #[case::a_null(|t: &mut Value| t["metadata"]["creationTimestamp"] = Value::Null)]
    fn what_is_no_part_of_the_template_is_left_out(#[case] edit: fn(&mut Value)) {
        assert_eq!(digest(edit), digest(|_| {}));
    }

    #[rstest]
    #[case::a_label(|t: &mut Value| t["metadata"]["labels"]["x"] = json!("y"))]
    #[case::an_empty_label(|t: &mut Value| t["metadata"]["labels"]["x"] = json!(""))]
    #[case::a_variable(|t: &mut Value| t["spec"]["containers"][0]["env"][0]["value"] = json!("2"))]
    #[case::a_number(|t: &mut Value| t["spec"]["terminationGracePeriodSeconds"] = json!(31))]
    #[case::a_number_as_a_text(|t: &mut Value| t["spec"]["terminationGracePeriodSeconds"] = json!("30"))]
    #[case::an_empty_object(|t: &mut Value| t["spec"]["volumes"] = json!([{"emptyDir": {}}]))]
    #[case::the_same_key_elsewhere(|t: &mut Value| t["spec"][keys::PLACEMENT] = json!("{}"))]
    fn any_other_difference_is_one(#[case] edit: fn(&mut Value)) {
        assert_ne!(digest(edit), digest(|_| {}));
    }

    #[test]
    fn annotations_of_which_nothing_is_left_are_none() {
        let with = json!({"metadata": {"annotations": {keys::PLACEMENT: "{}"}}, "spec": {}});
        assert_eq!(TemplateDigest::of(Some(&with)), TemplateDigest::of(Some(&json!({"spec": {}}))));
    }

    proptest! {
        #[test]
        fn text_and_memory_have_one_digest_whatever_the_order_of_keys(names in prop::collection::vec("[a-z]{1,4}", 1..6)) {
            let entry = |name: &String| format!("\"{name}\": \"{name}\"");
            let text = |names: &mut dyn Iterator<Item = &String>| format!("{{{}}}", names.map(entry).collect::<Vec<_>>().join(","));
            let mut names = names;
            names.sort();
            names.dedup();
            let (forward, backward) = (text(&mut names.iter()), text(&mut names.iter().rev()));
            let read = |text: &str| TemplateDigest::read(&mut serde_json::Deserializer::from_str(text)).unwrap();
            let value: Value = serde_json::from_str(&forward).unwrap();
            prop_assert_eq!(read(&forward), read(&backward));
            prop_assert_eq!(read(&forward), TemplateDigest::of(Some(&value)));
        }
    }
}
