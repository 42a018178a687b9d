//! The store of peer Deployments and their bases, which the controller and admission share.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{Notify, watch};

use super::{Change, PeerIndex, Snapshot};
use crate::cluster::{Spelling, UnlabelledPod};
use crate::fit::Node;
use crate::k8s::{Index, ObjectKey, Store, Subscriber, Update};
use crate::module::{Follow, FollowedKind, Kind, Management, Workload, identity_labels};
use crate::policy::Policy;

/// The bases and peer Deployments of a cluster, kept by watches. Clones are the same store.
#[derive(Debug, Clone)]
pub struct PeerStore {
    store: Store<PeerIndex>,
    /// Notified when workloads of other kinds may be followed.
    followed_changed: Arc<Notify>,
    /// How often what is wrong with the labels of Pods has changed.
    unlabelled_changes: Arc<watch::Sender<u64>>,
}

/// One of the first lists that the store waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Of the Nodes.
    Nodes,
    /// Of the Namespaces.
    Namespaces,
    /// Of the peer Deployments in one spelling.
    Deployments(Spelling),
    /// Of the module Pods in one spelling.
    Pods(Spelling),
}

impl PeerStore {
    /// A store before any list has arrived.
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            store: Store::new(PeerIndex::new(policy)),
            followed_changed: Arc::default(),
            unlabelled_changes: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Waits until every watch has delivered its first list.
    pub async fn synced(&self) {
        self.store.synced().await;
    }

    /// Whether every watch has delivered its first list.
    pub fn is_synced(&self) -> bool {
        self.store.is_synced()
    }

    /// Subscribes to the peer Deployments whose snapshot may have changed. The subscriber gets all of them first.
    pub fn subscribe(&self) -> Subscriber<PeerIndex> {
        self.store.subscribe()
    }

    /// The snapshot of the peer Deployment `key`. None if it does not exist, while unsynced, and until the watch of the kind of
    /// workload that it follows has its first list.
    pub fn snapshot(&self, key: &ObjectKey) -> Option<Snapshot> {
        self.store.read(|index| index.snapshot(key)).flatten()
    }

    /// Who keeps the replicas of the Deployment `key`; none while unsynced.
    pub fn management(&self, key: &ObjectKey) -> Option<Management> {
        self.store.read(|index| index.management(key))
    }

    /// How many replicas the peer Deployment `workload` should have, which has no Pods yet, and whose Pods come out as `pod`. None if
    /// that is not known: while unsynced, and if it follows a workload that does not exist or does not consent, or of a kind that
    /// no other Deployment follows.
    pub fn count(&self, workload: Workload<'_>, pod: &Value) -> Option<u32> {
        self.store.read(|index| index.count(workload, pod)).flatten()
    }

    /// Whether any node that the Pod `pod` can run on has memory to request. None while unsynced, and where there is no such node.
    pub fn offer_memory(&self, pod: &Value) -> Option<bool> {
        self.store.read(|index| index.offer_memory(pod)).flatten()
    }

    /// Whether `workload` exists and may be followed from the namespace `from`. None if that is not known: while unsynced, and if no
    /// Deployment follows a workload of that kind.
    pub fn may_follow(&self, workload: &Follow, from: &str) -> Option<bool> {
        self.store.read(|index| index.may_follow(workload, from)).flatten()
    }

    /// The module Pods of all namespaces whose identity labels are missing or wrong; none while unsynced.
    pub fn unlabelled_keys(&self) -> BTreeSet<Arc<ObjectKey>> {
        self.store.read(|index| index.unlabelled().keys().cloned().collect()).unwrap_or_default()
    }

    /// What is wrong with the identity labels of the Pod `key`; none where they are right, and while unsynced.
    pub fn unlabelled_pod(&self, key: &ObjectKey) -> Option<UnlabelledPod> {
        self.store.read(|index| index.unlabelled().get(key).cloned()).flatten()
    }

    /// A number that changes with the labels of Pods, once the store is synced: with each change of [`Self::unlabelled_keys`] or
    /// [`Self::unlabelled_pod`].
    pub fn unlabelled_changes(&self) -> watch::Receiver<u64> {
        self.unlabelled_changes.subscribe()
    }

