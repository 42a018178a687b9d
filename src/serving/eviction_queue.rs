//! Which connection is evicted when all places are taken. Pure: the caller passes the time.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// All open connections, in the order in which they may be evicted. `T` is the handle by which a connection is told to close.
#[derive(Debug)]
pub(super) struct EvictionQueue<T> {
    connections: BTreeMap<u64, Connection<T>>,
    /// The connections that may be evicted: since when each has its rank, and its id. The number beside the rank keeps the
    /// connections of one rank in the order in which they reached it.
    candidates: BTreeMap<(EvictionRank, u64), (Instant, u64)>,
    next: u64,
}

#[derive(Debug)]
struct Connection<T> {
    handle: T,
    activity: Activity,
    position: Option<(EvictionRank, u64)>,
}

/// What a connection does at the moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Activity {
    /// Whether the headers of any request have arrived so far.
    pub(super) had_request: bool,
    /// Requests whose bodies are still arriving.
    pub(super) receiving: usize,
    /// Requests that have arrived and are not answered yet.
    pub(super) answering: usize,
}

/// Why a connection may be evicted; lower ranks go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EvictionRank {
    /// No request has arrived yet; the TLS handshake may not even be complete.
    Silent,
    /// No request is in progress.
    Idle,
    /// The bodies of all requests in progress are still arriving.
    Sending,
}

impl<T> Default for EvictionQueue<T> {
    fn default() -> Self {
        Self { connections: BTreeMap::new(), candidates: BTreeMap::new(), next: 0 }
    }
}

impl<T> EvictionQueue<T> {
    /// The number of connections.
    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    /// Adds a connection and returns its id.
    pub(super) fn add(&mut self, handle: T, now: Instant) -> u64 {
        let id = self.next_number();
        self.connections.insert(id, Connection { handle, activity: Activity::default(), position: None });
        self.requeue(id, now);
        id
    }

    /// Applies `change` to the activity of a connection. Does nothing if the connection was removed or evicted before.
    pub(super) fn update(&mut self, id: u64, now: Instant, change: impl FnOnce(&mut Activity)) {
        if let Some(connection) = self.connections.get_mut(&id) {
            change(&mut connection.activity);
            self.requeue(id, now);
        }
    }

    /// Removes a connection that has closed.
    pub(super) fn remove(&mut self, id: u64) {
        if let Some(connection) = self.connections.remove(&id) {
            connection.position.and_then(|position| self.candidates.remove(&position));
        }
    }

    /// Removes the next connection to evict, and returns its handle and rank. The order is: silent connections, oldest first;
    /// idle connections, longest idle first; connections that are slow to send a request. A connection that waits for our
    /// answer is never evicted.
    ///
    /// A connection younger than `grace` is about to send its first request and is silent only for that reason. It goes after
    /// the idle ones: otherwise a client that opens connections without pause would keep every other client from completing a
    /// handshake. A request that has been arriving for less than `grace` is not evicted either.
    pub(super) fn evict(&mut self, now: Instant, grace: Duration) -> Option<(T, EvictionRank)> {
        let expired = |(since, _): &(Instant, u64)| now.saturating_duration_since(*since) >= grace;
        let old_silent = self.first(EvictionRank::Silent).filter(expired);
        let next = old_silent.or_else(|| self.first(EvictionRank::Idle)).or_else(|| self.first(EvictionRank::Silent));
        let (_, id) = next.or_else(|| self.first(EvictionRank::Sending).filter(expired))?;
        let connection = self.connections.remove(&id)?;
        let position = connection.position?;
        self.candidates.remove(&position);
        Some((connection.handle, position.0))
    }

    fn first(&self, rank: EvictionRank) -> Option<(Instant, u64)> {
        self.candidates.range((rank, 0)..=(rank, u64::MAX)).next().map(|(_, candidate)| *candidate)
    }

    /// Moves a connection to the end of its rank, if its rank has changed.
    fn requeue(&mut self, id: u64, now: Instant) {
        let end = self.next_number();
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let rank = connection.activity.rank();
        if rank == connection.position.map(|(rank, _)| rank) {
            return;
        }
        connection.position.and_then(|position| self.candidates.remove(&position));
        connection.position = rank.map(|rank| (rank, end));
        if let Some(position) = connection.position {
            self.candidates.insert(position, (now, id));
        }
    }

    fn next_number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl Activity {
    /// The rank of the connection; none if it must not be evicted.
    fn rank(self) -> Option<EvictionRank> {
        match self {
            Self { answering: 1.., .. } => None,
            Self { receiving: 1.., .. } => Some(EvictionRank::Sending),
            Self { had_request: true, .. } => Some(EvictionRank::Idle),
            Self { had_request: false, .. } => Some(EvictionRank::Silent),
        }
    }
}

#[cfg(test)]
mod tests;
