//! One watch for each workload that is followed.

use futures::StreamExt as _;
use futures::future::{AbortHandle, abortable};
use futures::stream::FuturesUnordered;

use super::PeerCache;
use crate::module::Follow;

/// Runs a `watch` of each workload that somebody follows, as long as somebody does; what it told is forgotten with it.
///
/// All of them run in this one task: none tells anything once it is ended, and one that panics ends the task.
pub(super) async fn watch_followed<W>(cache: PeerCache, watch: impl Fn(Follow) -> W)
where
    W: Future<Output = ()>,
{
    let mut watches = FuturesUnordered::new();
    let mut running: Vec<(Follow, AbortHandle)> = Vec::new();
    loop {
        let followed = cache.followed();
        running.retain(|(workload, watch)| {
            let keep = followed.contains(workload);
            if !keep {
                watch.abort();
                cache.forget_followed(workload);
            }
            keep
        });
        for workload in followed {
            if running.iter().all(|(other, _)| *other != workload) {
                let (watch, handle) = abortable(watch(workload.clone()));
                watches.push(watch);
                running.push((workload, handle));
            }
        }
        tokio::select! {
            () = cache.followed_changed() => {}
            // One that was ended is let go of.
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
    use crate::cluster::facts::DeploymentView;
    use crate::cluster::{Spelling, WorkloadSize};
    use crate::k8s::{ObjectKey, Update};
    use crate::peer::Change;
    use crate::policy::Policy;

    fn key(name: &str) -> ObjectKey {
        ObjectKey { namespace: "shop".to_owned(), name: name.to_owned() }
    }

    /// There are peer Deployments of these names, which all follow the same, and no others.
    fn follow(cache: &PeerCache, names: &[&str]) {
        let follower = json!({"metadata": {"annotations": {"warden.koupleless.io/follow": "StatefulSet/base"}}});
        let follower: DeploymentView = serde_json::from_value(follower).unwrap();
        let all = names.iter().map(|name| (key(name), follower.clone().into())).collect();
        cache.take_in(Change::Deployment(Spelling::Current, Update::Reset(all)));
    }

    /// A synced cache.
    fn cache() -> PeerCache {
        let cache = PeerCache::new(Policy::default());
        cache.take_in(Change::Node(Update::Reset(vec![])));
        cache.take_in(Change::Namespace(Update::Reset(vec![])));
        cache.take_in(Change::Deployment(Spelling::Older, Update::Reset(vec![])));
        for spelling in Spelling::ALL {
            cache.take_in(Change::Pod(spelling, Update::Reset(vec![])));
        }
        cache
    }

    #[test]
    fn a_watch_lasts_as_long_as_somebody_follows() {
        // given a workload with one replica more at each watch
        let (cache, watches) = (cache(), Cell::new(0));
        let tell = cache.clone();
        let watch = |workload: Follow| {
            watches.set(watches.get() + 1);
            tell.take_in(Change::Followed(workload, Some(WorkloadSize { desired: 9, ready: watches.get() })));
            pending()
        };
        let mut task = pin!(watch_followed(cache.clone(), watch));
        let mut goes_on = || assert!(task.as_mut().now_or_never().is_none());
        let wanted = |name: &str| cache.snapshot(&key(name))?.source.wanted();
        // when one follower takes over from the other, with a moment between that nobody notices
        follow(&cache, &["orders"]);
        goes_on();
        follow(&cache, &[]);
        follow(&cache, &["stock"]);
        goes_on();
        // then the watch goes on
        assert_eq!((wanted("stock"), watches.get()), (Some(1), 1));
        // and when the last goes, it ends, and what is old is told to nobody
        follow(&cache, &[]);
        goes_on();
        follow(&cache, &["mail"]);
        assert_eq!(cache.snapshot(&key("mail")), None);
        goes_on();
        assert_eq!((wanted("mail"), watches.get()), (Some(2), 2));
    }

    #[test]
    #[should_panic(expected = "a watch with a fault")]
    fn a_watch_that_panics_ends_the_task() {
        let cache = cache();
        follow(&cache, &["orders"]);
        watch_followed(cache, |_| async { panic!("a watch with a fault") }).now_or_never();
    }
}