    /// How many Pods keep the modules of `workload` from being known to be kept apart; 0 while unsynced.
    pub fn not_kept_apart(&self, workload: Workload<'_>) -> u32 {
        let modules: Vec<_> = identity_labels(&workload.template()).into_iter().collect();
        let text =
            |pointer: &str| workload.object().pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        // A workload of another kind may be called like a Deployment, whose Pods are not its own.
        let is_deployment = workload.kind() == Kind::Deployment;
        let name = if is_deployment { text("/metadata/name") } else { String::new() };
        let key = ObjectKey { namespace: text("/metadata/namespace"), name };
        self.store.read(|index| index.unlabelled().count(&key, &modules)).unwrap_or(0)
    }

    /// Whether the store has the Node called `node_name` exactly as `node` (none: does not have it), and shows the Pod `uid` of the
    /// Deployment `key` there, on a departed base, while warden keeps the replicas, all Pods of its modules are kept apart and no
    /// rollout is under way. False while unsynced.
    pub(super) fn shows_departed(&self, key: &ObjectKey, uid: &str, node_name: &str, node: Option<&Node>) -> bool {
        let is_departed = |snapshot: Snapshot| {
            let may_go = snapshot.unmanaged.is_none()
                && snapshot.observed
                && snapshot.not_kept_apart == 0
                && !snapshot.is_rolling();
            may_go
                && snapshot.pods_on_departed_bases().any(|pod| pod.uid == uid && pod.departed_from() == Some(node_name))
        };
        let shown =
            self.store.read(|index| index.node(node_name) == node && index.snapshot(key).is_some_and(is_departed));
        shown.unwrap_or(false)
    }

    /// Leaves alone the Deployments of Namespaces that no watch has shown yet: they may be excluded.
    pub(super) fn exclude_unknown_namespaces(&self) {
        self.store.update(|index| {
            index.exclude_unknown_namespaces();
            BTreeSet::new()
        });
    }

    /// Applies `policy` from now on.
    pub(super) fn go_by(&self, policy: Policy) {
        self.store.update(|index| index.go_by(policy));
    }

    /// Notifies every subscriber of all peer Deployments. A subscriber that learns of one in another way is not notified that it
    /// is gone.
    pub(super) fn notify_of_all(&self) {
        self.store.update(|index| Index::keys(index));
    }

    /// Applies an update of a watch.
    pub(super) fn apply(&self, change: Change) {
        let may_change_followed = matches!(change, Change::Deployment(..));
        let may_change_labels = matches!(change, Change::Pod(..));
        self.store.apply(change);
        if may_change_labels && let Some(changes) = self.store.read(|index| index.unlabelled().changes()) {
            self.unlabelled_changes.send_if_modified(|known| std::mem::replace(known, changes) != changes);
        }
        if may_change_followed {
            self.followed_changed.notify_one();
        }
    }

    /// The kinds of workloads that some Deployment follows, and that must be watched; none while unsynced.
    pub(super) fn followed(&self) -> BTreeSet<FollowedKind> {
        self.store.read(|index| index.followed()).unwrap_or_default()
    }

    /// Forgets the workloads of `kind`, whose watch has ended.
    pub(super) fn forget_followed(&self, kind: FollowedKind) {
        self.store.update(|index| {
            index.forget_followed(kind);
            BTreeSet::new()
        });
    }

    /// Waits until [`Self::followed`] may have changed. Only one task may wait.
    pub(super) async fn followed_changed(&self) {
        self.followed_changed.notified().await;
    }
}

impl Index for PeerIndex {
    type Key = ObjectKey;
    type Change = Change;
    type List = List;

    fn lists() -> Vec<List> {
        let both = Spelling::ALL;
        let lists = [List::Nodes, List::Namespaces].into_iter();
        lists.chain(both.map(List::Deployments)).chain(both.map(List::Pods)).collect()
    }

    fn list_of(change: &Change) -> Option<List> {
        match change {
            Change::Node(Update::Reset(_)) => Some(List::Nodes),
            Change::Namespace(Update::Reset(_)) => Some(List::Namespaces),
            Change::Deployment(spelling, Update::Reset(_)) => Some(List::Deployments(*spelling)),
            Change::Pod(spelling, Update::Reset(_)) => Some(List::Pods(*spelling)),
            _ => None,
        }
    }

    fn apply(&mut self, change: Change) -> BTreeSet<ObjectKey> {
        self.apply(change)
    }

    fn keys(&self) -> BTreeSet<ObjectKey> {
        self.keys().cloned().collect()
    }

