//! How long to wait after a failure.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

/// The longest delay.
const MAX_DELAY: Duration = Duration::from_secs(30);

/// Without jitter: each key of a work queue has its own backoff.
const DELAYS: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(200))
    .with_factor(2.0)
    .with_max_delay(MAX_DELAY)
    .without_max_times();

/// The delays after consecutive failures of one thing, for example of the reconciles of one object: 200 ms after the first
/// failure, twice as long after each further one, and never more than 30 s.
///
/// It makes no request and needs no RBAC.
///
/// ```
/// use koupleless_warden::k8s::Backoff;
///
/// let mut backoff = Backoff::default();
/// assert_eq!(backoff.after_failure().as_millis(), 200);
/// assert_eq!(backoff.after_failure().as_millis(), 400);
/// backoff.reset();
/// assert_eq!(backoff.after_failure().as_millis(), 200);
/// ```
#[derive(Debug, Default)]
pub struct Backoff {
    /// None until the first failure since the last success.
    delays: Option<ExponentialBackoff>,
}

impl Backoff {
    /// Counts a failure, and gives the delay before the next attempt.
    pub fn after_failure(&mut self) -> Duration {
        let delays = self.delays.get_or_insert_with(|| DELAYS.build());
        delays.next().unwrap_or(MAX_DELAY)
    }

    /// Starts again with the first delay, after a success.
    pub fn reset(&mut self) {
        self.delays = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_a_limit() {
        // Given something that never succeeds
        let mut backoff = Backoff::default();

        let delays: Vec<u128> = std::iter::repeat_with(|| backoff.after_failure().as_millis()).take(100).collect();

        assert_eq!(delays[..4], [200, 400, 800, 1600]);
        assert!(delays.is_sorted(), "{delays:?}");
        assert_eq!(delays.last(), Some(&MAX_DELAY.as_millis()));
    }
}
