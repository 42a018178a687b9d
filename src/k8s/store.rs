//! A store that watches fill, many tasks read, and any number of subscribers follow.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{Notify, watch};

/// What a [`Store`] holds: an index that it updates by each change. Pure, and owned by the store.
pub trait Index: Send + 'static {
    /// What subscribers are notified of.
    type Key: Ord + Clone + Debug + Send;
    /// An update of one of the watches.
    type Change;
    /// One of the first lists that the store waits for.
    type List: PartialEq + Debug + Send;

    /// All those lists.
    fn lists() -> Vec<Self::List>;

    /// The list that is complete once `change` is applied, if `change` is one.
    fn list_of(change: &Self::Change) -> Option<Self::List>;

    /// Applies `change`. Returns the keys for which reads may now return something else, also those that are gone.
    fn apply(&mut self, change: Self::Change) -> BTreeSet<Self::Key>;

    /// All keys.
    fn keys(&self) -> BTreeSet<Self::Key>;

    /// Whether the index has `key`.
    fn contains(&self, key: &Self::Key) -> bool;
}

/// An index that several tasks share. Clones are the same store.
///
/// No read returns anything before every list has arrived: half a cluster would look like a small one.
///
/// ```
/// use std::collections::{BTreeMap, BTreeSet};
/// use koupleless_warden::k8s::{Index, Store, Update};
///
/// /// The Pods, by name, with their phase.
/// #[derive(Default)]
/// struct Phases(BTreeMap<String, String>);
///
/// impl Index for Phases {
///     type Key = String;
///     type Change = Update<String, String>;
///     type List = ();
///
///     fn lists() -> Vec<()> {
///         vec![()]
///     }
///     fn list_of(change: &Self::Change) -> Option<()> {
///         matches!(change, Update::Reset(_)).then_some(())
///     }
///     fn apply(&mut self, change: Self::Change) -> BTreeSet<String> {
///         match change {
///             Update::Apply(name, phase) => {
///                 self.0.insert(name.clone(), phase);
///                 [name].into()
///             }
///             Update::Delete(name) => {
///                 self.0.remove(&name);
///                 [name].into()
///             }
///             Update::Reset(all) => {
///                 let before = self.keys();
///                 self.0 = all.into_iter().collect();
///                 before.union(&self.keys()).cloned().collect()
///             }
///         }
///     }
///     fn keys(&self) -> BTreeSet<String> {
///         self.0.keys().cloned().collect()
///     }
///     fn contains(&self, name: &String) -> bool {
///         self.0.contains_key(name)
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = Store::new(Phases::default());
/// let mut subscriber = store.subscribe();
/// assert_eq!(store.read(|phases| phases.keys().len()), None);
/// store.apply(Update::Reset(vec![("a".to_owned(), "Pending".to_owned())]));
/// store.apply(Update::Apply("a".to_owned(), "Running".to_owned()));
/// assert_eq!(subscriber.changed().await, ["a".to_owned()].into());
/// assert_eq!(store.read(|phases| phases.0["a"].clone()).as_deref(), Some("Running"));
/// # });
/// ```
#[derive(Debug)]
pub struct Store<I: Index> {
    shared: Arc<Shared<I>>,
}

#[derive(Debug)]
struct Shared<I: Index> {
    state: Mutex<State<I>>,
    synced: watch::Sender<bool>,
}

#[derive(Debug)]
struct State<I: Index> {
    index: I,
    /// The lists that have not arrived yet.
    awaited: Vec<I::List>,
    subscribers: Vec<Weak<Mailbox<I::Key>>>,
}

/// The keys that changed and that one subscriber has not taken yet.
#[derive(Debug)]
struct Mailbox<Key> {
    dirty: Mutex<DirtySet<Key>>,
    /// A key was added.
    woken: Notify,
}

/// One task's subscription to a [`Store`]; it ends when this is dropped.
#[derive(Debug)]
pub struct Subscriber<I: Index> {
    shared: Arc<Shared<I>>,
    mailbox: Arc<Mailbox<I::Key>>,
}

/// The keys that changed since a subscriber took them last.
///
/// A key that is gone is among them only if the subscriber has taken it before. So there are never more of them than keys in the
/// index and keys that the subscriber knows, however many objects come and go in the meantime.
#[derive(Debug)]
struct DirtySet<Key> {
    dirty: BTreeSet<Key>,
    /// The keys that the subscriber has taken, and not yet taken again since they were gone.
    known: BTreeSet<Key>,
}

