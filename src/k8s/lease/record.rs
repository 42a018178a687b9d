//! The fields of a Lease, and what a candidate writes there.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::ObjectMeta;

use super::LeaseSettings;
use super::settings::whole_seconds;

/// The duration of a released Lease, in seconds. The API server requires at least one; client-go writes the same.
const RELEASED_SECONDS: i32 = 1;

/// The holder; none if the Lease was released.
pub(super) fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// How long the holder asks the others to wait; none if it does not say.
pub(super) fn duration(lease: &Lease) -> Option<Duration> {
    let seconds = lease.spec.as_ref()?.lease_duration_seconds?;
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

/// Changes with every write: the only sign of a renewal that depends on no clock. The uid is part of it, since a Lease that was
/// deleted and created again is another one.
pub(super) fn version(lease: &Lease) -> (Option<&str>, Option<&str>) {
    (lease.metadata.uid.as_deref(), lease.metadata.resource_version.as_deref())
}

/// A new Lease, held by this candidate.
pub(super) fn created(settings: &LeaseSettings, wall: Timestamp) -> Lease {
    let metadata = ObjectMeta { name: Some(settings.name.clone()), ..Default::default() };
    let spec = LeaseSpec { lease_transitions: Some(0), ..held(LeaseSpec::default(), settings, wall) };
    Lease { metadata, spec: Some(spec) }
}

/// `lease`, which another candidate held or none, taken over.
pub(super) fn taken(lease: &Lease, settings: &LeaseSettings, wall: Timestamp) -> Lease {
    let mut lease = lease.clone();
    let before = lease.spec.take().unwrap_or_default();
    let transitions = before.lease_transitions.unwrap_or_default().saturating_add(1);
    lease.spec = Some(LeaseSpec { lease_transitions: Some(transitions), ..held(before, settings, wall) });
    lease
}

/// `lease`, which this candidate holds, renewed.
pub(super) fn renewed(lease: &Lease, settings: &LeaseSettings, wall: Timestamp) -> Lease {
    let mut lease = lease.clone();
    let before = lease.spec.take().unwrap_or_default();
    let acquired = before.acquire_time.clone();
    let spec = held(before, settings, wall);
    lease.spec = Some(LeaseSpec { acquire_time: acquired.or(spec.acquire_time), ..spec });
    lease
}

/// `lease`, which this candidate holds, released for the next one.
pub(super) fn released(lease: &Lease, wall: Timestamp) -> Lease {
    let mut lease = lease.clone();
    lease.spec = Some(LeaseSpec {
        holder_identity: Some(String::new()),
        lease_duration_seconds: Some(RELEASED_SECONDS),
        acquire_time: Some(MicroTime(wall)),
        renew_time: Some(MicroTime(wall)),
        ..lease.spec.take().unwrap_or_default()
    });
    lease
}

fn held(before: LeaseSpec, settings: &LeaseSettings, wall: Timestamp) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(settings.identity.clone()),
        lease_duration_seconds: whole_seconds(settings.lease_duration),
        acquire_time: Some(MicroTime(wall)),
        renew_time: Some(MicroTime(wall)),
        ..before
    }
}
