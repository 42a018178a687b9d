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

/// Which objects are there, by the watches of both spellings: one is gone only when no watch has it.
#[derive(Debug, Default)]
pub struct DualWatchMerge {
    seen: HashMap<Arc<ObjectKey>, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The newest resourceVersion that any watch has shown.
    version: Option<u64>,
    /// The spellings by which it is found.
    by: [bool; Spelling::ALL.len()],
}

/// What becomes of one object.
#[derive(Debug, PartialEq, Eq)]
pub enum Merged<T> {
    /// It is there, and this is known of it.
    Present(Arc<ObjectKey>, T),
    /// It is there no more.
    Gone(Arc<ObjectKey>),
}

impl DualWatchMerge {
    /// Takes in what the watch of `spelling` tells, and gives back what becomes of the objects. What one watch tells late is
    /// left out where the other has told newer things already.
    pub fn merge<T>(
        &mut self,
        spelling: Spelling,
        update: Update<ObjectKey, T>,
        version: impl Fn(&T) -> Option<u64>,
    ) -> Vec<Merged<T>> {
        match update {
            Update::Apply(key, facts) => {
                let version = version(&facts);
                self.is(spelling, key, version, false).map(|key| Merged::Present(key, facts)).into_iter().collect()
            }
            Update::Delete(key) => self.gone(spelling, &key).map(Merged::Gone).into_iter().collect(),
            Update::Reset(list) => {
                let listed: HashSet<_> = list.iter().map(|(key, _)| key).collect();
                let missing =
                    self.seen.iter().filter(|(key, seen)| seen.by[spelling as usize] && !listed.contains(&***key));
                let missing: Vec<_> = missing.map(|(key, _)| Arc::clone(key)).collect();
                let mut ones: Vec<_> =
                    missing.iter().filter_map(|key| self.gone(spelling, key).map(Merged::Gone)).collect();
                ones.extend(list.into_iter().filter_map(|(key, facts)| {
                    let version = version(&facts);
                    Some(Merged::Present(self.is(spelling, key, version, true)?, facts))
                }));
                ones
            }
        }
    }

    /// The key, where this is no old update.
    fn is(&mut self, spelling: Spelling, key: ObjectKey, version: Option<u64>, listed: bool) -> Option<Arc<ObjectKey>> {
        let Some((known, _)) = self.seen.get_key_value(&key) else {
            let key = Arc::new(key);
            let mut seen = Seen { version, ..Seen::default() };
            seen.by[spelling as usize] = true;
            self.seen.insert(Arc::clone(&key), seen);
            return Some(key);
        };
        let key = Arc::clone(known);
        let seen = self.seen.get_mut(&key)?;
        let alone = Spelling::ALL.into_iter().all(|other| other == spelling || !seen.by[other as usize]);
        seen.by[spelling as usize] = true;
        let is_older = version.zip(seen.version).is_some_and(|(version, newest)| version < newest);
        // A list is what the API server holds, also after a restore that turned its versions back. Only the other watch can
        // know better.
        if is_older && !(listed && alone) {
            return None;
        }
        seen.version = version;
        Some(key)
    }

    /// The key, where it is gone now.
    fn gone(&mut self, spelling: Spelling, key: &ObjectKey) -> Option<Arc<ObjectKey>> {
        let seen = self.seen.get_mut(key)?;
        seen.by[spelling as usize] = false;
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

    fn told(merge: &mut DualWatchMerge, spelling: Spelling, update: Update<ObjectKey, u64>) -> Vec<String> {
        let merged = merge.merge(spelling, update, |version| Some(*version));
        merged
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
        assert_eq!(told(merge, CURRENT, Update::Apply(key("a"), 1)), ["a at 1"]);
        assert_eq!(told(merge, OLDER, Update::Apply(key("a"), 1)), ["a at 1"]);
        assert!(told(merge, CURRENT, Update::Delete(key("a"))).is_empty());
        assert!(told(merge, CURRENT, Update::Delete(key("a"))).is_empty());
        assert_eq!(told(merge, OLDER, Update::Delete(key("a"))), ["a gone"]);
    }

    #[test]
    fn a_list_replaces_what_its_own_watch_has_shown() {
        let mut merge = DualWatchMerge::default();
        let merge = &mut merge;
        told(merge, CURRENT, Update::Reset(vec![(key("a"), 1), (key("b"), 2), (key("c"), 3)]));
        told(merge, OLDER, Update::Reset(vec![(key("b"), 2), (key("d"), 4)]));
        let mut all = told(merge, CURRENT, Update::Reset(vec![(key("c"), 3)]));
        all.sort_unstable();
        assert_eq!(all, ["a gone", "c at 3"]);
    }

    #[test]
    fn the_watch_that_lags_behind_does_not_turn_back_time() {
        let mut merge = DualWatchMerge::default();
        let merge = &mut merge;
        told(merge, OLDER, Update::Apply(key("a"), 1));
        told(merge, CURRENT, Update::Apply(key("a"), 1));
        assert_eq!(told(merge, CURRENT, Update::Apply(key("a"), 5)), ["a at 5"]);
        assert!(told(merge, OLDER, Update::Apply(key("a"), 3)).is_empty());
        assert!(told(merge, OLDER, Update::Reset(vec![(key("a"), 4)])).is_empty());
        assert_eq!(told(merge, OLDER, Update::Apply(key("a"), 5)), ["a at 5"]);
    }

    #[test]
    fn a_restored_cluster_is_believed() {
        let mut merge = DualWatchMerge::default();
        told(&mut merge, CURRENT, Update::Apply(key("a"), 9));
        assert_eq!(told(&mut merge, CURRENT, Update::Reset(vec![(key("a"), 2)])), ["a at 2"]);
        assert_eq!(told(&mut merge, CURRENT, Update::Apply(key("a"), 3)), ["a at 3"]);
    }
}
