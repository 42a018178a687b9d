//! The state annotation of a peer Deployment, versioned JSON, by which the next leader knows what this one did.

use k8s_openapi::jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Hold, MassLoss, ScaleDecision, Snapshot, Source, messages};
use crate::module::UnmanagedReason;

/// The version of the format. A process ignores an annotation of another version. A field may be added without a new version, but
/// none may change its meaning.
const VERSION: u32 = 1;

/// The longest name of a followed workload that is written. A namespace, `StatefulSet` and a name, with slashes between, have at
/// most 329 bytes. A longer annotation cannot name a workload, and is cut.
const MAX_WORKLOAD_BYTES: usize = 330;

/// The state of a peer Deployment, as warden writes it on it ([`crate::vocabulary::PEER_STATE`]).
///
/// The next process needs two facts of it: the number of replicas that warden settled on, and a mass loss that is held. All other
/// fields are for people and their tools. A message stands beside them in the annotation: a sentence that is made of the fields,
/// and that warden never reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PeerState {
    /// Why the number of replicas is the user's; all other fields are missing then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unmanaged: Option<UnmanagedReason>,
    /// `spec.replicas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) replicas: Option<u32>,
    /// The number of bases that count. Missing where a workload is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bases: Option<u32>,
    /// The workload that is followed, as the annotation names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) follows: Option<String>,
    /// The number of its ready replicas. Missing where there is no such workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ready: Option<u32>,
    /// The number of replicas that warden settled on: it was right when it was written last, or bases have departed since.
    /// Missing where another writer has set the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) settled: Option<u32>,
    /// Why the replicas stay as they are although another number is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "known_hold")]
    pub(super) hold: Option<Hold>,
}

/// The annotation's value.
#[derive(Serialize)]
struct Annotation<'a> {
    v: u32,
    message: String,
    #[serde(flatten)]
    state: &'a PeerState,
    /// When this was written, in UTC and whole seconds.
    since: String,
}

/// The part of the annotation's value that is the same in all versions.
#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl PeerState {
    /// What to write on the Deployment; none where it is written already, or where nothing may be written.
    ///
    /// Only what lasts is written: a number that is right, or a hold that was `reported` to people.
    pub(super) fn to_write(snapshot: &Snapshot, decision: &ScaleDecision, reported: bool) -> Option<Self> {
        let state = match (snapshot.unmanaged, decision) {
            (Some(reason), _) => Self { unmanaged: Some(reason), ..Self::default() },
            (None, ScaleDecision::Keep) => Self { settled: Some(snapshot.replicas), ..Self::numbers(snapshot) },
            (None, ScaleDecision::Hold { reason, .. }) if reported => Self::held(snapshot, reason),
            (None, ScaleDecision::Hold { .. } | ScaleDecision::Scale { .. }) => return None,
        };
        (snapshot.state.as_ref() != Some(&state)).then_some(state)
    }

    fn numbers(snapshot: &Snapshot) -> Self {
        let replicas = Some(snapshot.replicas);
        match &snapshot.source {
            Source::Bases { count, .. } => Self { replicas, bases: Some(*count), ..Self::default() },
            Source::Followed { workload, .. } => {
                Self { replicas, follows: Some(cut(workload)), ready: snapshot.source.wanted(), ..Self::default() }
            }
        }
    }

    /// Bases that are missing from a number that warden settled on are lost. A number that another writer has set loses none.
    fn held(snapshot: &Snapshot, reason: &Hold) -> Self {
        let was_settled = settled_replicas(snapshot).is_some();
        let is_loss = matches!(reason, Hold::MassLoss(_));
        let follows = matches!(snapshot.source, Source::Followed { .. });
        let hold = match reason {
            Hold::NothingToFollow { workload } => Hold::NothingToFollow { workload: cut(workload) },
            other => other.clone(),
        };
        Self {
            settled: (was_settled || is_loss || follows).then_some(snapshot.replicas),
            hold: Some(hold),
            ..Self::numbers(snapshot)
        }
    }

    /// The annotation's value, written at `now`.
    ///
    /// # Errors
    /// Those of the serializer; at present every value of every field can be JSON.
    pub(super) fn to_annotation(&self, now: Timestamp) -> serde_json::Result<String> {
        let since = now.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        serde_json::to_string(&Annotation { v: VERSION, message: messages::state(self), state: self, since })
    }

    /// The state that an annotation's value holds; none where it is of another version, or not of warden's making.
    pub fn read(annotation: &str) -> Option<Self> {
        if !annotation.starts_with('{') {
            return Some(Self::read_sentence(annotation));
        }
        let Version { v } = serde_json::from_str(annotation).ok()?;
        if v != VERSION {
            return None;
        }
        serde_json::from_str(annotation).ok()
    }

    /// What the next process needs of the sentence that stood in [`crate::vocabulary::PEER_STATE_OLDER`], such as
    /// `10/4 bases, held: 6 of 10 bases went at once, 2026-11-01T00:00:00Z`. It goes with that key.
    fn read_sentence(sentence: &str) -> Self {
        let mass_loss = || {
            let (_, held) = sentence.split_once("held: ")?;
            let (lost, of) = held.split_once(" bases went at once")?.0.split_once(" of ")?;
            Some(MassLoss { lost: lost.parse().ok()?, of: of.parse().ok()? })
        };
        let settled = sentence.split(|c: char| !c.is_ascii_digit()).next().and_then(|number| number.parse().ok());
        Self { settled, hold: mass_loss().map(Hold::MassLoss), ..Self::default() }
    }
}

/// The replicas, where warden itself settled on them and no other writer has changed them since. So a loss that happens while no
/// process of warden runs is one for the next process.
pub(super) fn settled_replicas(snapshot: &Snapshot) -> Option<u32> {
    snapshot.state.as_ref()?.settled.filter(|settled| *settled == snapshot.replicas)
}

/// The mass loss that another process was holding.
pub(super) fn recorded_mass_loss(snapshot: &Snapshot) -> Option<MassLoss> {
    match snapshot.state.as_ref()?.hold {
        Some(Hold::MassLoss(loss)) => Some(loss),
        _ => None,
    }
}

fn cut(workload: &str) -> String {
    workload[..workload.floor_char_boundary(MAX_WORKLOAD_BYTES)].to_owned()
}

/// A process reads the other fields even if a newer version wrote a reason that this one does not know.
fn known_hold<'de, D: Deserializer<'de>>(hold: D) -> Result<Option<Hold>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(hold)?).ok())
}

#[cfg(test)]
mod tests;
