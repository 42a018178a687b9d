//! Objects that are labelled in one of two dialects, and so are found by two watches.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::k8s::{ObjectKey, Update};
use crate::vocabulary::Dialects;

/// By which spelling of its label an object was found. A label selector cannot say "this key or that key", so each spelling
/// has a watch of its own, and an object that carries both is found twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// [`crate::vocabulary::Dialects::current`].
    Current,
    /// [`crate::vocabulary::Dialects::older`].
    Older,
}

impl Spelling {
    /// Both, the current one first.
    pub const ALL: [Self; 2] = [Self::Current, Self::Older];

    /// The label selector for objects whose label `key`, in this spelling, is `value`.
    pub fn selector(self, key: Dialects, value: &str) -> String {
        let key = match self {
            Self::Current => key.current,
            Self::Older => key.older,
        };
        format!("{key}={value}")
    }
}

/// The objects that the watches of both spellings show: an object is gone only when neither watch has it.
#[derive(Debug, Default)]
pub struct DualWatchMerge {
    seen: HashMap<Arc<ObjectKey>, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The resourceVersion that was applied last.
    version: Option<u64>,
    /// The spellings by which it is found.
    by: [bool; Spelling::ALL.len()],
    /// The resourceVersion that the watch of each spelling has shown last.
    shown: [Option<u64>; Spelling::ALL.len()],
}

/// What an update comes to for one object, once both watches are merged.
#[derive(Debug, PartialEq, Eq)]
pub enum Merged<T> {
    /// The object exists, with these facts.
    Present(Arc<ObjectKey>, T),
    /// The object is gone.
    Gone(Arc<ObjectKey>),
}

impl DualWatchMerge {
    /// Merges an update from the watch of `spelling`, and returns what it comes to. A state of an object that is older than one
    /// that the other watch has shown is left out.
    pub fn merge<T>(
        &mut self,
        spelling: Spelling,
        update: Update<ObjectKey, T>,
        version: impl Fn(&T) -> Option<u64>,
    ) -> Vec<Merged<T>> {
        match update {
            Update::Apply(key, facts) => {
                let version = version(&facts);
                self.apply(spelling, key, version, false).map(|key| Merged::Present(key, facts)).into_iter().collect()
            }
            Update::Delete(key) => self.delete(spelling, &key).map(Merged::Gone).into_iter().collect(),
            Update::Reset(list) => {
                let listed: HashSet<_> = list.iter().map(|(key, _)| key).collect();
                let missing =
                    self.seen.iter().filter(|(key, seen)| seen.by[spelling as usize] && !listed.contains(&***key));
                let missing: Vec<_> = missing.map(|(key, _)| Arc::clone(key)).collect();
                let mut merged: Vec<_> =
                    missing.iter().filter_map(|key| self.delete(spelling, key).map(Merged::Gone)).collect();
                merged.extend(list.into_iter().filter_map(|(key, facts)| {
                    let version = version(&facts);
                    Some(Merged::Present(self.apply(spelling, key, version, true)?, facts))
                }));
                merged
            }
        }
    }

    /// Notes that the watch of `spelling` has shown the object at `version`. Returns its key, unless the other watch has shown a
    /// newer state.
    fn apply(
        &mut self,
        spelling: Spelling,
        key: ObjectKey,
        version: Option<u64>,
        listed: bool,
    ) -> Option<Arc<ObjectKey>> {
        let Some((known, _)) = self.seen.get_key_value(&key) else {
            let key = Arc::new(key);
            let mut seen = Seen { version, ..Seen::default() };
            seen.by[spelling as usize] = true;
            seen.shown[spelling as usize] = version;
            self.seen.insert(Arc::clone(&key), seen);
            return Some(key);
        };
        let key = Arc::clone(known);
        let seen = self.seen.get_mut(&key)?;
        let alone = Spelling::ALL.into_iter().all(|other| other == spelling || !seen.by[other as usize]);
        seen.by[spelling as usize] = true;
        let before = std::mem::replace(&mut seen.shown[spelling as usize], version);
        let is_older_than = |other: Option<u64>| version.zip(other).is_some_and(|(version, other)| version < other);
        // etcd was restored from a backup, and its versions begin anew: within one watch they never decrease otherwise. The
        // same holds for a list, if no other watch shows the object.
        let is_restored = is_older_than(before) || (listed && alone);
        if is_older_than(seen.version) && !is_restored {
            return None;
        }
        seen.version = version;
        Some(key)
    }

