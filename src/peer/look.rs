//! One look at one peer Deployment: decide, write, tell.

use std::future::ready;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use tokio::sync::watch;

use super::metrics::{HoldLabels, Metrics, Outcome, What, WriteLabels};
use super::news::{News, Reason};
use super::patience::{Patience, Turn};
use super::writes::Writer;
use super::{Memory, Moment, Settings, Standing, Step, decide, texts};
use crate::k8s::ObjectKey;
use crate::k8s::WriteError;
use crate::k8s::brief;
use crate::peer::{Place, Pod, Snapshot, Source};

/// How many Pods of one Deployment are marked or deleted at a time.
const WRITES_AT_ONCE: usize = 8;
/// The wait after a first failed write; it doubles with each further one, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What looks are made with.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) writer: Writer,
    pub(super) news: News,
    pub(super) metrics: Metrics,
    pub(super) settings: watch::Receiver<Settings>,
}

/// What is kept of a Deployment from look to look. Dropped, it leaves the gauges as if it had never been.
pub(super) struct Record {
    memory: Memory,
    failures: u32,
    /// What people have been told of.
    refused: Option<String>,
    shared_hosts: Vec<String>,
    patience: Patience,
    metrics: Metrics,
}

impl Record {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self {
            memory: Memory::default(),
            failures: 0,
            refused: None,
            shared_hosts: Vec::new(),
            patience: Patience::default(),
            metrics,
        }
    }

    /// Takes note of what happens to the replicas, and gives what people are to be told of it.
    fn notice(&mut self, seen: &Snapshot, step: &Step, now: Moment) -> Option<Turn> {
        let before = self.patience.told();
        let turn = if seen.unmanaged.is_some() {
            self.patience.forget();
            None
        } else {
            self.patience.notice(step, now)
        };
        self.show_held(before, self.patience.told());
        turn
    }

    fn show_held(&self, before: Option<&'static str>, now: Option<&'static str>) {
        if before == now {
            return;
        }
        let gauge = |reason| self.metrics.held.get_or_create(&HoldLabels { reason });
        if let Some(before) = before {
            gauge(before).dec();
        }
        if let Some(now) = now {
            gauge(now).inc();
        }
    }

    fn share(&mut self, hosts: &[String]) {
        if !self.shared_hosts.is_empty() {
            self.metrics.shared_hosts.dec();
        }
        if !hosts.is_empty() {
            self.metrics.shared_hosts.inc();
        }
        hosts.clone_into(&mut self.shared_hosts);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.show_held(self.patience.told(), None);
        self.share(&[]);
    }
}

impl Desk {
    /// Looks at a Deployment and does what the plan says. Gives the time after which to look again, whatever happens.
    pub(super) async fn look(
        &self,
        key: &ObjectKey,
        seen: &Snapshot,
        record: &mut Record,
        standing: Standing,
        now: Moment,
    ) -> Option<Duration> {
        let settings = self.settings.borrow().clone();
        record.memory.observe(seen, &settings, now);
        let plan = decide(seen, &record.memory, standing, &settings, now);
        tracing::debug!(deployment = %key, ?plan, "decided");
        let told = self.tell(key, seen, &plan.step, record, now);
        let mut failed = self.annotate(key, &plan.unmark, &plan.mark).await;
        failed |= self.delete(key, seen, &plan.delete, record).await;
        if let Some(line) = texts::status_line(seen, &plan.step, told).filter(|_| standing.leader && standing.synced) {
            let written = self.writer.status_line(key, seen, &line).await;
            failed |= self.count(key, What::Status, &written);
        }
        let again = match plan.step {
            Step::Keep => None,
            Step::Hold { until, .. } => until.map(|until| until.saturating_sub(now)),
            Step::Scale { to } => {
                let written = self.writer.scale(key, seen, to).await;
                failed |= self.count(key, What::Scale, &written);
                self.scaled(key, seen, to, written, record, now);
                None
            }
        };
        let told_at = record.patience.runs_out_at().map(|at| at.saturating_sub(now));
        record.failures = if failed { record.failures.saturating_add(1) } else { 0 };
        let again = if failed { Some(wait_after(record.failures)) } else { again };
        again.into_iter().chain(told_at).min()
    }

    fn scaled(
        &self,
        key: &ObjectKey,
        seen: &Snapshot,
        to: u32,
        written: Result<String, WriteError>,
        record: &mut Record,
        now: Moment,
    ) {
        match written {
            Ok(resource_version) => {
                record.memory.wrote(resource_version, now);
                record.refused = None;
                self.news.tell(key, seen, Reason::ReplicasSynced, texts::synced(seen, to));
            }
            Err(error) if error.is_refused() => {
                self.refused(key, seen, record, Reason::ScaleRefused, texts::refused(seen, to, &error.to_string()));
            }
            // Somebody else wrote, or nobody knows: the next look is at what the watch shows then.
            Err(_) => {}
        }
    }

