//! A limit of the log lines that the objects of one namespace can cause.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many lines may come at once.
const BURST: u32 = 200;
/// And then one in each period: 20 a second.
const PERIOD: Duration = Duration::from_millis(50);
/// So many namespaces have a limit of their own. Beyond that, those that have caused no line for long are forgotten; if there are none,
/// the others share one limit.
const MAX_NAMESPACES: usize = 1024;
/// A longer text is no name of a namespace (a DNS label). Who writes it is no user of a namespace, and it would be kept here.
const MAX_NAME_BYTES: usize = 63;
/// The limit of what has no namespace.
const SHARED: &str = "";

/// Limits log lines by namespace: 200 at once, and 20 a second after that. What a user of the cluster can repeat at will is logged
/// through it, so that the log of all others stays readable, and no disk fills up. Clones share the limits.
///
/// ```
/// use koupleless_warden::k8s::LogLimiter;
///
/// let log = LogLimiter::default();
/// if let Some(suppressed) = log.admit("shop") {
///     tracing::info!(namespace = "shop", suppressed, "reviewed");
/// }
/// ```
#[derive(Debug, Clone, Default)]
pub struct LogLimiter(Arc<Mutex<HashMap<String, Lines>>>);

/// The lines of one namespace.
#[derive(Debug)]
struct Lines {
    /// When the next [`BURST`] lines may come at once. Each line moves it on by a [`PERIOD`].
    full_at: Instant,
    /// How many lines were left out since the last one.
    suppressed: u64,
}

impl LogLimiter {
    /// Whether a line about an object in `namespace` may be logged now. Returns how many were left out since the last one; none where
    /// there were none, so that the field is missing from the line. Outside it is none where this one is left out.
    pub fn admit(&self, namespace: &str) -> Option<Option<u64>> {
        self.admit_at(namespace, Instant::now())
    }

    fn admit_at(&self, namespace: &str, now: Instant) -> Option<Option<u64>> {
        // No operation on the map leaves it half changed.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(namespace) && all.len() >= MAX_NAMESPACES {
            all.retain(|_, lines| now < lines.full_at);
        }
        let has_room = all.contains_key(namespace) || all.len() < MAX_NAMESPACES;
        let namespace = if has_room && namespace.len() <= MAX_NAME_BYTES { namespace } else { SHARED };
        let lines = all.entry(namespace.to_owned()).or_insert(Lines { full_at: now, suppressed: 0 });
        let full_at = lines.full_at.max(now);
        if full_at.duration_since(now) + PERIOD > PERIOD * BURST {
            lines.suppressed += 1;
            return None;
        }
        lines.full_at = full_at + PERIOD;
        Some(Some(std::mem::take(&mut lines.suppressed)).filter(|suppressed| *suppressed > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many lines about `namespace` are logged at this time.
    fn logged(log: &LogLimiter, namespace: &str, now: Instant, lines: u32) -> u32 {
        (0..lines).map(|_| u32::from(log.admit_at(namespace, now).is_some())).sum()
    }

    #[test]
    fn a_namespace_has_a_burst_and_then_a_rate() {
        let (log, now) = (LogLimiter::default(), Instant::now());
        assert_eq!(logged(&log, "bulk", now, 1000), BURST);
        // Others have theirs
        assert_eq!(logged(&log, "shop", now, 10), 10);
        // Later, what was left out is counted in the first line
        let later = now + Duration::from_secs(1);
        assert_eq!(log.admit_at("bulk", later), Some(Some(800)));
        assert_eq!(log.admit_at("bulk", later), Some(None));
        assert_eq!(logged(&log, "bulk", later, 1000), 18);
        // And in the end the burst is back, and is no larger
        assert_eq!(logged(&log, "bulk", later + Duration::from_secs(3600), 1000), BURST);
    }

    #[test]
    fn namespaces_that_are_silent_are_forgotten() {
        let (log, now) = (LogLimiter::default(), Instant::now());
        for second in 0..5000_u32 {
            logged(&log, &format!("namespace-{second}"), now + Duration::from_secs(second.into()), 1);
        }
        assert!(log.0.lock().unwrap().len() <= MAX_NAMESPACES);
    }

    #[test]
    fn any_number_of_names_of_any_length_takes_bounded_memory() {
        // Given a client that makes up names
        let (log, now) = (LogLimiter::default(), Instant::now());
        for number in 0..5000 {
            // Each of which has used up its burst
            logged(&log, &format!("namespace-{number}"), now, BURST + 1);
            logged(&log, &format!("{number}-{}", "x".repeat(1000)), now, 1);
        }
        // Then not all of them are kept, and none that is no name
        let all = log.0.lock().unwrap();
        assert!(all.len() <= MAX_NAMESPACES + 1, "{}", all.len());
        assert!(all.keys().all(|name| name.len() <= MAX_NAME_BYTES));
    }
}
