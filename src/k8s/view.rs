//! Objects of which only the fields that are read are decoded.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use kube::Resource;
use serde::{Deserialize, Deserializer};

use super::ObjectKey;

/// A `K` of which only the metadata, `Spec` and `Status` are decoded. An object consists mostly of fields that are never read
/// here: managed fields, images, conditions, volumes.
///
/// ```
/// use k8s_openapi::api::apps::v1::ReplicaSet;
/// use koupleless_warden::k8s::View;
/// use serde::Deserialize;
/// use serde::de::IgnoredAny;
///
/// #[derive(Debug, Clone, Default, Deserialize)]
/// struct Spec {
///     replicas: Option<u32>,
/// }
/// let set = r#"{"metadata": {"name": "orders-5d8", "namespace": "shop"}, "spec": {"replicas": 3, "template": {}}}"#;
/// let set: View<ReplicaSet, Spec, IgnoredAny> = serde_json::from_str(set)?;
/// assert_eq!((set.key().to_string().as_str(), set.spec.replicas), ("shop/orders-5d8", Some(3)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(bound(deserialize = "Spec: Deserialize<'de> + Default, Status: Deserialize<'de> + Default"))]
pub struct View<K, Spec, Status> {
    /// The metadata, without the fields that are never read.
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// The spec. A ControllerRevision has `data` in its place.
    #[serde(default, alias = "data")]
    pub spec: Spec,
    /// The status. A ControllerRevision has its number, `revision`, in its place.
    #[serde(default, alias = "revision")]
    pub status: Status,
    #[serde(skip)]
    kind: PhantomData<fn() -> K>,
}

/// The metadata that is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    deletion_timestamp: Option<Time>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<OwnerReference>>,
}

fn metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let read = Metadata::deserialize(deserializer)?;
    Ok(ObjectMeta {
        name: read.name,
        namespace: read.namespace,
        uid: read.uid,
        resource_version: read.resource_version,
        generation: read.generation,
        deletion_timestamp: read.deletion_timestamp,
        labels: read.labels,
        annotations: read.annotations,
        owner_references: read.owner_references,
        ..ObjectMeta::default()
    })
}

impl<K, Spec, Status> View<K, Spec, Status> {
    /// The name.
    pub fn name(&self) -> String {
        self.metadata.name.clone().unwrap_or_default()
    }

    /// The namespace and name.
    pub fn key(&self) -> ObjectKey {
        ObjectKey { namespace: self.metadata.namespace.clone().unwrap_or_default(), name: self.name() }
    }

    /// The value of label `key`.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.metadata.labels.as_ref()?.get(key).map(String::as_str)
    }

    /// The value of annotation `key`.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(key).map(String::as_str)
    }
}

impl<K: Resource<DynamicType = ()>, Spec, Status> Resource for View<K, Spec, Status> {
    type DynamicType = ();
    type Scope = K::Scope;

    fn kind(_: &()) -> Cow<'_, str> {
        K::kind(&())
    }

    fn group(_: &()) -> Cow<'_, str> {
        K::group(&())
    }

    fn version(_: &()) -> Cow<'_, str> {
        K::version(&())
    }

    fn plural(_: &()) -> Cow<'_, str> {
        K::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
