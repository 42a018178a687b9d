//! From the events of a watch to [`Update`].

use std::fmt;

use kube::runtime::watcher::{self, Event};

use super::{Update, brief};

/// Turns the events of one watch into news. What is being listed is kept back until the list is complete: until then nobody
/// can say what is gone, and a list that breaks off is none.
#[derive(Debug)]
pub(crate) struct WatchDecoder<K, T> {
    outage: WatchHealth,
    listing: Vec<(K, T)>,
}

/// Tells the log when a watch is interrupted, once, and when it goes on.
#[derive(Debug)]
pub(crate) struct WatchHealth {
    of: String,
    lasts: bool,
}

impl<K, T> WatchDecoder<K, T> {
    /// A feed from a watch of these.
    pub(crate) fn of(objects: impl fmt::Display) -> Self {
        Self { outage: WatchHealth::of(objects), listing: Vec::new() }
    }

    /// Takes in an event, in which `read` finds the key and the facts of an object.
    pub(crate) fn take_in<O>(
        &mut self,
        event: Result<Event<O>, watcher::Error>,
        read: impl Fn(O) -> (K, T),
    ) -> Option<Update<K, T>> {
        match self.outage.note(event)? {
            Event::Apply(object) => {
                let (key, facts) = read(object);
                Some(Update::Apply(key, facts))
            }
            Event::Delete(object) => Some(Update::Delete(read(object).0)),
            Event::Init => {
                self.listing.clear();
                None
            }
            Event::InitApply(object) => {
                self.listing.push(read(object));
                None
            }
            Event::InitDone => Some(Update::Reset(std::mem::take(&mut self.listing))),
        }
    }
}

impl WatchHealth {
    /// None of these is interrupted yet.
    pub(crate) fn of(objects: impl fmt::Display) -> Self {
        Self { of: objects.to_string(), lasts: false }
    }

    /// The event, if it is one. kube goes on by itself after an error.
    pub(crate) fn note<O>(&mut self, event: Result<Event<O>, watcher::Error>) -> Option<Event<O>> {
        match event {
            Ok(event) => {
                // The beginning of a list is no answer of the API server's yet.
                if self.lasts && !matches!(event, Event::Init) {
                    self.lasts = false;
                    tracing::info!("the watch of {} goes on", self.of);
                }
                Some(event)
            }
            Err(error) => {
                if self.lasts {
                    tracing::debug!(error = %brief(&error), "the watch of {} is still interrupted", self.of);
                } else {
                    self.lasts = true;
                    tracing::warn!(error = %brief(&error), "the watch of {} is interrupted", self.of);
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tell(
        feed: &mut WatchDecoder<&'static str, u8>,
        event: Event<(&'static str, u8)>,
    ) -> Option<Update<&'static str, u8>> {
        feed.take_in(Ok(event), |object| object)
    }

    #[test]
    fn a_list_is_told_as_a_whole_when_it_is_complete() {
        let mut feed = WatchDecoder::of("things");
        assert_eq!(tell(&mut feed, Event::Init), None);
        assert_eq!(tell(&mut feed, Event::InitApply(("a", 1))), None);
        assert_eq!(tell(&mut feed, Event::InitApply(("b", 2))), None);
        assert_eq!(tell(&mut feed, Event::InitDone), Some(Update::Reset(vec![("a", 1), ("b", 2)])));
        assert_eq!(tell(&mut feed, Event::Apply(("a", 3))), Some(Update::Apply("a", 3)));
        assert_eq!(tell(&mut feed, Event::Delete(("b", 2))), Some(Update::Delete("b")));
    }

    #[test]
    fn a_list_that_breaks_off_is_none() {
        let mut feed = WatchDecoder::of("things");
        tell(&mut feed, Event::Init);
        tell(&mut feed, Event::InitApply(("a", 1)));
        assert_eq!(feed.take_in(Err(watcher::Error::NoResourceVersion), |object: (_, _)| object), None);
        tell(&mut feed, Event::Init);
        tell(&mut feed, Event::InitApply(("b", 2)));
        assert_eq!(tell(&mut feed, Event::InitDone), Some(Update::Reset(vec![("b", 2)])));
    }
}
