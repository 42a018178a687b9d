//! The writes that came through, and the one to stop at.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::Value;

use super::request::What;

/// A write of the warden.
#[derive(Clone, Debug)]
pub struct Write {
    /// Counted from 1 among those of the same kind, in order of arrival.
    pub number: usize,
    /// What it is for.
    pub what: What,
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// What was sent, where it is JSON.
    pub body: Option<Value>,
    /// When it arrived here.
    pub at: Instant,
    /// Whether it went on to the API server.
    pub forwarded: bool,
    /// The status of the answer that there was, also of one that was lost afterwards. `None` before there is one, and where
    /// the connection ended without.
    pub status: Option<u16>,
    id: u64,
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, what, method, path, .. } = self;
        write!(f, "{what:?} {number}: {method} {path} -> ")?;
        match (self.status, self.forwarded) {
            (Some(status), true) => write!(f, "{status}"),
            (Some(status), false) => write!(f, "{status}, not forwarded"),
            (None, true) => f.write_str("no answer"),
            (None, false) => f.write_str("not forwarded"),
        }
    }
}

/// When to stop at a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It has arrived here and is not forwarded.
    Before,
    /// It is done; the answer is here and is not delivered.
    After,
}

#[derive(Default)]
pub(super) struct Log(Mutex<Book>);

#[derive(Default)]
struct Book {
    writes: Vec<Write>,
    next_id: u64,
    stop_at: Option<(usize, Moment)>,
}

impl Log {
    pub(super) fn of(&self, what: What) -> Vec<Write> {
        self.book().writes.iter().filter(|write| write.what == what).cloned().collect()
    }

    pub(super) fn forget(&self) {
        self.book().writes.clear();
    }

    pub(super) fn stop_at(&self, number: usize, moment: Moment) {
        self.book().stop_at = Some((number, moment));
    }

    pub(super) fn stop_nowhere(&self) {
        self.book().stop_at = None;
    }

    /// Whether everything stops when this write is answered.
    pub(super) fn stops_after(&self, write: &Write) -> bool {
        write.what == What::Main && self.book().stop_at == Some((write.number, Moment::After))
    }

    /// Whether this write is the one to stop at. Only the first that asks is told so.
    pub(super) fn stops(&self, write: &Write, moment: Moment) -> bool {
        let mut book = self.book();
        let stops = write.what == What::Main && book.stop_at == Some((write.number, moment));
        if stops {
            book.stop_at = None;
        }
        stops
    }

    /// Enters a write that has just arrived.
    pub(super) fn arrived(&self, what: What, method: String, path: String, body: &[u8]) -> Write {
        let mut book = self.book();
        let number = 1 + book.writes.iter().filter(|write| write.what == what).count();
        let body = serde_json::from_slice(body).ok();
        let id = book.next_id;
        book.next_id += 1;
        let write = Write { number, what, method, path, body, at: Instant::now(), forwarded: false, status: None, id };
        book.writes.push(write.clone());
        write
    }

    /// Corrects the entry of a write, unless it has been forgotten.
    pub(super) fn update(&self, write: &Write) {
        if let Some(entry) = self.book().writes.iter_mut().rfind(|entry| entry.id == write.id) {
            entry.forwarded = write.forwarded;
            entry.status = write.status;
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
