//! Waiting for what takes an unknown time.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long to wait before asking again.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks until the answer is `Ok`, at most for `timeout`. `Err` tells what was seen instead, and the last of it is in the
/// error. A question that itself takes longer than what is left of the time is given up.
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
