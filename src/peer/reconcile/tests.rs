//! Reconciles beside an API server that never answers.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use axum::http::{Request, Response};
use kube::Client;
use kube::client::Body;
use prometheus_client::registry::Registry;
use rstest::rstest;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::k8s::{LeaseSettings, WriteMetrics, elect};
use crate::module::UnmanagedReason;
use crate::peer::PeerStore;
use crate::peer::testing::{Cluster, LEADING, SETTINGS, at, followed};
use crate::policy::Policy;

/// A context whose writes are never sent, since the lease is not held.
fn context() -> Context {
    let silent = tower::service_fn(|_: Request<Body>| pending::<Result<Response<Body>, Infallible>>());
    let client = Client::new(silent, "default");
    let lease = LeaseSettings::new("default", "warden", "me");
    let (leadership, _) = elect(client.clone(), lease, CancellationToken::new());
    Context {
        writer: Writer::new(client.clone(), PeerStore::new(Policy::default()), leadership),
        events: EventRecorder::new(client, "warden", "me"),
        metrics: Metrics::register(&mut Registry::default(), &WriteMetrics::default()),
        settings: watch::Sender::new(SETTINGS).subscribe(),
        log: LogLimiter::default(),
    }
}

fn key() -> ObjectKey {
    ObjectKey { namespace: "default".to_owned(), name: "orders".to_owned() }
}

/// Three of ten bases are gone, with Pods that a quota keeps from being created.
fn short_of_pods() -> Snapshot {
    Snapshot { replicas: 10, ..Cluster::of(7).snapshot() }
}

/// The workload that this Deployment follows does not exist.
fn nothing_to_follow() -> Snapshot {
    Snapshot { source: followed(2, None), ..Cluster::of(2).snapshot() }
}

fn held(context: &Context, reason: &'static str) -> i64 {
    context.metrics.held.get_or_create(&HoldLabels { reason }).get()
}

#[rstest]
#[tokio::test]
async fn a_hold_that_lasts_is_reconciled_in_time_and_reported() {
    let (context, seen) = (context(), short_of_pods());
    let mut state = ReconcileState::new(context.metrics.clone());
    // Given a departure that is debounced, and then a hold without a known end
    let requeue = context.reconcile(&key(), &seen, &mut state, LEADING, at(100)).await;
    assert_eq!(requeue, Requeue::After(SETTINGS.window));
    // When the debounce is over, then the next reconcile is when the hold is to be reported, whatever else happens
    let requeue = context.reconcile(&key(), &seen, &mut state, LEADING, at(102)).await;
    assert_eq!(requeue, Requeue::After(Duration::from_secs(28)));
    assert_eq!((context.events.take_pending(), held(&context, "pods_unseen")), (vec![], 0));
    // When it comes
    context.reconcile(&key(), &seen, &mut state, LEADING, at(130)).await;
    // Then the hold is reported
    let note = "replicas stay 10 for now: not all Pods have been created and seen yet".to_owned();
    assert_eq!(context.events.take_pending(), [("SyncHeld", note)]);
    assert_eq!(held(&context, "pods_unseen"), 1);
    // When its state is dropped, then the gauge is as before
    drop(state);
    assert_eq!(held(&context, "pods_unseen"), 0);
}

#[rstest]
#[case::is_resumed(None, vec![("SyncResumed", "no longer held, with replicas 2".to_owned())])]
#[case::is_paused(Some(UnmanagedReason::Paused), vec![])]
#[case::is_the_users(Some(UnmanagedReason::ReplicasControl), vec![])]
#[tokio::test]
async fn the_end_of_a_hold_is_reported_unless_a_user_takes_the_number(
    #[case] unmanaged: Option<UnmanagedReason>,
    #[case] reported: Vec<(&'static str, String)>,
) {
    let context = context();
    let mut state = ReconcileState::new(context.metrics.clone());
    // Given a hold that was reported
    context.reconcile(&key(), &nothing_to_follow(), &mut state, LEADING, at(0)).await;
    assert_eq!(context.events.take_pending().len(), 1);
    assert_eq!(held(&context, "nothing_to_follow"), 1);
    // When it ends
    let seen = Snapshot { unmanaged, source: followed(2, Some(2)), ..nothing_to_follow() };
    context.reconcile(&key(), &seen, &mut state, LEADING, at(1)).await;
    // Then it is over, and its end is reported if warden still keeps the number
    assert_eq!(held(&context, "nothing_to_follow"), 0);
    assert_eq!(context.events.take_pending(), reported);
}

#[rstest]
#[tokio::test]
async fn a_deployment_that_follows_a_workload_has_no_shared_host_names() {
    let context = context();
    let mut state = ReconcileState::new(context.metrics.clone());
    // Given two bases with one host name
    let source = Source::Bases { count: 2, shared_hosts: vec!["local".to_owned()] };
    let sharing = Snapshot { source, ..Cluster::of(2).snapshot() };
    context.reconcile(&key(), &sharing, &mut state, LEADING, at(0)).await;
    assert_eq!(context.metrics.shared_hosts.get(), 1);
    // When the Deployment follows a workload instead
    let seen = Snapshot { source: followed(2, Some(2)), ..sharing };
    context.reconcile(&key(), &seen, &mut state, LEADING, at(1)).await;
    // Then the gauge does not count it
    assert_eq!(context.metrics.shared_hosts.get(), 0);
}

#[rstest]
#[tokio::test]
async fn nothing_is_reported_by_a_process_that_does_not_lead() {
    let context = context();
    let mut state = ReconcileState::new(context.metrics.clone());
    let preconditions = WritePreconditions { leader: false, ..LEADING };

    for second in [0, 30, 300] {
        let requeue = context.reconcile(&key(), &nothing_to_follow(), &mut state, preconditions, at(second)).await;

        assert_eq!((requeue, context.events.take_pending()), (Requeue::OnChange, vec![]));
    }
}

#[rstest]
#[tokio::test]
async fn failed_writes_are_tried_again_after_longer_and_longer_delays_and_are_counted() {
    // Given a state to be written, by a process that cannot
    let registry = &mut Registry::default();
    let writes = WriteMetrics::register(registry);
    let metrics = Metrics::register(registry, &writes);
    let context = Context { metrics: metrics.clone(), ..context() };
    let mut state = ReconcileState::new(metrics);
    let seen = Cluster::of(2).snapshot();
    // When it is reconciled again and again
    let mut delays = Vec::new();
    for second in 0..3 {
        delays.push(context.reconcile(&key(), &seen, &mut state, LEADING, at(second)).await);
    }
    // Then each delay is longer
    let millis = delays.iter().map(|requeue| match requeue {
        Requeue::After(delay) => delay.as_millis(),
        Requeue::OnChange => 0,
    });
    assert_eq!(millis.collect::<Vec<_>>(), [200, 400, 800]);
    // And each failure counted
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
    for (what, outcome, count) in [("state", "failed", 3), ("state", "written", 0), ("scale", "failed", 0)] {
        let line = format!(r#"warden_writes_total{{controller="peer",what="{what}",outcome="{outcome}"}} {count}"#);
        assert!(text.contains(&line), "no {line} in\n{text}");
    }
}
