//! The former templates of a workload, read from the API server.
//!
//! They are asked for only when a template changes, which is rare. A cache would have to hold every ReplicaSet of the cluster, and
//! could lag behind a rollback that follows a release at once.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{ControllerRevision, ReplicaSet};
use kube::api::ListParams;
use kube::{Api, Client, Resource};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;
use tokio::time::timeout;

use crate::k8s::{ReadSlots, View, brief, list};
use crate::module::retained::RetainedTemplate;
use crate::module::{History, Kind, Workload};
use crate::policy::{ReleasedModule, Revision, TemplateDigest};
use crate::vocabulary as keys;

/// How long a review waits for the API server. It is less than the 3 s that the API server waits for the webhook.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The revisions cannot be read. The review can be tried again.
#[derive(Debug, Error)]
#[error("cannot read the revisions of {workload}: {reason}")]
pub struct RevisionsUnavailable {
    /// The workload.
    pub workload: String,
    /// Why they cannot be read.
    pub reason: String,
}

/// Reads the revisions of workloads.
///
/// # RBAC
/// It needs `list` of ReplicaSets and ControllerRevisions.
#[derive(Clone)]
pub struct RevisionReader {
    client: Client,
    slots: Arc<ReadSlots>,
}

/// A ReplicaSet as far as it is decoded.
type ReplicaSetView = View<ReplicaSet, RevisionSpec, RevisionStatus>;
/// A ControllerRevision as far as it is decoded: [`View`] reads its `data` and `revision` as spec and status.
type ControllerRevisionView = View<ControllerRevision, RevisionData, i64>;

#[derive(Debug, Clone, Default, Deserialize)]
struct RevisionSpec {
    #[serde(default)]
    template: RevisionTemplate,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RevisionStatus {
    ready_replicas: Option<u32>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct RevisionData {
    #[serde(default)]
    spec: RevisionSpec,
}

/// What is kept of a template.
#[derive(Debug, Clone)]
struct RevisionTemplate {
    digest: TemplateDigest,
    placement: Option<String>,
    modules: Vec<ReleasedModule>,
}

impl Default for RevisionTemplate {
    fn default() -> Self {
        Self { digest: TemplateDigest::of(None), placement: None, modules: Vec::new() }
    }
}

impl<'de> Deserialize<'de> for RevisionTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let digest =
            TemplateDigest::read(&mut serde_json::Deserializer::from_str(text.get())).map_err(D::Error::custom)?;
        let retained: RetainedTemplate = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        let template = Workload::new(Kind::Pod, &retained.value).template();
        let placement = template.metadata().annotation(keys::PLACEMENT).map(str::to_owned);
        Ok(Self { digest, placement, modules: ReleasedModule::all_of(&template) })
    }
}

impl Debug for RevisionReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RevisionReader").finish_non_exhaustive()
    }
}

impl RevisionReader {
    /// A reader by `client`.
    pub fn new(client: Client) -> Self {
        Self { client, slots: Arc::default() }
    }

    /// The revisions of the stored workload `object`, in no particular order; none for a kind whose controller keeps none.
    ///
    /// # Errors
    /// If the API server refuses the request, or does not answer in time.
    pub async fn of(&self, kind: Kind, object: &Value) -> Result<Vec<Revision>, RevisionsUnavailable> {
        let unavailable = |reason: String| {
            let name = Workload::new(kind, object).name();
            RevisionsUnavailable { workload: format!("{kind} {name}"), reason }
        };
        let read = async {
            let _slot = self.slots.acquire(text(object, "/metadata/namespace")).await;
            match kind.history() {
                None => Ok(Vec::new()),
                Some(History::ReplicaSets) => self.list(object, of_replica_set).await,
                Some(History::ControllerRevisions) => self.list(object, of_controller_revision).await,
            }
        };
        match timeout(TIMEOUT, read).await {
            Ok(Ok(revisions)) => Ok(revisions),
            Ok(Err(reason)) => Err(unavailable(reason)),
            Err(_) => Err(unavailable(format!("no answer within {TIMEOUT:?}"))),
        }
    }

    async fn list<K>(&self, object: &Value, read: fn(&K) -> Revision) -> Result<Vec<Revision>, String>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        let (namespace, uid) = (text(object, "/metadata/namespace"), text(object, "/metadata/uid"));
        let params = ListParams { label_selector: selector(object), ..ListParams::default() };
        let is_owned = |view: &K| {
            let owners = view.meta().owner_references.iter().flatten();
            owners.into_iter().any(|owner| owner.controller == Some(true) && owner.uid == uid)
        };
        let api: Api<K> = Api::namespaced(self.client.clone(), namespace);
        let newest = Newest::default();
        let listed = list(&api, &params, |view: K| is_owned(&view).then(|| newest.keep_modules_of(read(&view)))).await;
        let mut revisions: Vec<_> = listed.map_err(|error| brief(&error))?.items.into_iter().flatten().collect();
        newest.give_back(&mut revisions);
        Ok(revisions)
    }
}

/// The modules of the newest revision so far, while the others are read.
#[derive(Default)]
struct Newest(Mutex<Option<(i64, Vec<ReleasedModule>)>>);

impl Newest {
    fn keep_modules_of(&self, mut revision: Revision) -> Revision {
        let modules = std::mem::take(&mut revision.modules);
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.as_ref().is_none_or(|(number, _)| *number <= revision.number) {
            *newest = Some((revision.number, modules));
        }
        revision
    }

