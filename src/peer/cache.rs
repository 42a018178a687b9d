//! The inventory as several tasks use it: some fill it, many ask it, one waits for what has changed.

mod wake_ups;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::{Change, Inventory, Peers, Snapshot};
use crate::cluster::Spelling;
use crate::fit::Node;
use crate::k8s::{ObjectKey, Update};
use crate::module::{Follow, UnmanagedReason, Workload};
use crate::policy::{CountBases, Policy};
use wake_ups::WakeUps;

/// The bases and peer Deployments of a cluster, kept by watches.
///
/// Nothing is handed out before every watch has delivered its first list: half a cluster looks like one with few bases.
#[derive(Debug, Clone)]
pub struct PeerCache {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    synced: watch::Sender<bool>,
    /// Somebody may be told.
    woken: Notify,
    /// Other workloads may be followed.
    follows: Notify,
}

#[derive(Debug)]
struct State {
    inventory: Inventory,
    /// The lists that have not arrived yet.
    awaited: Vec<List>,
    wake_ups: WakeUps,
}

/// One of the lists without which nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Nodes,
    Namespaces,
    Deployments(Spelling),
    Pods(Spelling),
}

impl PeerCache {
    /// Knows nothing yet.
    pub(crate) fn new(policy: Policy) -> Self {
        let both = Spelling::ALL;
        let awaited = [List::Nodes, List::Namespaces]
            .into_iter()
            .chain(both.map(List::Deployments))
            .chain(both.map(List::Pods))
            .collect();
        let state = State { inventory: Inventory::new(policy), awaited, wake_ups: WakeUps::default() };
        let shared = Shared {
            state: Mutex::new(state),
            synced: watch::Sender::new(false),
            woken: Notify::new(),
            follows: Notify::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Waits until every watch has delivered its first list.
    pub async fn synced(&self) {
        // It cannot fail: the sender lives in what we hold.
        let _ = self.shared.synced.subscribe().wait_for(|synced| *synced).await;
    }

    /// Whether every watch has delivered its first list.
    pub fn is_synced(&self) -> bool {
        *self.shared.synced.borrow()
    }

    /// The peer Deployments; none while unsynced. [`Self::changed`] tells when one of these is gone.
    pub fn keys(&self) -> Vec<ObjectKey> {
        let keys = self.ask_mut(|state| {
            let keys: Vec<_> = state.inventory.keys().cloned().collect();
            state.wake_ups.are_told(&keys);
            keys
        });
        keys.unwrap_or_default()
    }

    /// What is known of the peer Deployment `key`. None where there is no such peer Deployment, while unsynced, and while
    /// nothing is known yet of the workload that it follows.
    pub fn snapshot(&self, key: &ObjectKey) -> Option<Snapshot> {
        self.ask(|inventory| inventory.snapshot(key))
    }

    /// Why the number of the peer Deployment `key` is the user's, if it is. None at all where there is no such peer
    /// Deployment, and while unsynced.
    pub fn standing(&self, key: &ObjectKey) -> Option<Option<UnmanagedReason>> {
        self.ask(|inventory| inventory.standing(key))
    }

    /// How many replicas a peer Deployment like `workload` should have, which is filled in already and has no Pods yet.
    /// None where nobody knows: while unsynced, and for one that follows a workload that nobody else follows.
    pub fn count(&self, workload: Workload<'_>) -> Option<u32> {
        self.ask(|inventory| inventory.count(workload))
    }

    /// Whether the Node called `node_name` is this one, or none, and the Pod `uid` of a peer Deployment whose number is warden's is
    /// on a departed base, and in no rollout. No while unsynced.
    pub(super) fn shows_departed(&self, key: &ObjectKey, uid: &str, node_name: &str, node: Option<&Node>) -> bool {
        let is_departed = |seen: Snapshot| {
            let may_go = seen.unmanaged.is_none() && seen.observed && !seen.is_rolling();
            may_go && seen.strays().any(|pod| pod.uid == uid && pod.departed_from() == Some(node_name))
        };
        self.ask(|inventory| {
            let agrees = inventory.node(node_name) == node;
            Some(agrees && inventory.snapshot(key).is_some_and(is_departed))
        })
        .unwrap_or(false)
    }

    /// Waits until some peer Deployments should be looked at (again), and takes them: all of them at first, and those that
    /// are gone, where they have been told of before. There can be one consumer.
    pub async fn changed(&self) -> BTreeSet<ObjectKey> {
        loop {
            let due = self.ask_mut(|state| state.wake_ups.take(|key| state.inventory.standing(key).is_some()));
            if let Some(due) = due.filter(|due| !due.is_empty()) {
                return due;
            }
            self.shared.woken.notified().await;
        }
    }

    /// Goes by `policy` from now on.
    pub(super) fn go_by(&self, policy: Policy) {
        self.update(None, |inventory| inventory.go_by(policy));
    }

    /// Takes in what a watch tells.
    pub(super) fn take_in(&self, change: Change) {
        let may_change_follows = matches!(change, Change::Deployment(..));
        self.update(List::that_arrives_by(&change), |inventory| inventory.apply(change));
        if may_change_follows {
            self.shared.follows.notify_one();
        }
    }

    /// Changes the inventory, with `list` arriving if that is one, and wakes whom the change wakes.
    fn update(&self, list: Option<List>, change: impl FnOnce(&mut Inventory) -> BTreeSet<ObjectKey>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let were_awaited = !state.awaited.is_empty();
        let woken = change(&mut state.inventory);
        state.awaited.retain(|awaited| Some(*awaited) != list);
        if !state.awaited.is_empty() {
            drop(guard);
        } else if were_awaited {
            let all = state.inventory.keys().cloned().collect();
            state.wake_ups.wake(all, |_| true);
            drop(guard);
            self.shared.synced.send_replace(true);
            self.shared.woken.notify_one();
        } else {
            let anybody = !woken.is_empty();
            state.wake_ups.wake(woken, |key| state.inventory.standing(key).is_some());
            drop(guard);
            if anybody {
                self.shared.woken.notify_one();
            }
        }
    }

    /// The workloads that must be watched because they are followed.
    pub(super) fn followed(&self) -> BTreeSet<Follow> {
        self.lock().inventory.followed().cloned().collect()
    }

    /// Nobody watches `workload` any more.
    pub(super) fn forget_followed(&self, workload: &Follow) {
        self.lock().inventory.forget_followed(workload);
    }

    /// Waits until [`Self::followed`] may have changed. There can be one consumer.
    pub(super) async fn followed_changed(&self) {
        self.shared.follows.notified().await;
    }

    fn ask<T>(&self, question: impl FnOnce(&Inventory) -> Option<T>) -> Option<T> {
        self.ask_mut(|state| question(&state.inventory)).flatten()
    }

    /// The answer, once everything is known.
    fn ask_mut<T>(&self, question: impl FnOnce(&mut State) -> T) -> Option<T> {
        let mut state = self.lock();
        state.awaited.is_empty().then(|| question(&mut state))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in the task that fills this ends the process.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    /// The list that has arrived when `change` is told.
    fn that_arrives_by(change: &Change) -> Option<Self> {
        match change {
            Change::Node(Update::Reset(_)) => Some(Self::Nodes),
            Change::Namespace(Update::Reset(_)) => Some(Self::Namespaces),
            Change::Deployment(spelling, Update::Reset(_)) => Some(Self::Deployments(*spelling)),
            Change::Pod(spelling, Update::Reset(_)) => Some(Self::Pods(*spelling)),
            _ => None,
        }
    }
}

impl CountBases for PeerCache {
    fn replicas(&self, workload: Workload<'_>) -> Option<u32> {
        self.count(workload)
    }
}

impl Peers for PeerCache {
    fn keeps_replicas(&self, deployment: &ObjectKey) -> bool {
        self.standing(deployment) == Some(None)
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
            status_line: None,
            follow: None,
            module: json!({}),
        }
    }

    /// All first lists but that of the Nodes, with one peer Deployment.
    fn nearly_synced() -> PeerCache {
        let cache = PeerCache::new(Policy::default());
        cache.take_in(Change::Namespace(Update::Reset(vec![])));
        cache.take_in(Change::Deployment(Spelling::Current, Update::Reset(vec![(orders(), deployment("1"))])));
        cache.take_in(Change::Deployment(Spelling::Older, Update::Reset(vec![])));
        cache.take_in(Change::Pod(Spelling::Current, Update::Reset(vec![])));
        cache.take_in(Change::Pod(Spelling::Older, Update::Reset(vec![])));
        cache
    }

    #[test]
    fn nothing_is_handed_out_before_every_first_list() {
        // given
        let cache = nearly_synced();
        // when nodes trickle in without their list
        cache.take_in(Change::Node(Update::Apply("a".to_owned(), crate::fit::Node::default())));
        // then
        assert!(!cache.is_synced() && cache.synced().now_or_never().is_none());
        assert!(cache.keys().is_empty() && cache.snapshot(&orders()).is_none() && cache.standing(&orders()).is_none());
        assert!(!cache.keeps_replicas(&orders()));
        let module = json!({});
        let workload = Workload::new(crate::module::Kind::Deployment, &module);
        assert_eq!((cache.count(workload), cache.changed().now_or_never()), (None, None));
    }

    #[test]
    fn with_the_last_list_everybody_is_woken_once() {
        // given, when
        let cache = nearly_synced();
        cache.take_in(Change::Node(Update::Reset(vec![])));
        // then
        assert!(cache.is_synced() && cache.synced().now_or_never().is_some());
        assert_eq!(cache.changed().now_or_never(), Some([orders()].into()));
        assert_eq!(cache.changed().now_or_never(), None);
        assert!(cache.snapshot(&orders()).is_some() && cache.keeps_replicas(&orders()));
    }

    #[tokio::test]
    async fn who_waits_is_told_of_all_that_came_since() {
        // given
        let cache = nearly_synced();
        cache.take_in(Change::Node(Update::Reset(vec![])));
        cache.changed().await;
        let waiting = tokio::spawn({
            let cache = cache.clone();
            async move { cache.changed().await }
        });
        tokio::task::yield_now().await;
        // when
        for version in ["2", "3", "3"] {
            cache.take_in(Change::Deployment(Spelling::Current, Update::Apply(orders(), deployment(version))));
        }
        // then
        assert_eq!(waiting.await.unwrap(), [orders()].into());
        assert_eq!(cache.changed().now_or_never(), None);
        cache.take_in(Change::Deployment(Spelling::Current, Update::Delete(orders())));
        assert_eq!((cache.changed().await, cache.snapshot(&orders())), ([orders()].into(), None));
    }

    #[test]
    fn who_never_asks_keeps_no_list_of_what_is_gone() {
        // given a process without controllers
        let cache = nearly_synced();
        cache.take_in(Change::Node(Update::Reset(vec![])));
        let come_and_go = |name: &str| {
            let key = ObjectKey { name: name.to_owned(), ..orders() };
            cache.take_in(Change::Deployment(Spelling::Current, Update::Apply(key.clone(), deployment("1"))));
            cache.take_in(Change::Deployment(Spelling::Current, Update::Delete(key)));
        };
        // when
        come_and_go("stock");
        // then
        assert_eq!(cache.lock().wake_ups.due(), &[orders()].into());
        // and one that asked once is told of the end of what it was told of, and of no more
        assert_eq!(cache.changed().now_or_never(), Some([orders()].into()));
        come_and_go("stock");
        come_and_go("orders");
        come_and_go("orders");
        assert_eq!(cache.changed().now_or_never(), Some([orders()].into()));
        come_and_go("orders");
        assert_eq!(cache.changed().now_or_never(), None);
    }

    #[test]
    fn another_policy_wakes_those_whose_needs_it_changes() {
        // given a Deployment from before the webhook
        let cache = nearly_synced();
        let labels = json!({"virtual-kubelet.koupleless.io/component": "module"});
        let template =
            json!({"metadata": {"labels": labels}, "spec": {"nodeSelector": {"base.koupleless.io/name": "a"}}});
        let module = json!({"metadata": labels, "spec": {"template": template}});
        let from_before = DeploymentFacts { module, ..deployment("2") };
        cache.take_in(Change::Deployment(Spelling::Current, Update::Apply(orders(), from_before)));
        cache.take_in(Change::Node(Update::Reset(vec![])));
        assert_eq!(cache.changed().now_or_never(), Some([orders()].into()));
        // when the same is configured as before, and then another environment
        cache.go_by(Policy::default());
        assert_eq!(cache.changed().now_or_never(), None);
        cache.go_by(Policy { default_env: "prod".to_owned(), ..Policy::default() });
        // then
        assert_eq!(cache.changed().now_or_never(), Some([orders()].into()));
    }

    #[test]
    fn who_was_given_the_keys_is_told_of_their_end() {
        let cache = nearly_synced();
        cache.take_in(Change::Node(Update::Reset(vec![])));
        assert_eq!(cache.keys(), [orders()]);
        cache.take_in(Change::Deployment(Spelling::Current, Update::Delete(orders())));
        assert_eq!(cache.changed().now_or_never(), Some([orders()].into()));
    }
}
