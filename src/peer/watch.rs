//! The watches that fill a [`PeerStore`].

use std::fmt::Debug;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::{Api, Client, Resource};
use tokio::sync::watch::Receiver;

use super::followed::watch_followed;
use super::{Change, PeerStore};
use crate::cluster::{
    DeploymentView, FollowedFacts, NamespaceStore, NodeView, PodView, Spelling, WorkloadView, node_facts,
};
use crate::k8s::{Update, Watch};
use crate::module::FollowedKind;
use crate::policy::Policy;
use crate::vocabulary as keys;

impl PeerStore {
    /// A store, and the task that fills it, which runs until it is dropped. The task that fills `namespaces` must run, too. The
    /// store applies each new policy.
    ///
    /// Deployments in the Namespaces `excluded`, and in those that `namespaces` has as excluded, are left alone, as the webhooks leave
    /// them alone. Module Pods are watched everywhere: a base does not distinguish namespaces.
    ///
    /// All Nodes are watched, not only vnodes: a template may fit an ordinary node, and a DaemonSet's controller would count
    /// it.
    pub fn watch(
        client: Client,
        mut policy: Receiver<Arc<Policy>>,
        namespaces: NamespaceStore,
        excluded: &[String],
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let store = Self::new(Policy::clone(&policy.borrow_and_update()));
        if !namespaces.serves_all() {
            store.exclude_unknown_namespaces();
        }
        let mut watches: Vec<BoxFuture<'static, ()>> = vec![
            Box::pin(watch_policy(store.clone(), policy)),
            Box::pin(watch_namespaces(store.clone(), namespaces)),
            Box::pin(watch_nodes(store.clone(), client.clone())),
            {
                let (filled, client) = (store.clone(), client.clone());
                let watch = move |kind| watch_workloads(filled.clone(), client.clone(), kind);
                Box::pin(watch_followed(store.clone(), watch))
            },
        ];
        let elsewhere: Vec<_> = excluded.iter().map(|name| format!("metadata.namespace!={name}")).collect();
        let elsewhere = elsewhere.join(",");
        for spelling in Spelling::ALL {
            let elsewhere = elsewhere.clone();
            watches.push(Box::pin(watch_deployments(store.clone(), client.clone(), spelling, elsewhere)));
            watches.push(Box::pin(watch_pods(store.clone(), client.clone(), spelling)));
        }
        let all = async {
            join_all(watches).await;
        };
        (store, all)
    }
}

async fn watch_nodes(store: PeerStore, client: Client) {
    let read = |view: NodeView| (view.name(), node_facts(view));
    Watch::of(Api::all(client), "Nodes").run(read, |update| store.apply(Change::Node(update))).await;
}

async fn watch_deployments(store: PeerStore, client: Client, spelling: Spelling, fields: String) {
    let read = |view: DeploymentView| (view.key(), view.into());
    Watch::of(Api::all(client), "peer Deployments")
        .labels(spelling.selector(keys::STRATEGY, keys::STRATEGY_PEER))
        .fields(fields)
        .run(read, |update| store.apply(Change::Deployment(spelling, update)))
        .await;
}

async fn watch_pods(store: PeerStore, client: Client, spelling: Spelling) {
    let read = |view: PodView| (view.key(), view.into());
    Watch::of(Api::all(client), "module Pods")
        .labels(spelling.selector(keys::COMPONENT, keys::COMPONENT_MODULE))
        .run(read, |update| store.apply(Change::Pod(spelling, update)))
        .await;
}

/// Applies each new policy to the store.
async fn watch_policy(store: PeerStore, mut policy: Receiver<Arc<Policy>>) {
    while policy.changed().await.is_ok() {
        let policy = Policy::clone(&policy.borrow_and_update());
        store.go_by(policy);
    }
}

/// Applies what the store of Namespaces holds: all of it first, then each change.
///
/// The first list is made of the keys that the subscriber has taken. A subscriber is not notified that a key is gone which it has
/// not taken: a Namespace that was listed without it and deleted at once would stay here for ever.
async fn watch_namespaces(store: PeerStore, namespaces: NamespaceStore) {
    let mut changes = namespaces.subscribe();
    namespaces.synced().await;
    // Once it is synced, the subscriber has all names, or there are none.
    let names = changes.changed().now_or_never().unwrap_or_default();
    let all = names.into_iter().filter_map(|name| namespaces.get(&name).map(|facts| (name, facts)));
    store.apply(Change::Namespace(Update::Reset(all.collect())));
    loop {
        for name in changes.changed().await {
            store.apply(Change::Namespace(match namespaces.get(&name) {
                Some(facts) => Update::Apply(name, facts),
                None => Update::Delete(name),
            }));
        }
    }
}

async fn watch_workloads(store: PeerStore, client: Client, kind: FollowedKind) {
    match kind {
        FollowedKind::Deployment => watch_workloads_of::<Deployment>(store, client, kind, "Deployments").await,
        FollowedKind::StatefulSet => watch_workloads_of::<StatefulSet>(store, client, kind, "StatefulSets").await,
    }
}

async fn watch_workloads_of<K>(store: PeerStore, client: Client, kind: FollowedKind, name: &str)
where
    K: Resource<DynamicType = ()> + Clone + Debug + 'static,
{
    let read = |view: WorkloadView<K>| (view.key(), FollowedFacts::from(&view));
    Watch::of(Api::all(client), format!("{name} that can be followed"))
        .run(read, |update| store.apply(Change::Followed(kind, update)))
        .await;
}