    fn contains(&self, key: &ObjectKey) -> bool {
        self.management(key) != Management::NotPeer
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use serde_json::json;

    use super::*;
    use crate::cluster::DeploymentFacts;
    use crate::module::MaxSurge;

    fn orders() -> ObjectKey {
        ObjectKey { namespace: "shop".to_owned(), name: "orders".to_owned() }
    }

    fn deployment(version: &str) -> DeploymentFacts {
        DeploymentFacts {
            uid: "uid".to_owned(),
            resource_version: version.to_owned(),
            replicas: 1,
            max_surge: MaxSurge::Percent(25),
            observed: true,
            rolled_out: true,
            pinned: false,
            unmanaged: None,
            state: None,
            follow: None,
            module: json!({}),
        }
    }

    /// All first lists but that of the Nodes, with one peer Deployment.
    fn nearly_synced() -> PeerStore {
        let store = PeerStore::new(Policy::default());
        store.apply(Change::Namespace(Update::Reset(vec![])));
        store.apply(Change::Deployment(Spelling::Current, Update::Reset(vec![(orders(), deployment("1"))])));
        store.apply(Change::Deployment(Spelling::Older, Update::Reset(vec![])));
        store.apply(Change::Pod(Spelling::Current, Update::Reset(vec![])));
        store.apply(Change::Pod(Spelling::Older, Update::Reset(vec![])));
        store
    }

    #[test]
    fn no_read_returns_anything_before_every_first_list() {
        // given
        let store = nearly_synced();
        let mut subscriber = store.subscribe();
        // when nodes trickle in without their list
        store.apply(Change::Node(Update::Apply("a".to_owned(), crate::fit::Node::default())));
        // then
        assert!(!store.is_synced() && store.synced().now_or_never().is_none());
        assert!(store.snapshot(&orders()).is_none() && store.management(&orders()).is_none());
        let module = json!({});
        let workload = Workload::new(crate::module::Kind::Deployment, &module);
        assert_eq!((store.count(workload, &module), subscriber.changed().now_or_never()), (None, None));
    }

    #[test]
    fn with_the_last_list_a_subscriber_gets_all_keys_once() {
        // given
        let store = nearly_synced();
        let mut subscriber = store.subscribe();
        // when
        store.apply(Change::Node(Update::Reset(vec![])));
        // then
        assert!(store.is_synced() && store.synced().now_or_never().is_some());
        assert_eq!(subscriber.changed().now_or_never(), Some([orders()].into()));
        assert_eq!(subscriber.changed().now_or_never(), None);
        assert!(store.snapshot(&orders()).is_some());
        assert_eq!(store.management(&orders()), Some(Management::Managed));
    }

    #[test]
    fn a_subscriber_that_was_notified_of_all_is_notified_of_what_goes() {
        // given a subscriber that has taken nothing yet, and one that has
        let store = nearly_synced();
        let (mut early, mut late) = (store.subscribe(), store.subscribe());
        store.apply(Change::Node(Update::Reset(vec![])));
        assert_eq!(early.changed().now_or_never(), Some([orders()].into()));
        for subscriber in [&mut early, &mut late] {
            // when it is notified of all
            store.notify_of_all();
            assert_eq!(subscriber.changed().now_or_never(), Some([orders()].into()));
        }
        // then it is notified when a Deployment goes
        store.apply(Change::Deployment(Spelling::Current, Update::Delete(orders())));
        for subscriber in [&mut early, &mut late] {
            assert_eq!(subscriber.changed().now_or_never(), Some([orders()].into()));
        }
    }

    #[test]
    fn subscribers_get_the_deployments_whose_needs_another_policy_changes() {
        // given a Deployment from before the webhook
        let store = nearly_synced();
        let mut subscriber = store.subscribe();
        let labels = json!({"virtual-kubelet.koupleless.io/component": "module"});
        let template =
            json!({"metadata": {"labels": labels}, "spec": {"nodeSelector": {"base.koupleless.io/name": "a"}}});
        let module = json!({"metadata": labels, "spec": {"template": template}});
        let from_before = DeploymentFacts { module, ..deployment("2") };
        store.apply(Change::Deployment(Spelling::Current, Update::Apply(orders(), from_before)));
        store.apply(Change::Node(Update::Reset(vec![])));
        assert_eq!(subscriber.changed().now_or_never(), Some([orders()].into()));
        // when the same is configured as before, and then another environment
        store.go_by(Policy::default());
        assert_eq!(subscriber.changed().now_or_never(), None);
        store.go_by(Policy { default_env: "prod".to_owned(), ..Policy::default() });
        // then
        assert_eq!(subscriber.changed().now_or_never(), Some([orders()].into()));
    }
}
