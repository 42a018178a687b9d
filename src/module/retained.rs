//! What is kept of a workload that is watched: what injection and `fit` read, and no more than a bounded amount of it.
//!
//! A Deployment can have a megabyte of environment variables, and takes twenty times as much memory once it is parsed. The
//! reduction happens while the text is parsed, so that a large object never stands in memory whole.

use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

use super::json_memory::{self, weight};
use crate::vocabulary as keys;

/// The memory, in bytes as [`weight`] estimates them, that is spent on one workload. An ordinary one needs a quarter of it.
pub const RETAINED_LIMIT: usize = 64 << 10;

/// A pod template, reduced to what injection and `fit` read.
#[derive(Debug, Clone, PartialEq)]
pub struct RetainedTemplate {
    /// The reduced template; null where there is none.
    pub value: Value,
    /// Whether nothing was left out for want of room.
    pub is_complete: bool,
}

/// The containers of a Pod, reduced to what says which modules they are.
#[derive(Debug, Clone, PartialEq)]
pub struct RetainedContainers {
    /// The reduced list; null where there is none. What had no room in [`RETAINED_LIMIT`] is missing.
    pub value: Value,
    /// Whether nothing was left out for want of room.
    pub is_complete: bool,
}

/// What is kept of a JSON value.
enum Shape {
    /// All of it.
    Whole,
    /// Of an object these fields.
    Fields(&'static [(&'static str, Shape)]),
    /// Of an object those entries whose key is one of Koupleless' or of warden's.
    OwnKeys,
    /// A list, and this of each element.
    Each(&'static Shape),
    /// Of a list of environment variables those by which ModuleController knows a module's version.
    Versions,
}

const VARIABLE: Shape =
    Shape::Fields(&[("name", Shape::Whole), ("value", Shape::Whole), ("valueFrom", Shape::Fields(&[]))]);
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const CONTAINERS: Shape =
    Shape::Each(&Shape::Fields(&[("name", Shape::Whole), ("image", Shape::Whole), ("env", Shape::Versions)]));
const TEMPLATE: Shape = Shape::Fields(&[
    ("metadata", Shape::Fields(&[("labels", Shape::Whole), ("annotations", Shape::OwnKeys)])),
    (
        "spec",
        Shape::Fields(&[
            ("nodeName", Shape::Whole),
            ("nodeSelector", Shape::Whole),
            ("tolerations", Shape::Whole),
            (
                "affinity",
                Shape::Fields(&[
                    ("nodeAffinity", Shape::Fields(&[(REQUIRED, Shape::Whole)])),
                    ("podAntiAffinity", Shape::Fields(&[(REQUIRED, Shape::Whole)])),
                ]),
            ),
            ("containers", CONTAINERS),
        ]),
    ),
]);

impl RetainedTemplate {
    /// The same of a template that is in memory.
    pub fn of(template: &Value) -> Self {
        // Any JSON value can be read.
        Self::deserialize(template).unwrap_or(Self { value: Value::Null, is_complete: false })
    }
}

impl<'de> Deserialize<'de> for RetainedTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (value, is_complete) = reduce(&TEMPLATE, deserializer)?;
        Ok(Self { value, is_complete })
    }
}

impl Default for RetainedTemplate {
    fn default() -> Self {
        Self { value: Value::Null, is_complete: true }
    }
}

impl<'de> Deserialize<'de> for RetainedContainers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (value, is_complete) = reduce(&CONTAINERS, deserializer)?;
        Ok(Self { value, is_complete })
    }
}

impl Default for RetainedContainers {
    fn default() -> Self {
        Self { value: Value::Null, is_complete: true }
    }
}

/// Reads what `shape` says, as long as there is room, and whether there was.
fn reduce<'de, D: Deserializer<'de>>(shape: &Shape, deserializer: D) -> Result<(Value, bool), D::Error> {
    let room = Cell::new(Some(RETAINED_LIMIT - json_memory::VALUE));
    let value = Reduced { shape, room: &room }.deserialize(deserializer)?;
    Ok((value.unwrap_or_default(), room.get().is_some()))
}

/// Of labels or annotations, those that are Koupleless' or warden's own.
pub fn own_keys<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Map<String, Value> {
    let own = pairs.into_iter().filter(|(key, _)| is_own(key));
    own.map(|(key, value)| (key.to_owned(), json!(value))).collect()
}

/// Whether more than [`RETAINED_LIMIT`] would have to be kept of the Deployment `object`.
pub fn is_too_large(object: &Value) -> bool {
    let text_map = |map: &Value| {
        let pairs = map.as_object().into_iter().flatten();
        own_keys(pairs.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))))
    };
    let at = |pointer| object.pointer(pointer).unwrap_or(&Value::Null);
    let template = RetainedTemplate::of(at("/spec/template"));
    let metadata = ["/metadata/labels", "/metadata/annotations"].map(|map| weight(&text_map(at(map)).into()));
    !template.is_complete || weight(&template.value) + metadata.iter().sum::<usize>() > RETAINED_LIMIT
}

