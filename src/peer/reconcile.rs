//! The reconcile of one peer Deployment: decide, write, record Events.

use std::future::ready;

use futures::{StreamExt as _, stream};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::jiff::Timestamp;
use tokio::sync::watch;

use super::hold_reporter::{HoldReporter, Transition};
use super::messages::{self, PeerEvent};
use super::metrics::{HoldLabels, Metrics, what};
use super::writes::Writer;
use super::{
    Elapsed, ObservedHistory, PeerState, Place, Pod, ScaleDecision, Settings, Snapshot, Source, WritePreconditions,
    decide,
};
use crate::k8s::{
    Backoff, EventRecorder, LogLimiter, ObjectKey, Requeue, WriteError, WriteOutcome, brief, object_reference,
};
use crate::module::UnmanagedReason;

/// How many Pods of one Deployment are marked or deleted at a time.
const WRITES_AT_ONCE: usize = 8;

/// What all reconciles share.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) writer: Writer,
    pub(super) events: EventRecorder,
    pub(super) metrics: Metrics,
    pub(super) settings: watch::Receiver<Settings>,
    pub(super) log: LogLimiter,
}

/// What is kept of one Deployment from reconcile to reconcile. Dropped, it takes the Deployment out of the gauges.
pub(super) struct ReconcileState {
    history: ObservedHistory,
    backoff: Backoff,
    holds: HoldReporter,
    /// The note of the refusal that was reported last.
    reported_refusal: Option<String>,
    shared_hosts: Vec<String>,
    metrics: Metrics,
}

impl ReconcileState {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self {
            history: ObservedHistory::default(),
            backoff: Backoff::default(),
            holds: HoldReporter::default(),
            reported_refusal: None,
            shared_hosts: Vec::new(),
            metrics,
        }
    }

    /// Takes in what happens to the replicas, and gives what to report of it.
    fn observe_hold(&mut self, snapshot: &Snapshot, decision: &ScaleDecision, now: Elapsed) -> Option<Transition> {
        let before = self.holds.reported();
        let transition = if snapshot.unmanaged.is_some() {
            self.holds.reset();
            None
        } else {
            self.holds.observe(decision, now)
        };
        self.show_held(before, self.holds.reported());
        transition
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

    fn show_shared_hosts(&mut self, hosts: &[String]) {
        if !self.shared_hosts.is_empty() {
            self.metrics.shared_hosts.dec();
        }
        if !hosts.is_empty() {
            self.metrics.shared_hosts.inc();
        }
        hosts.clone_into(&mut self.shared_hosts);
    }
}

impl Drop for ReconcileState {
    fn drop(&mut self) {
        self.show_held(self.holds.reported(), None);
        self.show_shared_hosts(&[]);
    }
}

impl Context {
    /// Does what the plan for a Deployment says. Gives when to reconcile it again, if nothing happens before.
    pub(super) async fn reconcile(
        &self,
        key: &ObjectKey,
        snapshot: &Snapshot,
        state: &mut ReconcileState,
        preconditions: WritePreconditions,
        now: Elapsed,
    ) -> Requeue {
        let settings = self.settings.borrow().clone();
        state.history.observe(snapshot, &settings, now);
        let plan = decide(snapshot, &state.history, preconditions, &settings, now);
        tracing::debug!(deployment = %key, ?plan, "decided");
        let is_reported = self.report(key, snapshot, &plan.scale, state, now);
        let mut failed = self.annotate_pods(key, &plan.unmark, &plan.mark).await;
        failed |= self.delete_pods(key, snapshot, &plan.delete, state).await;
        if preconditions.leader
            && preconditions.synced
            && let Some(to_write) = PeerState::to_write(snapshot, &plan.scale, is_reported)
        {
            let written = self.writer.state(key, snapshot, &to_write, Timestamp::now()).await;
            failed |= self.count(key, what::STATE, &written);
        }
        let decide_again = match plan.scale {
            ScaleDecision::Keep => None,
            ScaleDecision::Hold { until, .. } => until.map(|until| until.saturating_sub(now)),
            ScaleDecision::Scale { to } => {
                let written = self.writer.scale(key, snapshot, to).await;
                failed |= self.count(key, what::SCALE, &written);
                self.scaled(key, snapshot, to, written, state, now);
                None
            }
        };
        let retry = if failed {
            Some(state.backoff.after_failure())
        } else {
            state.backoff.reset();
            decide_again
        };
        let report = state.holds.due_at().map(|at| at.saturating_sub(now));
        retry.into_iter().chain(report).min().map_or(Requeue::OnChange, Requeue::After)
    }

    fn scaled(
        &self,
        key: &ObjectKey,
        snapshot: &Snapshot,
        to: u32,
        written: Result<String, WriteError>,
        state: &mut ReconcileState,
        now: Elapsed,
    ) {
        match written {
            Ok(resource_version) => {
                state.history.record_scale(resource_version, now);
                state.reported_refusal = None;
                self.record(key, snapshot, PeerEvent::ReplicasSynced, messages::synced(snapshot, to));
            }
            Err(error) if error.is_refused() => {
                let note = messages::scale_refused(snapshot, to, &error.to_string());
                self.record_refusal(key, snapshot, state, PeerEvent::ScaleRefused, note);
            }
            // Another client wrote first, or the outcome is not known: the next reconcile reads what the watch shows then.
            Err(_) => {}
        }
    }