    /// Tells people once that something was refused.
    fn refused(&self, key: &ObjectKey, seen: &Snapshot, record: &mut Record, reason: Reason, note: String) {
        if record.refused.as_ref() != Some(&note) {
            self.news.tell(key, seen, reason, note.clone());
            record.refused = Some(note);
        }
    }

    /// Tells people what is new to them. Says whether they know of the hold that there is now.
    fn tell(&self, key: &ObjectKey, seen: &Snapshot, step: &Step, record: &mut Record, now: Moment) -> bool {
        let turn = record.notice(seen, step, now);
        let hold = match step {
            Step::Hold { reason, .. } => Some(reason),
            Step::Keep | Step::Scale { .. } => None,
        };
        match (turn, hold) {
            (Some(Turn::Held), Some(reason)) => {
                self.news.tell(key, seen, Reason::SyncHeld, texts::held(seen, reason));
            }
            (Some(Turn::Resumed), _) => self.news.tell(key, seen, Reason::SyncResumed, texts::resumed(seen)),
            (Some(Turn::Held) | None, _) => {}
        }
        if let Source::Bases { shared_hosts, .. } = &seen.source
            && *shared_hosts != record.shared_hosts
        {
            record.share(shared_hosts);
            if !shared_hosts.is_empty() {
                self.news.tell(key, seen, Reason::SharedHostname, texts::shared(shared_hosts));
            }
        }
        hold.is_some_and(|reason| record.patience.told() == Some(reason.name()))
    }

    /// Marks and unmarks Pods. Says whether anything is to be tried again.
    async fn annotate(&self, key: &ObjectKey, unmark: &[Pod], mark: &[Pod]) -> bool {
        let unmarks = unmark.iter().map(|pod| (pod, None));
        let marks = mark.iter().filter_map(|pod| match &pod.place {
            Place::Departed(node) => Some((pod, Some(node.as_str()))),
            Place::Nowhere | Place::Base(_) => None,
        });
        let writes: Vec<_> =
            unmarks.chain(marks).map(|(pod, departed)| self.annotate_one(key, pod, departed)).collect();
        stream::iter(writes).buffer_unordered(WRITES_AT_ONCE).fold(false, |failed, this| ready(failed | this)).await
    }

    async fn annotate_one(&self, key: &ObjectKey, pod: &Pod, departed: Option<&str>) -> bool {
        match departed {
            Some(node) => self.count(key, What::Mark, &self.writer.mark(&key.namespace, pod, node).await),
            None => self.count(key, What::Unmark, &self.writer.unmark(&key.namespace, pod).await),
        }
    }

    /// Deletes Pods of departed bases, and tells people. Says whether anything is to be tried again.
    async fn delete(&self, key: &ObjectKey, seen: &Snapshot, pods: &[Pod], record: &mut Record) -> bool {
        if pods.is_empty() {
            return false;
        }
        let departed = pods.iter().filter_map(|pod| Some((pod, pod.departed_from()?)));
        let deleted: Vec<_> = match self.writer.is_current(key, seen).await {
            Ok(()) => {
                let writes: Vec<_> = departed.map(|(pod, node)| self.writer.delete(key, pod, node)).collect();
                stream::iter(writes).buffered(WRITES_AT_ONCE).collect().await
            }
            Err(error) => vec![Err(error)],
        };
        let gone = pods.iter().zip(&deleted).filter(|(_, deleted)| matches!(deleted, Ok(true)));
        let gone: Vec<&Pod> = gone.map(|(pod, _)| pod).collect();
        if !gone.is_empty() {
            record.refused = None;
            self.news.tell(key, seen, Reason::PodsDeleted, texts::deleted(&gone));
        }
        if let Some(error) =
            deleted.iter().filter_map(|deleted| deleted.as_ref().err()).find(|error| error.is_refused())
        {
            self.refused(key, seen, record, Reason::DeletionRefused, texts::not_deleted(&error.to_string()));
        }
        deleted.iter().fold(false, |failed, deleted| failed | self.count(key, What::Delete, deleted))
    }

    /// Counts a write, and says whether it is to be tried again.
    fn count<T>(&self, key: &ObjectKey, what: What, written: &Result<T, WriteError>) -> bool {
        let outcome = match written {
            Ok(_) => Outcome::Written,
            Err(error) if error.is_conflict() => Outcome::Conflict,
            Err(error) if error.is_refused() => Outcome::Refused,
            Err(_) => Outcome::Failed,
        };
        self.metrics.writes.get_or_create(&WriteLabels { what, outcome }).inc();
        if let Err(error) = written {
            tracing::warn!(deployment = %key, ?what, error = brief(error), "not written");
        }
        written.is_err()
    }
}

fn wait_after(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests;
