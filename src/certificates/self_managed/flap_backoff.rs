//! How often warden writes the same content again that another client keeps changing. Pure.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

/// The pause after the first write.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// Permits the first write of some content at once, and delays each repetition for twice as long as the one before. When the
/// content was left alone for twice the pause, the pauses start again. Different content is not a repetition.
#[derive(Debug, Default)]
pub(super) struct FlapBackoff {
    last: Option<Write>,
}

#[derive(Debug)]
struct Write {
    content: String,
    at: Instant,
    pause: Duration,
    next_pauses: ExponentialBackoff,
}

impl FlapBackoff {
    /// How long to wait until `content` may be written.
    pub(super) fn remaining(&self, content: &str, now: Instant) -> Duration {
        let repetition = self.last.as_ref().filter(|last| last.content == content);
        repetition.map_or(Duration::ZERO, |last| (last.at + last.pause).saturating_duration_since(now))
    }

    /// Records a write of `content`. Returns the pause that follows it.
    pub(super) fn record(&mut self, content: String, now: Instant) -> Duration {
        let repetition = self.last.take().filter(|last| last.content == content && now < last.at + last.pause * 2);
        let mut next_pauses = repetition.map_or_else(pauses, |last| last.next_pauses);
        let pause = next_pauses.next().unwrap_or(LONGEST);
        self.last = Some(Write { content, at: now, pause, next_pauses });
        pause
    }
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::new().with_min_delay(FIRST).with_max_delay(LONGEST).with_factor(2.0).without_max_times().build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_write_is_not_delayed_and_repetitions_are_ever_longer() {
        // Given content that was written
        let (mut backoff, start) = (FlapBackoff::default(), Instant::now());
        assert_eq!(backoff.remaining("ours", start), Duration::ZERO);
        let mut now = start;
        let mut pauses = vec![backoff.record("ours".to_owned(), now)];
        // When another client changes it as soon as it is written again
        for _ in 0..8 {
            now += backoff.remaining("ours", now);
            pauses.push(backoff.record("ours".to_owned(), now));
        }
        // Then the pauses double, up to the limit
        assert_eq!(pauses.iter().map(Duration::as_secs).collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        // When the content was left alone for long
        now += LONGEST * 2;
        // Then the pauses start again, and other content is not delayed
        assert_eq!(backoff.record("ours".to_owned(), now), FIRST);
        assert_eq!(backoff.remaining("other", now), Duration::ZERO);
    }
}
