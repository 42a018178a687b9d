//! What a test turns on and off while connections are open.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::watch;

use super::log::Write;

/// Which watches stand still.
#[derive(Debug)]
pub(super) enum Frozen {
    Nothing,
    All,
    Only(BTreeSet<String>),
}

/// All switches together.
#[derive(Debug)]
pub(super) struct State {
    pub(super) frozen: Frozen,
    /// How often all watches have been cut.
    pub(super) watch_cuts: u64,
    pub(super) is_cut: bool,
    /// Connections of an earlier one are cut, but not before a stop is over.
    pub(super) generation: u64,
    pub(super) delay: Duration,
    /// A write is on its way to the API server after which everything stops: its own events can be back before its answer.
    pub(super) is_stopping: bool,
    /// The write at which everything stopped.
    pub(super) stopped_by: Option<Write>,
    pub(super) user_agent: Option<HeaderValue>,
}

impl State {
    /// Whether the events of watches of this resource are held back.
    fn holds(&self, resource: &str) -> bool {
        self.is_stopping
            || self.stopped_by.is_some()
            || match &self.frozen {
                Frozen::Nothing => false,
                Frozen::All => true,
                Frozen::Only(resources) => resources.contains(resource),
            }
    }
}

/// The connection ends here without an answer.
#[derive(Debug)]
pub(super) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cut by the proxy")
    }
}

impl std::error::Error for Cut {}

/// The switches, and ways to wait for them.
pub(super) struct Switches(watch::Sender<State>);

impl Switches {
    pub(super) fn new() -> Self {
        let state = State {
            frozen: Frozen::Nothing,
            watch_cuts: 0,
            is_cut: false,
            generation: 0,
            delay: Duration::ZERO,
            is_stopping: false,
            stopped_by: None,
            user_agent: None,
        };
        Self(watch::Sender::new(state))
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut State)) {
        self.0.send_modify(change);
    }

    pub(super) fn get<T>(&self, ask: impl FnOnce(&State) -> T) -> T {
        ask(&self.0.borrow())
    }

    /// Nothing of any connection passes from now on.
    pub(super) fn stop(&self, write: Write) {
        self.set(|state| state.stopped_by = Some(write));
    }

    /// Waits for [`Self::stop`].
    pub(super) async fn stopped(&self) -> Write {
        self.until(|state| state.stopped_by.clone()).await
    }

    /// Waits for the end of a stop. What belongs to a connection from before it is cut then.
    pub(super) async fn pass(&self, generation: u64) -> Result<(), Cut> {
        let now = self.until(|state| state.stopped_by.is_none().then_some(state.generation)).await;
        if now == generation { Ok(()) } else { Err(Cut) }
    }

    /// Waits until connections of this generation are over.
    pub(super) async fn over(&self, generation: u64) {
        self.until(|state| (state.stopped_by.is_none() && state.generation != generation).then_some(())).await;
    }

    /// Waits until an event of a watch may go, or the watch is cut.
    pub(super) async fn let_event_go(&self, resource: &str, watch_cuts: u64) -> Result<(), Cut> {
        self.until(|state| match state.watch_cuts == watch_cuts {
            true => (!state.holds(resource)).then_some(Ok(())),
            false => Some(Err(Cut)),
        })
        .await
    }

    /// Waits until watches from before are cut.
    pub(super) async fn watches_cut(&self, watch_cuts: u64) {
        self.until(|state| (state.watch_cuts != watch_cuts).then_some(())).await;
    }

    async fn until<T>(&self, mut ask: impl FnMut(&State) -> Option<T>) -> T {
        let mut state = self.0.subscribe();
        loop {
            if let Some(answer) = ask(&state.borrow_and_update()) {
                return answer;
            }
            // The sender is ourselves: it cannot be gone.
            let _ = state.changed().await;
        }
    }
}
