//! Whom to tell of, and what was told.

use std::collections::BTreeSet;

use crate::k8s::ObjectKey;

/// The peer Deployments that should be looked at (again).
///
/// One that is gone is among them only where somebody was told of it before. Where nobody ever takes them, they are no more
/// than there are.
#[derive(Debug, Default)]
pub(super) struct WakeUps {
    due: BTreeSet<ObjectKey>,
    told: BTreeSet<ObjectKey>,
}

impl WakeUps {
    /// Adds `keys`, of which `is_there` says which are still there.
    pub(super) fn wake(&mut self, keys: BTreeSet<ObjectKey>, is_there: impl Fn(&ObjectKey) -> bool) {
        for key in keys {
            if is_there(&key) || self.told.contains(&key) {
                self.due.insert(key);
            } else {
                self.due.remove(&key);
            }
        }
    }

    /// Takes all, of which `is_there` says which are still there.
    pub(super) fn take(&mut self, is_there: impl Fn(&ObjectKey) -> bool) -> BTreeSet<ObjectKey> {
        let due = std::mem::take(&mut self.due);
        for key in &due {
            if is_there(key) {
                self.told.insert(key.clone());
            } else {
                self.told.remove(key);
            }
        }
        due
    }

    /// Somebody knows of `keys`, which are there.
    pub(super) fn are_told(&mut self, keys: &[ObjectKey]) {
        self.told.extend(keys.iter().cloned());
    }

    #[cfg(test)]
    pub(super) fn due(&self) -> &BTreeSet<ObjectKey> {
        &self.due
    }
}
