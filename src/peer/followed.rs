//! One watch for each kind of workload that is followed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use futures::StreamExt as _;
use futures::future::{AbortHandle, abortable};
use futures::stream::FuturesUnordered;

use super::PeerStore;
use crate::module::FollowedKind;

/// Runs a `watch` of each kind, as long as some Deployment follows a workload of that kind. When it ends, the store forgets the
/// workloads. So the number of watches does not grow with what users follow, and where no Deployment follows any workload there are
/// none.
///
/// All watches run in this one task. So none updates the store after it was aborted, and one that panics ends the task.
pub(super) async fn watch_followed<W>(store: PeerStore, watch: impl Fn(FollowedKind) -> W)
where
    W: Future<Output = ()>,
{
    // An unsynced store does not show what is followed.
    store.synced().await;
    let mut watches = FuturesUnordered::new();
    let mut running: BTreeMap<FollowedKind, AbortHandle> = BTreeMap::new();
    loop {
        let followed = store.followed();
        running.retain(|kind, watch| {
            let keep = followed.contains(kind);
            if !keep {
                watch.abort();
                store.forget_followed(*kind);
            }
            keep
        });
        for kind in followed {
            if let Entry::Vacant(vacant) = running.entry(kind) {
                let (watch, handle) = abortable(watch(kind));
                watches.push(watch);
                vacant.insert(handle);
            }
        }
        tokio::select! {
            () = store.followed_changed() => {}
            // An aborted watch is removed.
            Some(_) = watches.next() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;
    use std::pin::pin;

    use futures::FutureExt as _;
    use serde_json::json;

    use super::*;
    use crate::cluster::{DeploymentView, FollowedFacts, Spelling, WorkloadSize};
    use crate::k8s::{ObjectKey, Update};
    use crate::peer::Change;
    use crate::policy::Policy;

    fn key(name: &str) -> ObjectKey {
        ObjectKey { namespace: "shop".to_owned(), name: name.to_owned() }
    }

    /// There are peer Deployments of these names, which all follow the same, and no others.
    fn follow(store: &PeerStore, names: &[&str]) {
        let follower = json!({"metadata": {"annotations": {"warden.koupleless.io/follow": "StatefulSet/base"}}});
        let follower: DeploymentView = serde_json::from_value(follower).unwrap();
        let all = names.iter().map(|name| (key(name), follower.clone().into())).collect();
        store.apply(Change::Deployment(Spelling::Current, Update::Reset(all)));
    }

    /// A synced store.
    fn store() -> PeerStore {
        let store = PeerStore::new(Policy::default());
        store.apply(Change::Node(Update::Reset(vec![])));
        store.apply(Change::Namespace(Update::Reset(vec![])));
        store.apply(Change::Deployment(Spelling::Older, Update::Reset(vec![])));
        for spelling in Spelling::ALL {
            store.apply(Change::Pod(spelling, Update::Reset(vec![])));
        }
        store
    }

    #[test]
    fn a_watch_lasts_as_long_as_a_deployment_follows() {
        // given workloads of a kind, with one replica more at each watch
        let (store, watches) = (store(), Cell::new(0));
        let filled = store.clone();
        let watch = |kind: FollowedKind| {
            watches.set(watches.get() + 1);
            let size = WorkloadSize { desired: 9, ready: watches.get() };
            let base = (key("base"), FollowedFacts { size, followers: None });
            filled.apply(Change::Followed(kind, Update::Reset(vec![base])));
            pending()
        };
        let mut task = pin!(watch_followed(store.clone(), watch));
        let mut goes_on = || assert!(task.as_mut().now_or_never().is_none());
        let wanted = |name: &str| store.snapshot(&key(name))?.source.wanted();
        // when one follower takes over from the other, with a moment between that is not noticed
        follow(&store, &["orders"]);
        goes_on();
        follow(&store, &[]);
        follow(&store, &["stock"]);
        goes_on();
        // then the watch continues
        assert_eq!((wanted("stock"), watches.get()), (Some(1), 1));
        // and when the last follower goes, the watch ends, and its last size is forgotten
        follow(&store, &[]);
        goes_on();
        follow(&store, &["mail"]);
        assert_eq!(store.snapshot(&key("mail")), None);
        goes_on();
        assert_eq!((wanted("mail"), watches.get()), (Some(2), 2));
    }

    #[test]
    fn a_kind_has_one_watch_however_many_workloads_are_followed() {
        // given a synced store, and a task that watches
        let (store, watches) = (store(), Cell::new(0));
        let watch = |_| {
            watches.set(watches.get() + 1);
            pending()
        };
        let mut task = pin!(watch_followed(store.clone(), watch));
        // when each of a hundred Deployments follows another workload
        let followers = (0..100).map(|at| {
            let annotation = format!("namespace-{at}/StatefulSet/base-{at}");
            let follower = json!({"metadata": {"annotations": {"warden.koupleless.io/follow": annotation}}});
            let follower: DeploymentView = serde_json::from_value(follower).unwrap();
            Update::Apply(key(&format!("orders-{at}")), follower.into())
        });
        follow(&store, &[]);
        for follower in followers {
            store.apply(Change::Deployment(Spelling::Current, follower));
            assert!(task.as_mut().now_or_never().is_none());
        }
        // then they have one watch
        assert_eq!(watches.get(), 1);
    }

    #[test]
    #[should_panic(expected = "a watch with a fault")]
    fn a_watch_that_panics_ends_the_task() {
        let store = store();
        follow(&store, &["orders"]);
        watch_followed(store, |_| async { panic!("a watch with a fault") }).now_or_never();
    }
}
