//! The events of a watch on their way through.

use std::sync::Arc;

use futures::Stream;
use http_body_util::BodyExt;
use hyper::body::{Bytes, Frame};
use kube::client::Body;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Shared;
use super::switches::Cut;

/// A piece of a watch and when it came.
type Piece = (Instant, Result<Frame<Bytes>, Cut>);

/// One watch.
pub(super) struct Watch {
    pieces: mpsc::UnboundedReceiver<Piece>,
    resource: String,
    /// How often watches had been cut when this one began.
    watch_cuts: u64,
    shared: Arc<Shared>,
}

impl Watch {
    /// Begins to read it. Read on while nothing may go: the API server gives up a watcher that does not keep up.
    pub(super) fn begin(mut events: Body, resource: String, watch_cuts: u64, shared: Arc<Shared>) -> Self {
        let (queue, pieces) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let frame = tokio::select! {
                    frame = events.frame() => frame,
                    () = queue.closed() => return,
                };
                let Some(frame) = frame else { return };
                // The client has gone; the top of the loop notices that.
                let _ = queue.send((Instant::now(), frame.map_err(|_| Cut)));
            }
        });
        Self { pieces, resource, watch_cuts, shared }
    }

    /// What of it may go, when it may.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Frame<Bytes>, Cut>> + Send {
        futures::stream::unfold(self, async |mut watch| watch.next().await.map(|piece| (piece, watch)))
    }

    async fn next(&mut self) -> Option<Result<Frame<Bytes>, Cut>> {
        let switches = &self.shared.switches;
        let piece = tokio::select! {
            piece = self.pieces.recv() => piece,
            () = switches.watches_cut(self.watch_cuts) => return Some(Err(Cut)),
        };
        let (came, frame) = piece?;
        let delay = switches.get(|state| state.delay);
        if !delay.is_zero() {
            tokio::time::sleep_until(came + delay).await;
        }
        match switches.let_event_go(&self.resource, self.watch_cuts).await {
            Ok(()) => Some(frame),
            Err(cut) => Some(Err(cut)),
        }
    }
}
