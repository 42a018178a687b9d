//! Looks beside an API server that never answers.

use std::convert::Infallible;
use std::future::pending;

use axum::http::{Request, Response};
use kube::Client;
use kube::client::Body;
use rstest::rstest;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::k8s::{LeaseSettings, elect};
use crate::module::UnmanagedReason;
use crate::peer::PeerCache;
use crate::peer::testing::{Cluster, LEADING, SETTINGS, at, followed};
use crate::policy::Policy;

/// Writes of this desk are never made, as nobody leads.
fn desk() -> Desk {
    let silent = tower::service_fn(|_: Request<Body>| pending::<Result<Response<Body>, Infallible>>());
    let client = Client::new(silent, "default");
    let lease = LeaseSettings {
        namespace: "default".to_owned(),
        name: "warden".to_owned(),
        identity: "me".to_owned(),
        lease_duration: Duration::from_secs(15),
        renew_deadline: Duration::from_secs(10),
        retry_period: Duration::from_secs(2),
    };
    let (leadership, _) = elect(client.clone(), lease, CancellationToken::new());
    Desk {
        writer: Writer::new(client.clone(), PeerCache::new(Policy::default()), leadership),
        news: News::new(client, "me".to_owned()),
        metrics: Metrics::default(),
        settings: watch::Sender::new(SETTINGS).subscribe(),
    }
}

fn key() -> ObjectKey {
    ObjectKey { namespace: "default".to_owned(), name: "orders".to_owned() }
}

/// Three of ten bases are gone, with Pods that a quota keeps from being made.
fn short_of_pods() -> Snapshot {
    Snapshot { replicas: 10, ..Cluster::of(7).snapshot() }
}

/// What this Deployment follows is not there.
fn nothing_to_follow() -> Snapshot {
    Snapshot { source: followed(2, None), ..Cluster::of(2).snapshot() }
}

fn held(desk: &Desk, reason: &'static str) -> i64 {
    desk.metrics.held.get_or_create(&HoldLabels { reason }).get()
}

#[rstest]
#[tokio::test]
async fn a_hold_that_lasts_is_looked_at_in_time_and_told() {
    let (desk, seen) = (desk(), short_of_pods());
    let mut record = Record::new(desk.metrics.clone());
    // Given a departure that settles, and a hold that no time is known of
    let again = desk.look(&key(), &seen, &mut record, LEADING, at(100)).await;
    assert_eq!(again, Some(SETTINGS.window));
    // When that is over, then the next look is when people are to be told, whatever else happens
    let again = desk.look(&key(), &seen, &mut record, LEADING, at(102)).await;
    assert_eq!(again, Some(Duration::from_secs(28)));
    assert_eq!((desk.news.told(), held(&desk, "pods_unseen")), (vec![], 0));
    // When it comes
    desk.look(&key(), &seen, &mut record, LEADING, at(130)).await;
    // Then they are
    let note = "replicas stay 10 for now: not all Pods have been made and seen yet".to_owned();
    assert_eq!(desk.news.told(), [(Reason::SyncHeld, note)]);
    assert_eq!(held(&desk, "pods_unseen"), 1);
    // When it is dropped, then the gauge is as before
    drop(record);
    assert_eq!(held(&desk, "pods_unseen"), 0);
}

#[rstest]
#[case::is_resumed(None, vec![(Reason::SyncResumed, "no longer held, with replicas 2".to_owned())])]
#[case::is_paused(Some(UnmanagedReason::Paused), vec![])]
#[case::is_anothers(Some(UnmanagedReason::ReplicasControl), vec![])]
#[tokio::test]
async fn the_end_of_a_hold_is_told_unless_a_user_takes_the_number(
    #[case] unmanaged: Option<UnmanagedReason>,
    #[case] told: Vec<(Reason, String)>,
) {
    let desk = desk();
    let mut record = Record::new(desk.metrics.clone());
    // Given a hold that people were told of
    desk.look(&key(), &nothing_to_follow(), &mut record, LEADING, at(0)).await;
    assert_eq!(desk.news.told().len(), 1);
    assert_eq!(held(&desk, "nothing_to_follow"), 1);
    // When it ends
    let seen = Snapshot { unmanaged, source: followed(2, Some(2)), ..nothing_to_follow() };
    desk.look(&key(), &seen, &mut record, LEADING, at(1)).await;
    // Then it is over, and people hear of it if it was warden who put it right
    assert_eq!(held(&desk, "nothing_to_follow"), 0);
    assert_eq!(desk.news.told(), told);
}

#[rstest]
#[tokio::test]
async fn nothing_is_told_of_what_another_process_leads() {
    let desk = desk();
    let mut record = Record::new(desk.metrics.clone());
    let standing = Standing { leader: false, ..LEADING };

    for second in [0, 30, 300] {
        let again = desk.look(&key(), &nothing_to_follow(), &mut record, standing, at(second)).await;

        assert_eq!((again, desk.news.told()), (None, vec![]));
    }
}

#[rstest]
fn the_wait_after_failures_doubles_up_to_a_limit() {
    assert_eq!([1, 2, 3].map(wait_after), [200, 400, 800].map(Duration::from_millis));
    assert_eq!(wait_after(u32::MAX), LONGEST_WAIT);
}
