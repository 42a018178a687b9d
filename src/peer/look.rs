//! One look at one peer Deployment: decide, write, tell.

use std::future::ready;
use std::time::Duration;

use futures::{StreamExt as _, stream};

use super::metrics::{HoldLabels, Metrics, Outcome, What, WriteLabels};
use super::news::{self, News, Reason};
use super::writes::{WriteError, Writer};
use super::{Memory, Moment, Settings, Standing, Step, decide};
use crate::cluster::{ObjectKey, Place, Pod, Snapshot, Source};

/// How many Pods of one Deployment are marked at a time.
const MARKS_AT_ONCE: usize = 8;
/// The wait after a first failed write; it doubles with each further one, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What looks are made with.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) writer: Writer,
    pub(super) news: News,
    pub(super) metrics: Metrics,
    pub(super) settings: Settings,
}

/// What is kept of a Deployment from look to look. Dropped, it leaves the gauges as if it had never been.
pub(super) struct Record {
    memory: Memory,
    failures: u32,
    /// What people have been told of.
    refused: Option<String>,
    shared_hosts: Vec<String>,
    held: Option<&'static str>,
    metrics: Metrics,
}

impl Record {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self { memory: Memory::default(), failures: 0, refused: None, shared_hosts: Vec::new(), held: None, metrics }
    }

    /// Notes a wait that people should know of, or its end. Gives what was noted before.
    fn hold(&mut self, reason: Option<&'static str>) -> Option<&'static str> {
        let gauge = |reason| self.metrics.held.get_or_create(&HoldLabels { reason });
        if let Some(before) = self.held {
            gauge(before).dec();
        }
        if let Some(now) = reason {
            gauge(now).inc();
        }
        std::mem::replace(&mut self.held, reason)
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
        self.hold(None);
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
        record.memory.observe(seen, &self.settings, now);
        let plan = decide(seen, &record.memory, standing, &self.settings, now);
        tracing::debug!(deployment = %key, ?plan, "decided");
        self.tell(key, seen, &plan.step, record).await;
        let mut failed = self.annotate(key, &plan.unmark, &plan.mark).await;
        if let Some(line) = news::status_line(seen, &plan.step).filter(|_| standing.leader && standing.synced) {
            let written = self.writer.status_line(key, seen, &line).await;
            failed |= self.count(key, What::Status, &written);
        }
        let again = match plan.step {
            Step::Keep => None,
            Step::Hold { until, .. } => until.map(|until| until.saturating_sub(now)),
            // A mark that is not written might leave a healthy base's Pod as the first to go.
            Step::Scale { .. } if failed => None,
            Step::Scale { to } => {
                let written = self.writer.scale(key, seen, to).await;
                failed |= self.count(key, What::Scale, &written);
                self.scaled(key, seen, to, written, record, now).await;
                None
            }
        };
        if failed {
            record.failures = record.failures.saturating_add(1);
            return Some(wait_after(record.failures));
        }
        record.failures = 0;
        again
    }

    async fn scaled(
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
                self.news.tell(key, seen, Reason::ReplicasSynced, news::synced(seen, to)).await;
            }
            Err(error) if error.is_refused() => {
                let why = error.to_string();
                if record.refused.as_ref() != Some(&why) {
                    let note = format!("replicas {} -> {to} refused: {why}", seen.replicas);
                    self.news.tell(key, seen, Reason::ScaleRefused, note).await;
                    record.refused = Some(why);
                }
            }
            // Somebody else wrote, or nobody knows: the next look is at what the watch shows then.
            Err(_) => {}
        }
    }

    /// Tells people what is new to them.
    async fn tell(&self, key: &ObjectKey, seen: &Snapshot, step: &Step, record: &mut Record) {
        match step {
            Step::Hold { reason, .. } if reason.is_news() => {
                if record.hold(Some(reason.name())) != Some(reason.name()) {
                    self.news.tell(key, seen, Reason::SyncHeld, news::held(seen, reason)).await;
                }
            }
            // A wait for a moment neither begins nor ends anything.
            Step::Hold { .. } => {}
            Step::Keep | Step::Scale { .. } => {
                if record.hold(None).is_some() {
                    let note = format!("no longer held, with replicas {}", seen.replicas);
                    self.news.tell(key, seen, Reason::SyncResumed, note).await;
                }
            }
        }
        if let Source::Bases { shared_hosts, .. } = &seen.source
            && *shared_hosts != record.shared_hosts
        {
            record.share(shared_hosts);
            if !shared_hosts.is_empty() {
                self.news.tell(key, seen, Reason::SharedHostname, news::shared(shared_hosts)).await;
            }
        }
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
        stream::iter(writes).buffer_unordered(MARKS_AT_ONCE).fold(false, |failed, this| ready(failed | this)).await
    }

    async fn annotate_one(&self, key: &ObjectKey, pod: &Pod, departed: Option<&str>) -> bool {
        match departed {
            Some(node) => self.count(key, What::Mark, &self.writer.mark(&key.namespace, pod, node).await),
            None => self.count(key, What::Unmark, &self.writer.unmark(&key.namespace, pod).await),
        }
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
            tracing::warn!(deployment = %key, ?what, %error, "not written");
        }
        written.is_err()
    }
}

fn wait_after(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_after_failures_doubles_up_to_a_limit() {
        assert_eq!([1, 2, 3].map(wait_after), [200, 400, 800].map(Duration::from_millis));
        assert_eq!(wait_after(u32::MAX), LONGEST_WAIT);
    }
}