/// The state that warden's controllers write is not among them: it changes with everything that they do.
fn is_own(key: &str) -> bool {
    let is_state = key.starts_with(keys::STATE_PREFIX) || key == keys::PEER_STATE_OLDER;
    key.contains(keys::KOUPLELESS_DOMAIN) && !is_state
}

/// Reads a value and keeps what `shape` says of it, as long as there is room; none where there is nothing to keep.
#[derive(Clone, Copy)]
struct Reduced<'a> {
    shape: &'a Shape,
    /// The bytes that are left; none once they were not enough, and nothing more is kept.
    room: &'a Cell<Option<usize>>,
}

impl Reduced<'_> {
    fn of<'a>(&'a self, shape: &'a Shape) -> Reduced<'a> {
        Reduced { shape, room: self.room }
    }

    /// Takes so many bytes of room, and says whether there were so many.
    fn take(&self, bytes: usize) -> bool {
        self.room.set(self.room.get().and_then(|room| room.checked_sub(bytes)));
        self.room.get().is_some()
    }

    /// Puts `value`, for which room was taken, at the end of `list` if there is room for that.
    fn push(&self, list: &mut Vec<Value>, value: Value) {
        if self.take(json_memory::list(list.len() + 1) - json_memory::list(list.len())) {
            list.push(value);
        }
    }

    /// Puts `value`, for which room was taken, into `map` if there is room for that.
    fn insert(&self, map: &mut Map<String, Value>, key: String, value: Value) {
        let nodes = json_memory::map(map.len() + 1) - json_memory::map(map.len());
        if self.take(json_memory::text(key.len()) + nodes) {
            map.insert(key, value);
        }
    }

    /// A value that takes no room besides its place.
    fn scalar<E>(&self, value: Value) -> Result<Option<Value>, E> {
        Ok(self.room.get().map(|_| value))
    }
}

