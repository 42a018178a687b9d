//! The watches that fill a [`PeerCache`].

use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::{BoxFuture, join_all};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::runtime::watcher::Config;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch::Receiver;

use super::followed::watch_followed;
use super::{Change, PeerCache};
use crate::cluster::facts::{DeploymentView, NodeView, PodView, WorkloadView, node, size};
use crate::cluster::{NamespaceCache, Spelling};
use crate::k8s::{Update, WatchDecoder};
use crate::module::{Follow, FollowedKind};
use crate::policy::Policy;
use crate::vocabulary::{self as keys, Dialects};

impl PeerCache {
    /// A cache, and the task that fills it, which runs until it is dropped; kube backs off and goes on after errors.
    /// `namespaces` has a task of its own, which must run too. It goes by the policy that is in force, whichever that is.
    ///
    /// All Nodes are watched, not only vnodes: a template may fit an ordinary node, and a DaemonSet's controller would count
    /// it.
    pub fn watch(
        client: Client,
        mut policy: Receiver<Arc<Policy>>,
        namespaces: NamespaceCache,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let cache = Self::new(Policy::clone(&policy.borrow_and_update()));
        let mut watches: Vec<BoxFuture<'static, ()>> = vec![
            Box::pin(watch_policy(cache.clone(), policy)),
            Box::pin(watch_namespaces(cache.clone(), namespaces)),
            {
                let (filled, client) = (cache.clone(), client.clone());
                let watch = move |workload| watch_workload(filled.clone(), client.clone(), workload);
                Box::pin(watch_followed(cache.clone(), watch))
            },
            {
                let read = |view: NodeView| (view.name(), node(view));
                Box::pin(watch(cache.clone(), Api::all(client.clone()), Config::default(), "Nodes", read, Change::Node))
            },
        ];
        for spelling in Spelling::ALL {
            let (cache, api) = (cache.clone(), Api::all(client.clone()));
            let read = |view: DeploymentView| (view.key(), view.into());
            let config = selecting(keys::STRATEGY, spelling, keys::STRATEGY_PEER);
            let change = move |news| Change::Deployment(spelling, news);
            watches.push(Box::pin(watch(cache, api, config, "peer Deployments", read, change)));
        }
        for spelling in Spelling::ALL {
            let (cache, api) = (cache.clone(), Api::all(client.clone()));
            let read = |view: PodView| (view.key(), view.into());
            let config = selecting(keys::COMPONENT, spelling, keys::COMPONENT_MODULE);
            let change = move |news| Change::Pod(spelling, news);
            watches.push(Box::pin(watch(cache, api, config, "module Pods", read, change)));
        }
        let all = async {
            join_all(watches).await;
        };
        (cache, all)
    }
}

/// Those whose label `key`, in `spelling`, is `value`.
fn selecting(key: Dialects, spelling: Spelling, value: &str) -> Config {
    let key = match spelling {
        Spelling::Current => key.current,
        Spelling::Older => key.older,
    };
    Config::default().labels(&format!("{key}={value}"))
}

async fn watch<V, K, T>(
    cache: PeerCache,
    api: Api<V>,
    config: Config,
    objects: &str,
    read: impl Fn(V) -> (K, T),
    change: impl Fn(Update<K, T>) -> Change,
) where
    V: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut feed = WatchDecoder::of(objects);
    let mut events = pin!(watcher(api, config).default_backoff());
    while let Some(event) = events.next().await {
        if let Some(news) = feed.take_in(event, &read) {
            cache.take_in(change(news));
        }
    }
}

/// Hands on the policy, whenever that changes.
async fn watch_policy(cache: PeerCache, mut policy: Receiver<Arc<Policy>>) {
    while policy.changed().await.is_ok() {
        let policy = Policy::clone(&policy.borrow_and_update());
        cache.go_by(policy);
    }
}

/// Hands on what the cache of Namespaces holds, whenever that changes.
async fn watch_namespaces(cache: PeerCache, namespaces: NamespaceCache) {
    let mut changes = namespaces.changes();
    while changes.changed().await.is_ok() {
        cache.take_in(Change::Namespace(Update::Reset(namespaces.all())));
    }
}

async fn watch_workload(cache: PeerCache, client: Client, workload: Follow) {
    match workload.kind {
        FollowedKind::Deployment => watch_workload_of::<Deployment>(cache, client, workload).await,
        FollowedKind::StatefulSet => watch_workload_of::<StatefulSet>(cache, client, workload).await,
    }
}

async fn watch_workload_of<K>(cache: PeerCache, client: Client, workload: Follow)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + 'static,
{
    let api: Api<WorkloadView<K>> = Api::namespaced(client, &workload.namespace);
    let config = Config::default().fields(&format!("metadata.name={}", workload.name));
    let objects = format!("{workload}, which is followed,");
    let read = |view: WorkloadView<K>| ((), size(&view));
    let change = |news| {
        let size = match news {
            Update::Apply((), size) => Some(size),
            Update::Delete(()) => None,
            Update::Reset(list) => list.first().map(|((), size)| *size),
        };
        Change::Followed(workload.clone(), size)
    };
    watch(cache, api, config, &objects, read, change).await;
}
