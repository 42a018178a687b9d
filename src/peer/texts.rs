//! What people read of a peer Deployment: the notes of Events and the line on it.

use k8s_openapi::jiff::{Timestamp, tz::TimeZone};

use super::{Hold, Step};
use crate::module::UnmanagedReason;
use crate::peer::{Pod, Snapshot, Source};
use crate::vocabulary as keys;

/// More names than this are only counted.
const NAMED: usize = 5;
/// The bytes that a note may have (`NoteLengthLimit` in Kubernetes' `pkg/apis/core/validation/events.go`).
const NOTE_LIMIT: usize = 1024;
/// The end of a text that was cut.
const CUT: &str = "…";

/// The line to write on the Deployment; none while it says the same already, or where nothing may be written there.
///
/// Only what lasts is written: a number that is right, or one whose hold people have been `told` of.
pub(super) fn status_line(seen: &Snapshot, step: &Step, told: bool) -> Option<String> {
    let says = match (seen.unmanaged, step) {
        (Some(UnmanagedReason::NotInjected), _) => return None,
        (Some(UnmanagedReason::Paused), _) => format!("left to the user: {}", keys::PEER_PAUSED),
        (Some(UnmanagedReason::ReplicasControl), _) => format!("left to the user: {}", keys::REPLICAS_CONTROL.current),
        (Some(UnmanagedReason::NoModule), _) => "left to the user: its template is no module".to_owned(),
        (None, Step::Keep) => numbers(seen),
        (None, Step::Hold { reason, .. }) if told => held_line(seen, reason),
        (None, Step::Hold { .. } | Step::Scale { .. }) => return None,
    };
    let said = seen.status_line.as_deref().unwrap_or_default();
    let said = said.rsplit_once(", ").map_or(said, |(text, _time)| text);
    // Whole seconds, in UTC: the form that Kubernetes gives times.
    let now = Timestamp::now().to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ");
    (said != says).then(|| format!("{says}, {now}"))
}

/// A number that the line begins with is one that warden settled on, to the next warden: bases that are missing from it are
/// lost. One that somebody else has written is held, and nobody's loss.
fn held_line(seen: &Snapshot, reason: &Hold) -> String {
    let said = seen.status_line.as_deref().unwrap_or_default();
    let is_settled = said.starts_with(&format!("{}/", seen.replicas));
    let is_loss = matches!(reason, Hold::MassLoss(_));
    let follows = matches!(seen.source, Source::Followed { .. });
    let numbers = numbers(seen);
    if is_settled || is_loss || follows {
        format!("{numbers}, held: {reason}")
    } else {
        format!("held: {reason}, {numbers}")
    }
}

/// Why something is held, for an Event.
pub(super) fn held(seen: &Snapshot, reason: &Hold) -> String {
    format!("replicas stay {} for now: {reason}", seen.replicas)
}

/// That nothing is held any more, for an Event.
pub(super) fn resumed(seen: &Snapshot) -> String {
    format!("no longer held, with replicas {}", seen.replicas)
}

/// What the replicas were written to, for an Event.
pub(super) fn synced(seen: &Snapshot, to: u32) -> String {
    format!("replicas {} -> {to}: {}", seen.replicas, wanted(seen))
}

/// Which Pods of departed bases were deleted, for an Event.
pub(super) fn deleted(pods: &[&Pod]) -> String {
    let (named, others) = pods.split_at(pods.len().min(NAMED));
    let named: Vec<&str> = named.iter().filter_map(|pod| pod.departed_from()).collect();
    let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    format!("deleted Pods of departed bases: {}{more}", named.join(", "))
}

/// Why Pods of departed bases could not be deleted, for an Event.
pub(super) fn not_deleted(why: &str) -> String {
    format!("deletion of Pods of departed bases refused: {why}")
}

/// Why they could not be written, for an Event.
pub(super) fn refused(seen: &Snapshot, to: u32, why: &str) -> String {
    format!("replicas {} -> {to} refused: {why}", seen.replicas)
}

/// Which bases share a host name, for an Event.
pub(super) fn shared(hosts: &[String]) -> String {
    let (named, others) = hosts.split_at(hosts.len().min(NAMED));
    let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    format!(
        "several bases have the host name {}{more}, and anti-affinity by host name lets only one of them carry the module",
        named.join(", ")
    )
}

/// A note as long as the API server takes it.
pub(super) fn cut(note: String) -> String {
    if note.len() <= NOTE_LIMIT {
        return note;
    }
    let end = note.floor_char_boundary(NOTE_LIMIT - CUT.len());
    format!("{}{CUT}", &note[..end])
}

fn numbers(seen: &Snapshot) -> String {
    let count = seen.source.wanted().map_or("?".to_owned(), |count| count.to_string());
    match &seen.source {
        Source::Bases { .. } => format!("{}/{count} bases", seen.replicas),
        Source::Followed { workload, .. } => format!("{}/{count} ready of {workload}", seen.replicas),
    }
}

fn wanted(seen: &Snapshot) -> String {
    match &seen.source {
        Source::Bases { count, .. } => format!("{count} bases fit"),
        Source::Followed { workload, .. } => {
            format!("{} replicas of {workload} are ready", seen.source.wanted().unwrap_or(0))
        }
    }
}

#[cfg(test)]
mod tests;