impl<I: Index> Store<I> {
    /// A store around `index`, before any list has arrived.
    pub fn new(index: I) -> Self {
        let state = State { index, awaited: I::lists(), subscribers: Vec::new() };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), synced: watch::Sender::new(false) }) }
    }

    /// Waits until every list has arrived.
    pub async fn synced(&self) {
        // It cannot fail: the sender lives in `self`.
        let _ = self.shared.synced.subscribe().wait_for(|synced| *synced).await;
    }

    /// Whether every list has arrived.
    pub fn is_synced(&self) -> bool {
        *self.shared.synced.borrow()
    }

    /// Reads the index; none before every list has arrived.
    pub fn read<T>(&self, read: impl FnOnce(&I) -> T) -> Option<T> {
        let state = self.shared.lock();
        state.awaited.is_empty().then(|| read(&state.index))
    }

    /// Subscribes to changes. The subscriber gets all keys first.
    pub fn subscribe(&self) -> Subscriber<I> {
        let mut state = self.shared.lock();
        let dirty = if state.awaited.is_empty() { state.index.keys() } else { BTreeSet::new() };
        let dirty = DirtySet { dirty, known: BTreeSet::new() };
        let mailbox = Arc::new(Mailbox { dirty: Mutex::new(dirty), woken: Notify::new() });
        state.subscribers.retain(|subscriber| subscriber.strong_count() > 0);
        state.subscribers.push(Arc::downgrade(&mailbox));
        Subscriber { shared: Arc::clone(&self.shared), mailbox }
    }

    /// Applies an update of a watch.
    pub fn apply(&self, change: I::Change) {
        let list = I::list_of(&change);
        self.update_and_notify(list, |index| index.apply(change));
    }

    /// Changes the index for another reason than an update of a watch. `update` returns the keys that it changed.
    pub fn update(&self, update: impl FnOnce(&mut I) -> BTreeSet<I::Key>) {
        self.update_and_notify(None, update);
    }

    fn update_and_notify(&self, list: Option<I::List>, update: impl FnOnce(&mut I) -> BTreeSet<I::Key>) {
        let mut guard = self.shared.lock();
        let state = &mut *guard;
        let was_synced = state.awaited.is_empty();
        let mut changed = update(&mut state.index);
        state.awaited.retain(|awaited| Some(awaited) != list.as_ref());
        if !state.awaited.is_empty() {
            return;
        }
        if !was_synced {
            changed = state.index.keys();
        }
        if !changed.is_empty() {
            let subscribers = state.subscribers.iter().filter_map(Weak::upgrade);
            for subscriber in subscribers.collect::<Vec<_>>() {
                subscriber.lock().add(&changed, |key| state.index.contains(key));
                subscriber.woken.notify_one();
            }
        }
        drop(guard);
        if !was_synced {
            self.shared.synced.send_replace(true);
        }
    }
}

impl<I: Index> Clone for Store<I> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<I: Index> Shared<I> {
    fn lock(&self) -> MutexGuard<'_, State<I>> {
        // A panic in the task that fills the store ends the process.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Key> Mailbox<Key> {
    fn lock(&self) -> MutexGuard<'_, DirtySet<Key>> {
        // No operation on the sets leaves them half changed.
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<I: Index> Subscriber<I> {
    /// Waits for keys that changed, and takes them. First, when every list has arrived, these are all keys; then those that
    /// changed, and those that are gone and were taken before. No key is lost if the future is dropped.
    pub async fn changed(&mut self) -> BTreeSet<I::Key> {
        loop {
            let taken = {
                let state = self.shared.lock();
                self.mailbox.lock().take(|key| state.index.contains(key))
            };
            if !taken.is_empty() {
                return taken;
            }
            self.mailbox.woken.notified().await;
        }
    }
}

impl<Key: Ord + Clone> DirtySet<Key> {
    /// Adds `keys`. `is_there` says whether the index still has one.
    fn add(&mut self, keys: &BTreeSet<Key>, is_there: impl Fn(&Key) -> bool) {
        for key in keys {
            if is_there(key) || self.known.contains(key) {
                self.dirty.insert(key.clone());
            } else {
                self.dirty.remove(key);
            }
        }
    }

