//! Reloads the settings when their file changes.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::metrics::{Metrics, ReloadOutcome};
use super::{Settings, SettingsError, Source};
use crate::peer;
use crate::policy::Policy;
use crate::runtime::{FileWatcher, Logging};

/// The active settings. Each part is published separately, to the rooms that use it.
#[derive(Debug, Clone)]
pub struct LiveSettings {
    /// How objects are filled in and judged.
    pub policy: watch::Receiver<Arc<Policy>>,
    /// The windows of the peer controller.
    pub peer: watch::Receiver<peer::Settings>,
}

/// Reads the settings from `source`, and returns them with the task that reloads them when the file changes. The task runs until
/// it is dropped. A change that cannot be used is logged once, and changes nothing.
///
/// # Errors
/// If the settings cannot be read now.
pub fn follow(
    source: Source,
    logging: Logging,
    metrics: Metrics,
) -> Result<(LiveSettings, impl Future<Output = ()> + Send), SettingsError> {
    let watcher = source.watcher();
    let settings = match &watcher {
        Some(watcher) => source.settings(watcher.contents())?,
        None => source.read()?,
    };
    logging.filter_by(settings.log.as_deref());
    if let (Some(file), Some(watcher)) = (source.file(), &watcher) {
        show_active(file, watcher, &metrics);
    }
    let publisher = Publisher {
        policy: watch::Sender::new(Arc::new(settings.policy)),
        peer: watch::Sender::new(settings.peer),
        logging,
    };
    let live = LiveSettings { policy: publisher.policy.subscribe(), peer: publisher.peer.subscribe() };
    Ok((live, reload(source, watcher, publisher, metrics)))
}

/// Publishes settings when they become active.
struct Publisher {
    policy: watch::Sender<Arc<Policy>>,
    peer: watch::Sender<peer::Settings>,
    logging: Logging,
}

impl Publisher {
    fn publish(&self, settings: Settings) {
        self.logging.filter_by(settings.log.as_deref());
        self.policy.send_if_modified(|policy| replace(policy, Arc::new(settings.policy)));
        self.peer.send_if_modified(|peer| replace(peer, settings.peer));
    }
}

/// Replaces `old` with `new`, and returns whether they differ.
fn replace<T: PartialEq>(old: &mut T, new: T) -> bool {
    let differs = *old != new;
    *old = new;
    differs
}

async fn reload(source: Source, watcher: Option<FileWatcher<1>>, publisher: Publisher, metrics: Metrics) {
    let (Some(file), Some(mut watcher)) = (source.file(), watcher) else {
        return std::future::pending().await;
    };
    loop {
        match source.settings(watcher.changed().await) {
            Ok(settings) => {
                publisher.publish(settings);
                metrics.count_reload(ReloadOutcome::Applied);
                show_active(file, &watcher, &metrics);
            }
            Err(error) => {
                metrics.count_reload(ReloadOutcome::Rejected);
                tracing::error!(%error, "the configuration cannot be used; the one before stays active");
            }
        }
    }
}

fn show_active(file: &Path, watcher: &FileWatcher<1>, metrics: &Metrics) {
    if let Ok([content]) = watcher.contents() {
        let hash = hash(content);
        metrics.set_active(&hash);
        tracing::info!(file = %file.display(), hash, "the configuration is active");
    }
}

/// The first 16 hexadecimal digits of the SHA-256 hash, as `sha256sum` prints it. Users compare the hashes of replicas by it.
fn hash(content: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, content);
    digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
