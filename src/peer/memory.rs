//! What is remembered of one peer Deployment from one look to the next.

use std::collections::VecDeque;

use super::{Loss, Moment, Settings};
use crate::cluster::{Place, Snapshot, Source};

/// What a controller that leads remembers of one peer Deployment. All of it may be lost at any time: the next one looks
/// anew, and waits anew where waiting is safe.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    /// The uid of the Deployment that all this is about.
    uid: String,
    /// The resourceVersion of the last write.
    wrote: Option<String>,
    scaled_at: Option<Moment>,
    /// Since when there are fewer bases than replicas, or Pods on departed ones.
    departing_since: Option<Moment>,
    /// The largest numbers of bases seen within the window of losses, each later one smaller.
    peaks: VecDeque<(Moment, u32)>,
    loss: Option<(Loss, Moment)>,
}

impl Memory {
    /// Takes note of what is seen now. Before every decision.
    pub fn observe(&mut self, seen: &Snapshot, settings: &Settings, now: Moment) {
        if self.uid != seen.uid {
            *self = Self { uid: seen.uid.clone(), ..Self::default() };
        }
        let Some(wanted) = seen.source.wanted() else {
            return;
        };
        let has_strays = matches!(seen.source, Source::Bases { .. })
            && seen.pods.iter().any(|pod| matches!(pod.place, Place::Departed(_)));
        let departing = wanted < seen.replicas || has_strays;
        self.departing_since = departing.then(|| self.departing_since.unwrap_or(now));

        while self.peaks.front().is_some_and(|(at, _)| *at + settings.loss_window < now) {
            self.peaks.pop_front();
        }
        while self.peaks.back().is_some_and(|(_, count)| *count <= wanted) {
            self.peaks.pop_back();
        }
        let peak = self.peaks.front().map_or(wanted, |(_, count)| *count);
        self.peaks.push_back((now, wanted));

        let since = self.loss.map_or(now, |(_, since)| since);
        self.loss = Loss::of(seen, peak).map(|loss| (loss, since));
    }

    /// Takes note that the replicas have been written, which made this resourceVersion.
    pub fn wrote(&mut self, resource_version: impl Into<String>, now: Moment) {
        self.wrote = Some(resource_version.into());
        self.scaled_at = Some(now);
    }

    /// Whether `seen` is from after the last write.
    pub(super) fn has_seen_own_write(&self, seen: &Snapshot) -> bool {
        self.wrote.as_ref().is_none_or(|wrote| is_at_least(&seen.resource_version, wrote))
    }

    pub(super) fn may_scale_at(&self, settings: &Settings) -> Option<Moment> {
        self.scaled_at.map(|at| at + settings.window)
    }

    pub(super) fn settles_at(&self, settings: &Settings) -> Option<Moment> {
        self.departing_since.map(|since| since + settings.window)
    }

    /// The mass loss that is seen now, and until when it is not followed.
    pub(super) fn loss(&self, settings: &Settings) -> Option<(Loss, Moment)> {
        self.loss.map(|(loss, since)| (loss, since + settings.loss_hold))
    }
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