    /// Notes that the watch of `spelling` has the object no more. Returns its key, unless the other watch has it.
    fn delete(&mut self, spelling: Spelling, key: &ObjectKey) -> Option<Arc<ObjectKey>> {
        let seen = self.seen.get_mut(key)?;
        seen.by[spelling as usize] = false;
        seen.shown[spelling as usize] = None;
        if seen.by.contains(&true) {
            return None;
        }
        self.seen.remove_entry(key).map(|(key, _)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURRENT: Spelling = Spelling::Current;
    const OLDER: Spelling = Spelling::Older;

    fn key(name: &str) -> ObjectKey {
        ObjectKey { namespace: "shop".to_owned(), name: name.to_owned() }
    }

    fn merged(merge: &mut DualWatchMerge, spelling: Spelling, update: Update<ObjectKey, u64>) -> Vec<String> {
        let objects = merge.merge(spelling, update, |version| Some(*version));
        objects
            .iter()
            .map(|object| match object {
                Merged::Present(key, version) => format!("{} at {version}", key.name),
                Merged::Gone(key) => format!("{} gone", key.name),
            })
            .collect()
    }

    #[test]
    fn an_object_is_gone_when_no_watch_has_it() {
        let mut merge = DualWatchMerge::default();
        let merge = &mut merge;
        assert_eq!(merged(merge, CURRENT, Update::Apply(key("a"), 1)), ["a at 1"]);
        assert_eq!(merged(merge, OLDER, Update::Apply(key("a"), 1)), ["a at 1"]);
        assert!(merged(merge, CURRENT, Update::Delete(key("a"))).is_empty());
        assert!(merged(merge, CURRENT, Update::Delete(key("a"))).is_empty());
        assert_eq!(merged(merge, OLDER, Update::Delete(key("a"))), ["a gone"]);
    }

    #[test]
    fn a_list_replaces_what_its_own_watch_has_shown() {
        let mut merge = DualWatchMerge::default();
        let merge = &mut merge;
        merged(merge, CURRENT, Update::Reset(vec![(key("a"), 1), (key("b"), 2), (key("c"), 3)]));
        merged(merge, OLDER, Update::Reset(vec![(key("b"), 2), (key("d"), 4)]));
        let mut all = merged(merge, CURRENT, Update::Reset(vec![(key("c"), 3)]));
        all.sort_unstable();
        assert_eq!(all, ["a gone", "c at 3"]);
    }

    #[test]
    fn the_watch_that_lags_behind_does_not_turn_back_time() {
        let mut merge = DualWatchMerge::default();
        let merge = &mut merge;
        merged(merge, OLDER, Update::Apply(key("a"), 1));
        merged(merge, CURRENT, Update::Apply(key("a"), 1));
        assert_eq!(merged(merge, CURRENT, Update::Apply(key("a"), 5)), ["a at 5"]);
        assert!(merged(merge, OLDER, Update::Apply(key("a"), 3)).is_empty());
        assert!(merged(merge, OLDER, Update::Reset(vec![(key("a"), 4)])).is_empty());
        assert_eq!(merged(merge, OLDER, Update::Apply(key("a"), 5)), ["a at 5"]);
    }

    #[test]
    fn a_restored_cluster_is_believed() {
        let mut merge = DualWatchMerge::default();
        merged(&mut merge, CURRENT, Update::Apply(key("a"), 9));
        assert_eq!(merged(&mut merge, CURRENT, Update::Reset(vec![(key("a"), 2)])), ["a at 2"]);
        assert_eq!(merged(&mut merge, CURRENT, Update::Apply(key("a"), 3)), ["a at 3"]);
    }

    #[test]
    fn a_restored_cluster_is_believed_by_whichever_watch_lists_first() {
        // Given an object that both watches show
        let mut merge = DualWatchMerge::default();
        let merge = &mut merge;
        merged(merge, CURRENT, Update::Apply(key("a"), 9));
        merged(merge, OLDER, Update::Apply(key("a"), 9));
        // When etcd is restored, and one watch lists again
        assert_eq!(merged(merge, OLDER, Update::Reset(vec![(key("a"), 2)])), ["a at 2"]);
        // Then its updates count, and the list of the other watch as well
        assert_eq!(merged(merge, OLDER, Update::Apply(key("a"), 3)), ["a at 3"]);
        assert_eq!(merged(merge, CURRENT, Update::Reset(vec![(key("a"), 3)])), ["a at 3"]);
        assert_eq!(merged(merge, CURRENT, Update::Apply(key("a"), 4)), ["a at 4"]);
    }
}
