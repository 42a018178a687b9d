//! How often the same is put back that others change. Pure.

use std::time::{Duration, Instant};

/// The pause after the first time.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// Lets the same content be put back at once, and then ever more rarely while somebody goes on changing it; who has left it
/// alone for twice the pause is forgiven. Other content is no putting back.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last: Option<Last>,
}

#[derive(Debug)]
struct Last {
    content: String,
    at: Instant,
    pause: Duration,
}

impl Pace {
    /// How long to wait until `content` may be put in place.
    pub(super) fn wait(&self, content: &str, now: Instant) -> Duration {
        let same = self.last.as_ref().filter(|last| last.content == content);
        same.map_or(Duration::ZERO, |last| (last.at + last.pause).saturating_duration_since(now))
    }

    /// Notes that it was put in place. Gives the pause that follows.
    pub(super) fn note(&mut self, content: String, now: Instant) -> Duration {
        let again = self.last.as_ref().filter(|last| last.content == content);
        let pause = match again {
            Some(last) if now < last.at + last.pause * 2 => (last.pause * 2).min(LONGEST),
            _ => FIRST,
        };
        self.last = Some(Last { content, at: now, pause });
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_is_at_once_and_a_fight_gets_slower() {
        // Given a bundle that was put in place
        let (mut pace, start) = (Pace::default(), Instant::now());
        assert_eq!(pace.wait("ours", start), Duration::ZERO);
        let mut now = start;
        let mut pauses = vec![pace.note("ours".to_owned(), now)];
        // When others change it as soon as it is put back
        for _ in 0..8 {
            now += pace.wait("ours", now);
            pauses.push(pace.note("ours".to_owned(), now));
        }
        // Then the pauses double, to a limit
        assert_eq!(pauses.iter().map(Duration::as_secs).collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        // When there was peace for long
        now += LONGEST * 2;
        // Then it begins anew, and other content never had to wait
        assert_eq!(pace.note("ours".to_owned(), now), FIRST);
        assert_eq!(pace.wait("another", now), Duration::ZERO);
    }
}