    fn record(&self, key: &ObjectKey, snapshot: &Snapshot, reason: PeerEvent, note: String) {
        self.events.record(&object_reference::<Deployment>(key, &snapshot.uid), &reason, note);
    }

    /// Records the Event of something that is refused, once for each note.
    fn record_refusal(
        &self,
        key: &ObjectKey,
        snapshot: &Snapshot,
        state: &mut ReconcileState,
        reason: PeerEvent,
        note: String,
    ) {
        if state.reported_refusal.as_ref() != Some(&note) {
            self.record(key, snapshot, reason, note.clone());
            state.reported_refusal = Some(note);
        }
    }

    /// Records the Events of what has changed for people. Gives whether the present hold was reported, now or before.
    fn report(
        &self,
        key: &ObjectKey,
        snapshot: &Snapshot,
        decision: &ScaleDecision,
        state: &mut ReconcileState,
        now: Elapsed,
    ) -> bool {
        let transition = state.observe_hold(snapshot, decision, now);
        let hold = match decision {
            ScaleDecision::Hold { reason, .. } => Some(reason),
            ScaleDecision::Keep | ScaleDecision::Scale { .. } => None,
        };
        match (transition, hold) {
            (Some(Transition::Held), Some(reason)) => {
                self.record(key, snapshot, PeerEvent::SyncHeld, messages::held(snapshot, reason));
            }
            (Some(Transition::Resumed), _) => {
                self.record(key, snapshot, PeerEvent::SyncResumed, messages::resumed(snapshot));
            }
            (Some(Transition::Held) | None, _) => {}
        }
        let shared_hosts = match &snapshot.source {
            Source::Bases { shared_hosts, .. } => shared_hosts.as_slice(),
            Source::Followed { .. } => &[],
        };
        if *shared_hosts != state.shared_hosts {
            state.show_shared_hosts(shared_hosts);
            if !shared_hosts.is_empty() {
                self.record(key, snapshot, PeerEvent::SharedHostname, messages::shared_hostname(shared_hosts));
            }
        }
        if snapshot.unmanaged == Some(UnmanagedReason::TooLarge) {
            self.record_refusal(key, snapshot, state, PeerEvent::TooLarge, messages::too_large());
        }
        hold.is_some_and(|reason| state.holds.reported() == Some(reason.name()))
    }

    /// Marks and unmarks Pods. Gives whether a write failed.
    async fn annotate_pods(&self, key: &ObjectKey, unmark: &[Pod], mark: &[Pod]) -> bool {
        let unmarks = unmark.iter().map(|pod| (pod, None));
        let marks = mark.iter().filter_map(|pod| match &pod.place {
            Place::Departed(node) => Some((pod, Some(node.as_str()))),
            Place::Nowhere | Place::Base(_) => None,
        });
        let writes: Vec<_> =
            unmarks.chain(marks).map(|(pod, departed)| self.annotate_pod(key, pod, departed)).collect();
        stream::iter(writes).buffer_unordered(WRITES_AT_ONCE).fold(false, |failed, this| ready(failed | this)).await
    }

    async fn annotate_pod(&self, key: &ObjectKey, pod: &Pod, departed: Option<&str>) -> bool {
        match departed {
            Some(node) => self.count(key, what::MARK, &self.writer.mark(&key.namespace, pod, node).await),
            None => self.count(key, what::UNMARK, &self.writer.unmark(&key.namespace, pod).await),
        }
    }

    /// Deletes Pods of departed bases, and records the Event. Gives whether a write failed.
    async fn delete_pods(
        &self,
        key: &ObjectKey,
        snapshot: &Snapshot,
        pods: &[Pod],
        state: &mut ReconcileState,
    ) -> bool {
        if pods.is_empty() {
            return false;
        }
        let on_departed = pods.iter().filter_map(|pod| Some((pod, pod.departed_from()?)));
        let deleted: Vec<_> = match self.writer.is_current(key, snapshot).await {
            Ok(()) => {
                let writes: Vec<_> = on_departed.map(|(pod, node)| self.writer.delete(key, pod, node)).collect();
                stream::iter(writes).buffered(WRITES_AT_ONCE).collect().await
            }
            Err(error) => vec![Err(error)],
        };
        let gone = pods.iter().zip(&deleted).filter(|(_, deleted)| matches!(deleted, Ok(true)));
        let gone: Vec<&Pod> = gone.map(|(pod, _)| pod).collect();
        if !gone.is_empty() {
            state.reported_refusal = None;
            self.record(key, snapshot, PeerEvent::PodsDeleted, messages::pods_deleted(&gone));
        }
        let mut errors = deleted.iter().filter_map(|deleted| deleted.as_ref().err());
        if let Some(error) = errors.find(|error| error.is_refused()) {
            let note = messages::deletion_refused(&error.to_string());
            self.record_refusal(key, snapshot, state, PeerEvent::DeletionRefused, note);
        }
        deleted.iter().fold(false, |failed, deleted| failed | self.count(key, what::DELETE, deleted))
    }

    /// Counts a write, and logs its failure. Gives whether it failed.
    fn count<T>(&self, key: &ObjectKey, what: &'static str, written: &Result<T, WriteError>) -> bool {
        self.metrics.writes.count(what, WriteOutcome::of(written));
        if let Err(error) = written
            && let Some(suppressed) = self.log.admit(&key.namespace)
        {
            tracing::warn!(deployment = %key, what, error = brief(error), suppressed, "a write failed");
        }
        written.is_err()
    }
}

#[cfg(test)]
mod tests;
