//! What stands in a Lease, and what a candidate writes there.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::ObjectMeta;

use super::LeaseSettings;
use super::settings::whole_seconds;

/// How long a lease lasts that nobody holds; the API server wants at least a second (so does client-go).
const RELEASED_SECONDS: i32 = 1;

/// Who holds it; none where it was released.
pub(super) fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// How long its holder asks the others to wait; none where it does not say.
pub(super) fn duration(lease: &Lease) -> Option<Duration> {
    let seconds = lease.spec.as_ref()?.lease_duration_seconds?;
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

/// Changes with every write: the only sign of life that needs nobody's clock. With the uid, as one made again is another.
pub(super) fn version(lease: &Lease) -> (Option<&str>, Option<&str>) {
    (lease.metadata.uid.as_deref(), lease.metadata.resource_version.as_deref())
}

/// A new one, held.
pub(super) fn created(settings: &LeaseSettings, wall: Timestamp) -> Lease {
    let metadata = ObjectMeta { name: Some(settings.name.clone()), ..Default::default() };
    let spec = LeaseSpec { lease_transitions: Some(0), ..held(LeaseSpec::default(), settings, wall) };
    Lease { metadata, spec: Some(spec) }
}

/// `lease`, which was somebody else's or nobody's, held.
pub(super) fn taken(lease: &Lease, settings: &LeaseSettings, wall: Timestamp) -> Lease {
    let mut lease = lease.clone();
    let before = lease.spec.take().unwrap_or_default();
    let transitions = before.lease_transitions.unwrap_or_default().saturating_add(1);
    lease.spec = Some(LeaseSpec { lease_transitions: Some(transitions), ..held(before, settings, wall) });
    lease
}

/// `lease`, which is ours, with a sign of life.
pub(super) fn renewed(lease: &Lease, settings: &LeaseSettings, wall: Timestamp) -> Lease {
    let mut lease = lease.clone();
    let before = lease.spec.take().unwrap_or_default();
    let acquired = before.acquire_time.clone();
    let spec = held(before, settings, wall);
    lease.spec = Some(LeaseSpec { acquire_time: acquired.or(spec.acquire_time), ..spec });
    lease
}

/// `lease`, which is ours, for whoever comes first.
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