    fn give_back(self, revisions: &mut [Revision]) {
        let newest = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some((revision, (_, modules))) = revisions.iter_mut().max_by_key(|it| it.number).zip(newest) {
            revision.modules = modules;
        }
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn of_replica_set(view: &ReplicaSetView) -> Revision {
    let number =
        [keys::DEPLOYMENT_REVISION, keys::ARGO_REVISION].iter().find_map(|key| view.annotation(key)?.parse().ok());
    revision(view, number.unwrap_or_default(), &view.spec, Some(view.status.ready_replicas.unwrap_or(0)))
}

/// A ControllerRevision does not say how many of its Pods are Ready; the status of its workload does.
fn of_controller_revision(view: &ControllerRevisionView) -> Revision {
    revision(view, view.status, &view.spec.spec, None)
}

fn revision<K: Resource>(view: &K, number: i64, spec: &RevisionSpec, ready: Option<u32>) -> Revision {
    let declares = |key: &str| key == keys::ENV || keys::BASE_SELECTION.contains(&key);
    let annotations = view.meta().annotations.iter().flatten().filter(|(key, _)| declares(key));
    let RevisionTemplate { digest, placement, modules } = spec.template.clone();
    let declared = annotations.map(|(key, value)| (key.clone(), value.clone())).collect();
    Revision { number, digest, placement, declared, modules, ready }
}

/// The selector of the workload's Pods as text, which its revisions carry as labels.
fn selector(object: &Value) -> Option<String> {
    let selector = object.pointer("/spec/selector")?;
    let labels = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    let exact = labels.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
    let expressions = selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten();
    let other = expressions.filter_map(|expression| {
        let key = expression.get("key")?.as_str()?;
        let values = expression.get("values").and_then(Value::as_array).into_iter().flatten();
        let values = values.filter_map(Value::as_str).collect::<Vec<_>>().join(",");
        match expression.get("operator")?.as_str()? {
            "In" => Some(format!("{key} in ({values})")),
            "NotIn" => Some(format!("{key} notin ({values})")),
            "Exists" => Some(key.to_owned()),
            "DoesNotExist" => Some(format!("!{key}")),
            _ => None,
        }
    });
    Some(exact.chain(other).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template() -> Value {
        json!({
            "metadata": {
                "labels": {"app": "orders", keys::COMPONENT.current: keys::COMPONENT_MODULE},
                "annotations": {keys::PLACEMENT: "{\"env\":\"dev\"}"},
            },
            "spec": {"containers": [{
                "name": "orders", "image": "https://x/orders-1.jar", "env": [{"name": "BIZ_VERSION", "value": "1"}],
            }]},
        })
    }

    #[test]
    fn a_replica_set_is_read() {
        // Given
        let mut of_set = template();
        of_set["metadata"]["labels"]["pod-template-hash"] = json!("5d8");
        let set = json!({
            "metadata": {"annotations": {"deployment.kubernetes.io/revision": "7", keys::BASE_NAME: "a", "team": "x"}},
            "spec": {"template": of_set},
            "status": {"readyReplicas": 2},
        });
        // When
        let revision = of_replica_set(&serde_json::from_str(&set.to_string()).unwrap());
        // Then
        assert_eq!((revision.number, revision.ready), (7, Some(2)));
        assert_eq!(revision.digest, TemplateDigest::of(Some(&template())));
        assert_eq!(revision.placement.as_deref(), Some("{\"env\":\"dev\"}"));
        assert_eq!(revision.declared, [(keys::BASE_NAME.to_owned(), "a".to_owned())].into());
        let module = ReleasedModule {
            name: "orders".to_owned(),
            version: Some("1".to_owned()),
            image: "https://x/orders-1.jar".to_owned(),
        };
        assert_eq!(revision.modules, [module]);
    }

    #[test]
    fn a_controller_revision_is_read() {
        let mut data = template();
        data["$patch"] = json!("replace");
        let object = json!({"metadata": {}, "data": {"spec": {"template": data}}, "revision": 3});
        let revision = of_controller_revision(&serde_json::from_str(&object.to_string()).unwrap());
        assert_eq!((revision.number, revision.digest), (3, TemplateDigest::of(Some(&template()))));
        assert_eq!(revision.ready, None);
    }

    #[test]
    fn the_modules_of_the_newest_are_kept_and_no_others() {
        let read = |number: i64| Revision {
            number,
            modules: vec![ReleasedModule { name: number.to_string(), version: None, image: String::new() }],
            ..of_controller_revision(&serde_json::from_str(r#"{"metadata": {}, "data": {}, "revision": 0}"#).unwrap())
        };
        for order in [[1, 2, 3], [3, 2, 1], [2, 3, 1]] {
            let newest = Newest::default();
            let mut revisions = order.map(|number| newest.keep_modules_of(read(number))).to_vec();
            assert!(revisions.iter().all(|it| it.modules.is_empty()));
            newest.give_back(&mut revisions);
            let kept: Vec<_> = revisions.iter().flat_map(|it| &it.modules).map(|it| &*it.name).collect();
            assert_eq!(kept, ["3"], "{order:?}");
        }
    }

    #[test]
    fn a_selector_is_written_as_the_api_server_reads_it() {
        let object = json!({"spec": {"selector": {
            "matchLabels": {"app": "orders"},
            "matchExpressions": [
                {"key": "a", "operator": "In", "values": ["x", "y"]},
                {"key": "b", "operator": "NotIn", "values": ["z"]},
                {"key": "c", "operator": "Exists"},
                {"key": "d", "operator": "DoesNotExist"},
            ],
        }}});
        assert_eq!(selector(&object).unwrap(), "app=orders,a in (x,y),b notin (z),c,!d");
    }
}