impl<'de> DeserializeSeed<'de> for Reduced<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.room.get().is_none() {
            return IgnoredAny::deserialize(deserializer).map(|_| None);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reduced<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        self.scalar(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        self.scalar(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        self.scalar(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        self.scalar(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(self.take(json_memory::text(value.len())).then(|| value.into()))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        self.scalar(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let element = match self.shape {
            Shape::Each(shape) => self.of(shape),
            Shape::Versions => return self.versions(list),
            _ => self,
        };
        let mut kept = Vec::new();
        while let Some(value) = list.next_element_seed(element)? {
            if let Some(value) = value {
                self.push(&mut kept, value);
            }
        }
        // It has grown by doubling.
        kept.shrink_to_fit();
        Ok(Some(Value::Array(kept)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut kept = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let shape = match self.shape {
                Shape::Fields(fields) => fields.iter().find(|(name, _)| *name == key).map(|(_, shape)| shape),
                Shape::OwnKeys => is_own(&key).then_some(&Shape::Whole),
                shape => Some(shape),
            };
            let Some(shape) = shape.filter(|_| self.room.get().is_some()) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if let Some(value) = map.next_value_seed(self.of(shape))? {
                self.insert(&mut kept, key, value);
            }
        }
        Ok(Some(Value::Object(kept)))
    }
}

impl Reduced<'_> {
    /// A variable is known by its name only when all of it is read. What is not kept takes its room for that moment.
    fn versions<'de, A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<Value>, A::Error> {
        let mut kept = Vec::new();
        loop {
            let room = Cell::new(Some(usize::MAX));
            let Some(variable) = list.next_element_seed(Reduced { shape: &VARIABLE, room: &room })? else { break };
            let version = variable.filter(|variable| {
                variable.get("name").is_some_and(|name| name == keys::BIZ_VERSION) || !variable.is_object()
            });
            let Some(version) = version else { continue };
            if self.take(weight(&version) - json_memory::VALUE) {
                self.push(&mut kept, version);
            }
        }
        kept.shrink_to_fit();
        Ok(Some(Value::Array(kept)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn template() -> Value {
        json!({
            "metadata": {
                "creationTimestamp": null,
                "labels": {"app": "orders", "virtual-kubelet.koupleless.io/component": "module"},
                "annotations": {"prometheus.io/scrape": "true", "base.koupleless.io/name": "a"},
            },
            "spec": {
                "nodeSelector": {"base.koupleless.io/version": "1"},
                "affinity": {
                    "nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchFields": []}]}, "preferred": [1]},
                    "podAffinity": {REQUIRED: [{}]},
                },
                "tolerations": [{"operator": "Exists", "tolerationSeconds": 3}],
                "volumes": [{"name": "v"}],
                "containers": [{
                    "name": "orders",
                    "image": "https://x/orders-1.jar",
                    "ports": [{"containerPort": 1}],
                    "env": [
                        {"name": "A", "value": "1"},
                        {"name": "BIZ_VERSION", "value": "1"},
                        {"name": "BIZ_VERSION", "valueFrom": {"fieldRef": {"fieldPath": "x"}}},
                    ],
                }],
            },
        })
    }

    #[test]
    fn what_is_read_is_kept_and_all_else_is_not() {
        let kept = json!({
            "metadata": {
                "labels": {"app": "orders", "virtual-kubelet.koupleless.io/component": "module"},
                "annotations": {"base.koupleless.io/name": "a"},
            },
            "spec": {
                "nodeSelector": {"base.koupleless.io/version": "1"},
                "affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchFields": []}]}}},
                "tolerations": [{"operator": "Exists", "tolerationSeconds": 3}],
                "containers": [{
                    "name": "orders",
                    "image": "https://x/orders-1.jar",
                    "env": [{"name": "BIZ_VERSION", "value": "1"}, {"name": "BIZ_VERSION", "valueFrom": {}}],
                }],
            },
        });
        // Given a template in memory, or as text
        let in_memory = RetainedTemplate::of(&template());
        let as_text: RetainedTemplate = serde_json::from_str(&template().to_string()).unwrap();
        // Then it is reduced alike, and a second time changes nothing
        assert_eq!(in_memory, RetainedTemplate { value: kept.clone(), is_complete: true });
        assert_eq!(as_text, in_memory);
        assert_eq!(RetainedTemplate::of(&kept).value, kept);
    }

    #[test]
    fn the_containers_of_a_pod_are_reduced_as_those_of_a_template() {
        let containers = &template()["spec"]["containers"];
        let kept: RetainedContainers = serde_json::from_str(&containers.to_string()).unwrap();
        let of_template = RetainedTemplate::of(&template()).value["spec"]["containers"].clone();
        assert_eq!(kept, RetainedContainers { value: of_template, is_complete: true });
        let large = many(5000, |_| json!({"name": "a"})).to_string();
        assert!(!serde_json::from_str::<RetainedContainers>(&large).unwrap().is_complete);
    }

    #[test]
    fn variables_of_no_interest_take_no_room() {
        let mut large = template();
        let variables = (0..26_000).map(|at| json!({"name": format!("VARIABLE_{at}"), "value": "x".repeat(20)}));
        large["spec"]["containers"][0]["env"].as_array_mut().unwrap().extend(variables);
        assert_eq!(RetainedTemplate::of(&large), RetainedTemplate::of(&template()));
    }

    fn many(count: usize, of: impl Fn(usize) -> Value) -> Value {
        (0..count).map(of).collect()
    }

    #[test]
    fn what_has_no_room_is_left_out_whatever_it_is() {
        type Enlarge = fn(&mut Value);
        let ways: [Enlarge; 6] = [
            |t| t["spec"]["tolerations"] = many(5000, |_| json!({"key": "a"})),
            |t| t["spec"]["containers"] = many(5000, |_| json!({"name": "a"})),
            |t| t["spec"]["containers"][0]["env"] = many(5000, |_| json!({"name": "BIZ_VERSION", "value": ""})),
            |t| t["spec"]["containers"][0]["image"] = json!("x".repeat(100_000)),
            |t| t["metadata"]["labels"] = (0..5000).map(|at| (at.to_string(), json!(""))).collect::<Map<_, _>>().into(),
            |t| t["spec"]["affinity"]["nodeAffinity"][REQUIRED] = many(5000, |_| json!([])),
        ];
        for (at, enlarge) in ways.into_iter().enumerate() {
            let mut large = template();
            enlarge(&mut large);
            let kept = RetainedTemplate::of(&large);
            assert!(!kept.is_complete, "way {at}");
            assert!(weight(&kept.value) <= RETAINED_LIMIT, "way {at}: {}", weight(&kept.value));
        }
    }

    proptest! {
        #[test]
        fn what_is_complete_weighs_no_more_than_its_room(count in 0_usize..200, length in 0_usize..200) {
            let mut sized = template();
            let toleration = json!({"key": "k".repeat(length)});
            sized["spec"]["tolerations"] = many(count, |_| toleration.clone());
            let kept = RetainedTemplate::of(&sized);
            let tolerations = kept.value["spec"]["tolerations"].as_array().map(Vec::len);
            prop_assert!(!kept.is_complete || (tolerations == Some(count) && weight(&kept.value) <= RETAINED_LIMIT));
            prop_assert!(kept.is_complete || count * weight(&toleration) > RETAINED_LIMIT / 2);
        }
    }
}
