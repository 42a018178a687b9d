//! The history that the controller keeps of one peer Deployment between reconciles.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::state::recorded_mass_loss;
use super::{Elapsed, MassLoss, Place, Pod, Settings, Snapshot};

/// If the watch has not shown a write after this time, the controller no longer waits for it: after etcd is restored from a backup,
/// resourceVersions begin anew. An old snapshot does no harm then: a scale names the resourceVersion of the snapshot, and before a
/// deletion the API server is asked for it.
const MAX_WATCH_LAG: Elapsed = Elapsed::from_secs(30);

/// How long a scale-up waits for the labels of Pods. They take less where every Pod can be labelled.
const LABELS_WAIT: Elapsed = Elapsed::from_secs(30);

/// What the leading controller has observed of one peer Deployment, and when. All of it may be lost at any time: the next process
/// observes anew, and waits anew where waiting is safe.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ObservedHistory {
    /// The uid of the Deployment that all this is about.
    uid: String,
    /// The resourceVersion that the last scale made.
    scaled_version: Option<String>,
    scaled_at: Option<Elapsed>,
    /// The number of bases in the last snapshot, and the uids of the Pods on departed ones.
    bases: u32,
    pods_on_departed_bases: BTreeSet<String>,
    /// When the last base departed, as long as there are fewer bases than replicas, or Pods on departed ones.
    departed_at: Option<Elapsed>,
    /// Since when marked Pods are on bases again, by their uids.
    returned_at: BTreeMap<String, Elapsed>,
    /// Since when some Pods of its modules are not kept apart.
    not_kept_apart_since: Option<Elapsed>,
    /// The largest numbers of bases observed within the window of losses, each later one smaller.
    peaks: VecDeque<(Elapsed, u32)>,
    mass_loss: Option<(MassLoss, Elapsed)>,
}

impl ObservedHistory {
    /// Adds what is observed now. Call it before every decision.
    pub fn observe(&mut self, snapshot: &Snapshot, settings: &Settings, now: Elapsed) {
        if self.uid != snapshot.uid {
            let mass_loss = recorded_mass_loss(snapshot).map(|loss| (loss, now));
            *self = Self { uid: snapshot.uid.clone(), mass_loss, ..Self::default() };
        }
        let returned = snapshot.pods.iter().filter(|pod| is_returned(pod)).map(|pod| &pod.uid);
        self.returned_at =
            returned.map(|uid| (uid.clone(), self.returned_at.get(uid).copied().unwrap_or(now))).collect();
        let is_kept_apart = snapshot.not_kept_apart == 0;
        self.not_kept_apart_since = (!is_kept_apart).then_some(self.not_kept_apart_since.unwrap_or(now));
        let Some(wanted) = snapshot.source.wanted() else {
            return;
        };
        let on_departed: BTreeSet<String> = snapshot.pods_on_departed_bases().map(|pod| pod.uid.clone()).collect();
        let is_departing = wanted < snapshot.replicas || !on_departed.is_empty();
        let another_departed = wanted < self.bases || !on_departed.is_subset(&self.pods_on_departed_bases);
        self.departed_at = is_departing.then_some(self.departed_at.filter(|_| !another_departed).unwrap_or(now));
        (self.bases, self.pods_on_departed_bases) = (wanted, on_departed);

        while self.peaks.front().is_some_and(|(at, _)| *at + settings.loss_window < now) {
            self.peaks.pop_front();
        }
        while self.peaks.back().is_some_and(|(_, count)| *count <= wanted) {
            self.peaks.pop_back();
        }
        let peak = self.peaks.front().map_or(wanted, |(_, count)| *count);
        self.peaks.push_back((now, wanted));

        self.mass_loss = match (MassLoss::of(snapshot, peak), self.mass_loss) {
            (Some(loss), known) => Some((loss, known.map_or(now, |(_, since)| since))),
            // Bases come back one by one: the few that are still away departed with the others.
            (None, Some((loss, since))) if is_departing && now < since + settings.loss_hold => Some((loss, since)),
            (None, _) => None,
        };
    }

    /// Records that the replicas were written, and the resourceVersion of the Deployment after that.
    pub fn record_scale(&mut self, resource_version: impl Into<String>, now: Elapsed) {
        self.scaled_version = Some(resource_version.into());
        self.scaled_at = Some(now);
    }

    /// Until when `snapshot` is taken for older than the last scale; none where it is from after it.
    pub(super) fn own_write_unseen_until(&self, snapshot: &Snapshot) -> Option<Elapsed> {
        let is_older =
            self.scaled_version.as_ref().is_some_and(|scaled| !is_at_least(&snapshot.resource_version, scaled));
        self.scaled_at.filter(|_| is_older).map(|at| at + MAX_WATCH_LAG)
    }

    /// When the replicas may be written again; none where they were not written yet.
    pub(super) fn coalesces_until(&self, settings: &Settings) -> Option<Elapsed> {
        self.scaled_at.map(|at| at + settings.window)
    }

    /// When the last departure is followed; none where no base departed.
    pub(super) fn departure_debounce_ends_at(&self, settings: &Settings) -> Option<Elapsed> {
        self.departed_at.map(|at| at + settings.departure)
    }

    /// When the Pods on departed bases are marked in a rollout; none where no base departed. A mark harms no base that is soon back, for
    /// it loses the mark again, and a rollout does not wait for the end of [`Self::departure_debounce_ends_at`].
    pub(super) fn mark_debounce_ends_at(&self, settings: &Settings) -> Option<Elapsed> {
        self.departed_at.map(|at| at + settings.window.min(settings.departure))
    }

    /// Until when a scale-up waits for the labels of Pods; none where all Pods are kept apart.
    pub(super) fn waits_for_labels_until(&self) -> Option<Elapsed> {
        self.not_kept_apart_since.map(|since| since + LABELS_WAIT)
    }

    /// When a marked Pod may lose its mark; none where its base is not back.
    pub(super) fn return_debounce_ends_at(&self, pod: &Pod, settings: &Settings) -> Option<Elapsed> {
        self.returned_at.get(&pod.uid).map(|since| *since + settings.window)
    }

    /// The mass loss that is observed now, and until when it is not followed.
    pub(super) fn mass_loss(&self, settings: &Settings) -> Option<(MassLoss, Elapsed)> {
        self.mass_loss.map(|(loss, since)| (loss, since + settings.loss_hold))
    }
}

/// Whether a Pod has a mark although its base is there.
fn is_returned(pod: &Pod) -> bool {
    pod.marked && matches!(pod.place, Place::Base(_))
}

/// Whether resourceVersion `seen` is `written` or later. They are decimal numbers of any length, comparable since Kubernetes
/// 1.35; where one is not a number, only the very same counts.
fn is_at_least(seen: &str, written: &str) -> bool {
    let is_number = |version: &str| !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(seen) || !is_number(written) {
        return seen == written;
    }
    let (seen, written) = (seen.trim_start_matches('0'), written.trim_start_matches('0'));
    (seen.len(), seen) >= (written.len(), written)
}

#[cfg(test)]
mod tests;
