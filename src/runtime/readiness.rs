//! Whether the process can take requests, and if not, for what it waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longer than a start takes.
const TELL_PERIOD: Duration = Duration::from_secs(30);

/// The conditions under which the process is ready: all of them.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    conditions: Arc<Mutex<BTreeMap<&'static str, bool>>>,
}

/// The handle of one condition.
#[derive(Debug)]
pub struct Condition {
    name: &'static str,
    readiness: Readiness,
}

impl Readiness {
    /// Adds a condition that does not hold yet.
    pub fn condition(&self, name: &'static str) -> Condition {
        let condition = Condition { name, readiness: self.clone() };
        condition.set(false);
        condition
    }

    /// Whether every condition holds.
    pub fn is_ready(&self) -> bool {
        self.lock().values().all(|holds| *holds)
    }

    /// A line per condition, as Kubernetes' own `/readyz?verbose` prints them.
    pub fn report(&self) -> String {
        let line = |(name, holds): (&&str, &bool)| format!("[{}]{name}\n", if *holds { '+' } else { '-' });
        self.lock().iter().map(line).collect()
    }

    /// Tells the log for what the process waits, while it is not ready. Never ends.
    pub async fn tell(self) {
        loop {
            tokio::time::sleep(TELL_PERIOD).await;
            let waits = self.lock().iter().filter(|(_, holds)| !**holds).map(|(name, _)| *name).collect::<Vec<_>>();
            if !waits.is_empty() {
                tracing::warn!(waits = waits.join(", "), "not ready");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, bool>> {
        // Nothing can be left half done under this lock.
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Condition {
    /// Says whether the condition holds now.
    pub fn set(&self, holds: bool) {
        self.readiness.lock().insert(self.name, holds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_when_every_condition_holds() {
        let readiness = Readiness::default();
        let (caches, running) = (readiness.condition("caches"), readiness.condition("running"));
        running.set(true);
        assert!(!readiness.is_ready());
        assert_eq!(readiness.report(), "[-]caches\n[+]running\n");
        caches.set(true);
        assert!(readiness.is_ready());
        running.set(false);
        assert!(!readiness.is_ready());
    }
}
