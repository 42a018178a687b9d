//! Settings that change while warden runs.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::metrics::{Metrics, Outcome};
use super::{Settings, SettingsError, Source};
use crate::peer;
use crate::policy::Policy;
use crate::runtime::Logging;

/// How often the file is read. By its content, for a kubelet changes a mounted ConfigMap by turning a symlink on the way to it,
/// which a watch of the file misses.
const PERIOD: Duration = Duration::from_millis(500);

/// What is in force, for the rooms that go by it: they see each change.
#[derive(Debug, Clone)]
pub struct InForce {
    /// How objects are filled in and judged.
    pub policy: watch::Receiver<Arc<Policy>>,
    /// How patient the controller of peer Deployments is.
    pub peer: watch::Receiver<peer::Settings>,
}

/// Puts in force what `source` says, and gives the task that follows its changes, which runs until it is dropped. What cannot
/// be used is told once, and changes nothing.
///
/// # Errors
/// When it cannot be used now.
pub fn follow(
    source: Source,
    logging: Logging,
    metrics: Metrics,
) -> Result<(InForce, impl Future<Output = ()> + Send), SettingsError> {
    let read = Read::of(&source);
    let settings = match (source.file(), &read) {
        (Some(file), Some(read)) => source.settings(file, &read.0)?,
        _ => source.read()?,
    };
    logging.filter_by(settings.log.as_deref());
    if let (Some(file), Some(read)) = (source.file(), &read) {
        put_in_force(file, read, &metrics);
    }
    let publisher = Publisher {
        policy: watch::Sender::new(Arc::new(settings.policy)),
        peer: watch::Sender::new(settings.peer),
        logging,
    };
    let in_force = InForce { policy: publisher.policy.subscribe(), peer: publisher.peer.subscribe() };
    Ok((in_force, keep_reading(source, read, publisher, metrics)))
}

/// Where settings go when they come into force.
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

/// Puts `new` in the place of `old`, and says whether that is something else.
fn replace<T: PartialEq>(old: &mut T, new: T) -> bool {
    let differs = *old != new;
    *old = new;
    differs
}

async fn keep_reading(source: Source, first: Option<Read>, publisher: Publisher, metrics: Metrics) {
    let (Some(file), Some(first)) = (source.file(), first) else {
        return std::future::pending().await;
    };
    let mut reads = Reads::beginning_with(first);
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let reading = source.clone();
        // A file on a slow disk holds up nobody else.
        let Ok(Some(read)) = tokio::task::spawn_blocking(move || Read::of(&reading)).await else { continue };
        let Some(read) = reads.next(read) else { continue };
        match source.settings(file, &read.0) {
            Ok(settings) => {
                publisher.publish(settings);
                metrics.reloaded(Outcome::Applied);
                put_in_force(file, read, &metrics);
            }
            Err(error) => {
                metrics.reloaded(Outcome::Rejected);
                tracing::error!(%error, "the configuration cannot be used: the one before stays in force");
            }
        }
    }
}

fn put_in_force(file: &Path, read: &Read, metrics: &Metrics) {
    let hash = read.hash();
    metrics.in_force(&hash);
    tracing::info!(file = %file.display(), hash, "the configuration is in force");
}

/// What reading a file gave.
#[derive(Debug)]
struct Read(io::Result<String>);

impl Read {
    /// What reading the file of `source` gives now, if it has one.
    fn of(source: &Source) -> Option<Self> {
        source.file().map(|file| Self(std::fs::read_to_string(file)))
    }

    /// A short hash of the content (FNV-1a), by which people tell whether two replicas go by the same.
    fn hash(&self) -> String {
        let bytes = self.0.as_ref().map_or(&[][..], |content| content.as_bytes());
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        format!("{:016x}", bytes.iter().fold(0xcbf2_9ce4_8422_2325, step))
    }
}

impl PartialEq for Read {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Ok(one), Ok(other)) => one == other,
            (Err(one), Err(other)) => one.kind() == other.kind(),
            _ => false,
        }
    }
}

/// Successive reads of one file.
#[derive(Debug)]
struct Reads {
    /// What was judged last.
    judged: Read,
    /// What was read last, if that was something else.
    unsettled: Option<Read>,
}

impl Reads {
    fn beginning_with(judged: Read) -> Self {
        Self { judged, unsettled: None }
    }

    /// Takes in a read, and gives it back where it is to be judged: it is not what was judged last, and was read twice in a
    /// row, for the first half of a file that is being written may make sense, too.
    fn next(&mut self, read: Read) -> Option<&Read> {
        if read == self.judged {
            self.unsettled = None;
            return None;
        }
        if self.unsettled.as_ref() == Some(&read) {
            self.unsettled = None;
            self.judged = read;
            return Some(&self.judged);
        }
        self.unsettled = Some(read);
        None
    }
}

#[cfg(test)]
mod tests;
