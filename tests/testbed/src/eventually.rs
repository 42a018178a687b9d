//! Bounded polling.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// The pause between two polls.
const PAUSE: Duration = Duration::from_millis(50);

/// Polls `ask` until it returns `Ok`, for `timeout` at most. `Err` says what was seen instead; the error of a timeout has the
/// last of these, and `what` was waited for. A poll that takes longer than the time that is left is cancelled.
pub async fn eventually<T>(
    what: &str,
    timeout: Duration,
    mut ask: impl AsyncFnMut() -> Result<T, String>,
) -> Result<T> {
    let deadline = Instant::now() + timeout;
    let mut last_seen = "nothing".to_owned();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, ask()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(seen)) => last_seen = seen,
            Err(_) => bail!("{what}: not within {timeout:?}; last seen: {last_seen}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