    /// Takes all keys. `is_there` says whether the index still has one.
    fn take(&mut self, is_there: impl Fn(&Key) -> bool) -> BTreeSet<Key> {
        let taken = std::mem::take(&mut self.dirty);
        for key in &taken {
            if is_there(key) {
                self.known.insert(key.clone());
            } else {
                self.known.remove(key);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::k8s::Update;

    /// Names, from two watches.
    #[derive(Debug, Default)]
    struct Names(BTreeSet<&'static str>);

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum From {
        Here,
        There,
    }

    impl Index for Names {
        type Key = &'static str;
        type Change = (From, Update<&'static str, ()>);
        type List = From;

        fn lists() -> Vec<From> {
            vec![From::Here, From::There]
        }

        fn list_of((from, update): &Self::Change) -> Option<From> {
            matches!(update, Update::Reset(_)).then_some(*from)
        }

        fn apply(&mut self, (_, update): Self::Change) -> BTreeSet<&'static str> {
            match update {
                Update::Apply(name, ()) => {
                    self.0.insert(name);
                    [name].into()
                }
                Update::Delete(name) => {
                    self.0.remove(name);
                    [name].into()
                }
                Update::Reset(all) => {
                    let names: BTreeSet<_> = all.into_iter().map(|(name, ())| name).collect();
                    self.0.extend(&names);
                    names
                }
            }
        }

        fn keys(&self) -> BTreeSet<&'static str> {
            self.0.clone()
        }

        fn contains(&self, name: &&'static str) -> bool {
            self.0.contains(name)
        }
    }

    /// A store to which one of the two lists has come.
    fn half_synced() -> Store<Names> {
        let store = Store::new(Names::default());
        store.apply((From::Here, Update::Reset(vec![("orders", ())])));
        store
    }

    fn synced() -> Store<Names> {
        let store = half_synced();
        store.apply((From::There, Update::Reset(vec![])));
        store
    }

    fn come_and_go(store: &Store<Names>, name: &'static str) {
        store.apply((From::Here, Update::Apply(name, ())));
        store.apply((From::Here, Update::Delete(name)));
    }

    #[test]
    fn no_read_returns_anything_before_every_list() {
        // given
        let store = half_synced();
        let mut subscriber = store.subscribe();
        // when objects of the other list trickle in
        store.apply((From::There, Update::Apply("stock", ())));
        // then
        assert!(!store.is_synced() && store.synced().now_or_never().is_none());
        assert_eq!((store.read(|_| ()), subscriber.changed().now_or_never()), (None, None));
    }

    #[test]
    fn with_the_last_list_every_subscriber_gets_all_keys_once() {
        // given
        let store = half_synced();
        let (mut early, mut late) = (store.subscribe(), store.subscribe());
        // when
        store.apply((From::There, Update::Reset(vec![])));
        let mut latest = store.subscribe();
        // then
        assert!(store.is_synced() && store.synced().now_or_never().is_some());
        for subscriber in [&mut early, &mut late, &mut latest] {
            assert_eq!(subscriber.changed().now_or_never(), Some(["orders"].into()));
            assert_eq!(subscriber.changed().now_or_never(), None);
        }
    }

    #[tokio::test]
    async fn a_subscriber_that_waits_gets_all_keys_that_changed_meanwhile() {
        // given
        let store = synced();
        let mut subscriber = store.subscribe();
        subscriber.changed().await;
        let waiting = tokio::spawn(async move {
            let taken = subscriber.changed().await;
            (taken, subscriber)
        });
        tokio::task::yield_now().await;
        // when
        for name in ["orders", "stock", "orders"] {
            store.apply((From::Here, Update::Apply(name, ())));
        }
        // then
        let (taken, mut subscriber) = waiting.await.unwrap();
        assert_eq!(taken, ["orders", "stock"].into());
        assert_eq!(subscriber.changed().now_or_never(), None);
    }

    #[test]
    fn a_subscriber_that_takes_nothing_keeps_no_list_of_what_is_gone() {
        // given
        let store = synced();
        let mut subscriber = store.subscribe();
        // when
        come_and_go(&store, "stock");
        // then
        assert_eq!(subscriber.mailbox.lock().dirty, ["orders"].into());
        // and one that took a key gets it once more when it is gone, and no other
        assert_eq!(subscriber.changed().now_or_never(), Some(["orders"].into()));
        come_and_go(&store, "stock");
        come_and_go(&store, "orders");
        come_and_go(&store, "orders");
        assert_eq!(subscriber.changed().now_or_never(), Some(["orders"].into()));
        come_and_go(&store, "orders");
        assert_eq!(subscriber.changed().now_or_never(), None);
    }

    #[test]
    fn a_subscription_ends_when_it_is_dropped() {
        let store = synced();
        drop(store.subscribe());
        let _another = store.subscribe();
        assert_eq!(store.shared.lock().subscribers.len(), 1);
    }

    #[test]
    fn subscribers_get_the_keys_of_other_updates_as_well() {
        let store = synced();
        let mut subscriber = store.subscribe();
        subscriber.changed().now_or_never();
        store.update(|names| names.keys());
        assert_eq!(subscriber.changed().now_or_never(), Some(["orders"].into()));
    }
}
