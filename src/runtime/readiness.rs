//! Whether the process can take requests, and if not, what it waits for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often the log reports that the process is not ready. A start takes less.
const LOG_PERIOD: Duration = Duration::from_secs(30);

/// The conditions of readiness. The process is ready when all of them hold. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    conditions: Arc<Mutex<BTreeMap<&'static str, bool>>>,
    details: Arc<Mutex<BTreeMap<&'static str, String>>>,
}

/// Sets one condition.
#[derive(Debug)]
pub struct Condition {
    name: &'static str,
    readiness: Readiness,
}

/// Sets one line of the report that decides nothing: work that is under way while the process serves.
#[derive(Debug)]
pub struct Detail {
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

    /// Adds a detail, of which there is nothing to say yet.
    pub fn detail(&self, name: &'static str) -> Detail {
        Detail { name, readiness: self.clone() }
    }

    /// Whether every condition holds.
    pub fn is_ready(&self) -> bool {
        self.lock().values().all(|holds| *holds)
    }

    /// Returns one line per condition, in the form of kube-apiserver's `/readyz?verbose`, and one per detail.
    pub fn report(&self) -> String {
        let line = |(name, holds): (&&str, &bool)| format!("[{}]{name}\n", if *holds { '+' } else { '-' });
        let conditions: String = self.lock().iter().map(line).collect();
        let details = self.lock_details();
        conditions + &details.iter().map(|(name, text)| format!("[+]{name}: {text}\n")).collect::<String>()
    }

    /// Logs which conditions do not hold, periodically, while the process is not ready. Never returns.
    pub async fn log_while_not_ready(self) {
        loop {
            tokio::time::sleep(LOG_PERIOD).await;
            let waiting = self.lock().iter().filter(|(_, holds)| !**holds).map(|(name, _)| *name).collect::<Vec<_>>();
            if !waiting.is_empty() {
                tracing::warn!(waiting_for = waiting.join(", "), "not ready");
            }
        }
    }

    fn lock_details(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.details.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, bool>> {
        // No code panics halfway through a change while it holds this lock, so the content is consistent.
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Condition {
    /// Sets whether the condition holds.
    pub fn set(&self, holds: bool) {
        self.readiness.lock().insert(self.name, holds);
    }
}

impl Detail {
    /// Sets the text; none where there is nothing to say.
    pub fn set(&self, text: Option<String>) {
        let mut details = self.readiness.lock_details();
        match text {
            Some(text) => drop(details.insert(self.name, text)),
            None => drop(details.remove(self.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_ready_when_every_condition_holds() {
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

    #[test]
    fn a_detail_is_shown_and_decides_nothing() {
        let readiness = Readiness::default();
        readiness.condition("caches").set(true);
        let detail = readiness.detail("identity-labels");
        detail.set(Some("3 are missing".to_owned()));
        assert!(readiness.is_ready());
        assert_eq!(readiness.report(), "[+]caches\n[+]identity-labels: 3 are missing\n");
        detail.set(None);
        assert_eq!(readiness.report(), "[+]caches\n");
    }
}
