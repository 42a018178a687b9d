//! What is remembered of one peer Deployment from one look to the next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Loss, Moment, Settings};
use crate::peer::{Place, Pod, Snapshot};

/// A watch that has not shown a write by then never will: versions begin anew where etcd is restored from a backup. What was
/// seen is good enough then, for a scale names the version that it is about, and a deletion asks for it first.
const LONGEST_LAG: Moment = Moment::from_secs(30);

/// What a controller that leads remembers of one peer Deployment. All of it may be lost at any time: the next one looks
/// anew, and waits anew where waiting is safe.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    /// The uid of the Deployment that all this is about.
    uid: String,
    /// The resourceVersion of the last write.
    wrote: Option<String>,
    scaled_at: Option<Moment>,
    /// How many bases there were at the last look, and the uids of Pods on departed ones.
    bases: u32,
    away: BTreeSet<String>,
    /// When the last base departed, as long as there are fewer than replicas, or Pods on departed ones.
    departed_at: Option<Moment>,
    /// Since when marked Pods are on bases again, by their uids.
    back: BTreeMap<String, Moment>,
    /// The largest numbers of bases seen within the window of losses, each later one smaller.
    peaks: VecDeque<(Moment, u32)>,
    loss: Option<(Loss, Moment)>,
}

impl Memory {
    /// Takes note of what is seen now. Before every decision.
    pub fn observe(&mut self, seen: &Snapshot, settings: &Settings, now: Moment) {
        if self.uid != seen.uid {
            let loss = Loss::noted(seen).map(|loss| (loss, now));
            *self = Self { uid: seen.uid.clone(), loss, ..Self::default() };
        }
        let back = seen.pods.iter().filter(|pod| is_back(pod)).map(|pod| &pod.uid);
        self.back = back.map(|uid| (uid.clone(), self.back.get(uid).copied().unwrap_or(now))).collect();
        let Some(wanted) = seen.source.wanted() else {
            return;
        };
        let away: BTreeSet<String> = seen.strays().map(|pod| pod.uid.clone()).collect();
        let departing = wanted < seen.replicas || !away.is_empty();
        let another = wanted < self.bases || !away.is_subset(&self.away);
        self.departed_at = departing.then_some(self.departed_at.filter(|_| !another).unwrap_or(now));
        (self.bases, self.away) = (wanted, away);

        while self.peaks.front().is_some_and(|(at, _)| *at + settings.loss_window < now) {
            self.peaks.pop_front();
        }
        while self.peaks.back().is_some_and(|(_, count)| *count <= wanted) {
            self.peaks.pop_back();
        }
        let peak = self.peaks.front().map_or(wanted, |(_, count)| *count);
        self.peaks.push_back((now, wanted));

        self.loss = match (Loss::of(seen, peak), self.loss) {
            (Some(loss), known) => Some((loss, known.map_or(now, |(_, since)| since))),
            // Bases come back one by one: the few that are still away by now went with the others.
            (None, Some((loss, since))) if departing && now < since + settings.loss_hold => Some((loss, since)),
            (None, _) => None,
        };
    }

    /// Takes note that the replicas have been written, which made this resourceVersion.
    pub fn wrote(&mut self, resource_version: impl Into<String>, now: Moment) {
        self.wrote = Some(resource_version.into());
        self.scaled_at = Some(now);
    }

    /// Until when `seen` is to be taken for older than the last write; none where it is from after it.
    pub(super) fn own_write_unseen_until(&self, seen: &Snapshot) -> Option<Moment> {
        let is_older = self.wrote.as_ref().is_some_and(|wrote| !is_at_least(&seen.resource_version, wrote));
        self.scaled_at.filter(|_| is_older).map(|at| at + LONGEST_LAG)
    }

    pub(super) fn may_scale_at(&self, settings: &Settings) -> Option<Moment> {
        self.scaled_at.map(|at| at + settings.window)
    }

    pub(super) fn settles_at(&self, settings: &Settings) -> Option<Moment> {
        self.departed_at.map(|at| at + settings.window)
    }

    /// When a marked Pod may lose its mark; none where its base is not back.
    pub(super) fn unmarks_at(&self, pod: &Pod, settings: &Settings) -> Option<Moment> {
        self.back.get(&pod.uid).map(|since| *since + settings.window)
    }

    /// The mass loss that is seen now, and until when it is not followed.
    pub(super) fn loss(&self, settings: &Settings) -> Option<(Loss, Moment)> {
        self.loss.map(|(loss, since)| (loss, since + settings.loss_hold))
    }
}

/// Whether a Pod carries a mark and its base is there.
fn is_back(pod: &Pod) -> bool {
    pod.marked && matches!(pod.place, Place::Base(_))
}

/// Whether resourceVersion `seen` is `wrote` or later. They are decimal numbers of any length, comparable since Kubernetes
/// 1.35; where one is not, only the very same counts.
fn is_at_least(seen: &str, wrote: &str) -> bool {
    let is_number = |version: &str| !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(seen) || !is_number(wrote) {
        return seen == wrote;
    }
    let (seen, wrote) = (seen.trim_start_matches('0'), wrote.trim_start_matches('0'));
    (seen.len(), seen) >= (wrote.len(), wrote)
}

#[cfg(test)]
mod tests;
