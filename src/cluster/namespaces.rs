//! The labels and annotations of all Namespaces, kept by a watch.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt as _, reflector, watcher};
use kube::{Api, Client, ResourceExt as _};
use thiserror::Error;
use tokio::sync::watch;

use crate::k8s::{WatchHealth, brief};
use crate::policy::NamespaceFacts;

/// How long a review waits for the API server to tell of a Namespace that the watch has not shown yet: less than the 3 s
/// that the API server waits for us.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// Where the facts about a Namespace come from.
pub trait Namespaces: Send + Sync + 'static {
    /// The facts about Namespace `name`; none when there is no such Namespace.
    fn facts<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<NamespaceFacts>, NamespacesUnavailable>>;
}

/// Nobody could say what a Namespace's labels are; the review can be tried again.
#[derive(Debug, Error)]
#[error("cannot read Namespace {name}: {reason}")]
pub struct NamespacesUnavailable {
    /// The Namespace's name.
    pub name: String,
    /// Why it cannot be read.
    pub reason: String,
}

/// The Namespaces of a cluster.
#[derive(Clone)]
pub struct NamespaceCache {
    store: Store<PartialObjectMeta<Namespace>>,
    api: Api<PartialObjectMeta<Namespace>>,
    changes: watch::Receiver<()>,
}

impl NamespaceCache {
    /// A cache, and the watch that fills it, which runs until it is dropped; kube backs off and goes on after errors.
    pub fn watch(client: Client) -> (Self, impl Future<Output = ()> + Send) {
        let api: Api<PartialObjectMeta<Namespace>> = Api::all(client);
        let writer = Writer::<PartialObjectMeta<Namespace>>::default();
        let store = writer.as_reader();
        let events = watcher(api.clone(), watcher::Config::default()).default_backoff().modify(|namespace| {
            namespace.managed_fields_mut().clear();
            namespace.annotations_mut().remove(crate::vocabulary::LAST_APPLIED);
        });
        let (changed, changes) = watch::channel(());
        let mut health = WatchHealth::of("Namespaces");
        let watch = reflector(writer, events).for_each(move |event| {
            // While a list is under way, the cache still holds what was there before.
            if let Some(Event::Apply(_) | Event::Delete(_) | Event::InitDone) = health.note(event) {
                changed.send_replace(());
            }
            std::future::ready(())
        });
        (Self { store, api, changes }, watch)
    }

    /// Tells that the cache holds something else: the first list for the first time. It ends with the watch.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.clone()
    }

    /// The facts of all Namespaces that the cache holds, by name.
    pub(crate) fn all(&self) -> Vec<(String, NamespaceFacts)> {
        let namespaces = self.store.state().into_iter();
        namespaces.map(|namespace| (namespace.name_any(), facts(&namespace))).collect()
    }

    /// Waits until the first list has arrived.
    pub async fn synced(&self) {
        // An error says that the watch was dropped, which the task that runs it reports.
        let _ = self.store.wait_until_ready().await;
    }
}

impl Namespaces for NamespaceCache {
    /// From the cache; a Namespace that is not there may be so new that its event is still on its way, so the API server is
    /// asked about it.
    fn facts<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<NamespaceFacts>, NamespacesUnavailable>> {
        Box::pin(async move {
            if let Some(namespace) = self.store.get(&ObjectRef::new(name)) {
                return Ok(Some(facts(&namespace)));
            }
            let unavailable = |reason: String| NamespacesUnavailable { name: name.to_owned(), reason };
            match tokio::time::timeout(LOOK_UP_TIMEOUT, self.api.get_opt(name)).await {
                Ok(Ok(namespace)) => Ok(namespace.as_ref().map(facts)),
                Ok(Err(error)) => Err(unavailable(brief(&error))),
                Err(_) => Err(unavailable(format!("no answer within {LOOK_UP_TIMEOUT:?}"))),
            }
        })
    }
}

fn facts(namespace: &PartialObjectMeta<Namespace>) -> NamespaceFacts {
    let ours = |map: &BTreeMap<String, String>| {
        let pairs = map.iter().filter(|(key, _)| key.contains("koupleless.io/"));
        pairs.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    NamespaceFacts { labels: ours(namespace.labels()), annotations: ours(namespace.annotations()) }
}
