//! Who is shown the door first when all places are taken. Pure: the clock is the caller's.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// The connections there are, in the order in which they may be shown the door. `T` is how one is told.
#[derive(Debug)]
pub(super) struct Line<T> {
    places: BTreeMap<u64, Place<T>>,
    /// Those who could leave: since when, and who. The number beside the rank puts those of one rank in order.
    waiting: BTreeMap<(Rank, u64), (Instant, u64)>,
    next: u64,
}

#[derive(Debug)]
struct Place<T> {
    door: T,
    doing: Doing,
    waits: Option<(Rank, u64)>,
}

/// What a connection is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Doing {
    /// Whether it ever asked anything.
    pub(super) asked: bool,
    /// Requests whose bodies are yet to come.
    pub(super) sending: usize,
    /// Requests that it waits to be answered.
    pub(super) answering: usize,
}

/// Why a connection can be done without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// It has asked nothing yet; its handshake may not even be over.
    Silent,
    /// It has no request under way.
    Idle,
    /// All its requests are still being sent.
    Sending,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { places: BTreeMap::new(), waiting: BTreeMap::new(), next: 0 }
    }
}

impl<T> Line<T> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// One more. Gives the number that it goes by.
    pub(super) fn join(&mut self, door: T, now: Instant) -> u64 {
        let number = self.number();
        self.places.insert(number, Place { door, doing: Doing::default(), waits: None });
        self.waits(number, now);
        number
    }

    /// One does something else from now on. Of one that has left, nothing is noted.
    pub(super) fn change(&mut self, number: u64, now: Instant, change: impl FnOnce(&mut Doing)) {
        if let Some(place) = self.places.get_mut(&number) {
            change(&mut place.doing);
            self.waits(number, now);
        }
    }

    /// One leaves of itself.
    pub(super) fn leave(&mut self, number: u64) {
        if let Some(place) = self.places.remove(&number) {
            place.waits.and_then(|key| self.waiting.remove(&key));
        }
    }

    /// The next one to be shown the door leaves the line: who is silent, then who is idle, the longest first; last who takes
    /// long to send what it asks. Never one that waits for an answer.
    ///
    /// Who came less than `grace` ago is on its way to its first question, and silent only in name: it goes after all who
    /// are idle, or a stranger who knocks without end would keep everybody else from getting through a handshake. What is
    /// being sent for less than `grace` is on its way too.
    pub(super) fn show_one_out(&mut self, now: Instant, grace: Duration) -> Option<(T, Rank)> {
        let long = |(since, _): &(Instant, u64)| now.saturating_duration_since(*since) >= grace;
        let first = self.first(Rank::Silent).filter(long);
        let next = first.or_else(|| self.first(Rank::Idle)).or_else(|| self.first(Rank::Silent));
        let (_, number) = next.or_else(|| self.first(Rank::Sending).filter(long))?;
        let place = self.places.remove(&number)?;
        let key = place.waits?;
        self.waiting.remove(&key);
        Some((place.door, key.0))
    }

    fn first(&self, rank: Rank) -> Option<(Instant, u64)> {
        self.waiting.range((rank, 0)..=(rank, u64::MAX)).next().map(|(_, who)| *who)
    }

    /// Puts one where it belongs now; at the end of its rank, where that has changed.
    fn waits(&mut self, number: u64, now: Instant) {
        let end = self.number();
        let Some(place) = self.places.get_mut(&number) else { return };
        let rank = place.doing.rank();
        if rank == place.waits.map(|(rank, _)| rank) {
            return;
        }
        place.waits.and_then(|key| self.waiting.remove(&key));
        place.waits = rank.map(|rank| (rank, end));
        if let Some(key) = place.waits {
            self.waiting.insert(key, (now, number));
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl Doing {
    /// None for one that has to stay.
    fn rank(self) -> Option<Rank> {
        match self {
            Self { answering: 1.., .. } => None,
            Self { sending: 1.., .. } => Some(Rank::Sending),
            Self { asked: true, .. } => Some(Rank::Idle),
            Self { asked: false, .. } => Some(Rank::Silent),
        }
    }
}

#[cfg(test)]
mod tests;
