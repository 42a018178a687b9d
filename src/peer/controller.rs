//! The controller around the plan: which Deployment to look at, and when.

use std::collections::{BTreeMap, HashSet};
use std::pin::{Pin, pin};
use std::time::Duration;

use futures::channel::mpsc;
use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt as _};
use kube::Client;
use kube::runtime::scheduler::{ScheduleRequest, Scheduler, scheduler};
use tokio::sync::watch;
use tokio::time::Instant;

use super::look::{Desk, Record};
use super::metrics::Metrics;
use super::news::News;
use super::writes::Writer;
use super::{Settings, Standing};
use crate::k8s::Leadership;
use crate::k8s::ObjectKey;
use crate::peer::PeerStore;

/// How many Deployments are looked at side by side: writes wait for the API server, decisions for nobody.
const LOOKS_AT_ONCE: usize = 16;

/// The controller of peer Deployments.
pub struct Controller {
    cache: PeerStore,
    leadership: Leadership,
    desk: Desk,
}

/// How a look ended.
struct Looked {
    key: ObjectKey,
    /// None where there is no such peer Deployment any more.
    record: Option<Record>,
    again: Option<Duration>,
}

impl Controller {
    /// A controller that looks at what `cache` shows and writes while `leadership` lasts, by the settings that are in force at
    /// each look. `instance` names this process in Events.
    pub fn new(
        client: Client,
        cache: PeerStore,
        leadership: Leadership,
        settings: watch::Receiver<Settings>,
        instance: String,
        metrics: Metrics,
    ) -> Self {
        let writer = Writer::new(client.clone(), cache.clone(), leadership.clone());
        let desk = Desk { writer, news: News::new(client, instance), metrics, settings };
        Self { cache, leadership, desk }
    }

    /// Runs until it is dropped: works while the lease is held, and waits for it otherwise. Events are published beside it.
    pub async fn run(self) {
        tokio::select! {
            () = self.work() => {}
            () = self.desk.news.publish() => {}
        }
    }

    async fn work(&self) {
        loop {
            self.cache.synced().await;
            self.leadership.acquired().await;
            tokio::select! {
                () = self.lead() => {}
                () = self.leadership.lost() => {}
            }
        }
    }

    /// Looks at every Deployment, and then at those that something changed for. What is remembered begins anew: another
    /// process may have written in the meantime.
    async fn lead(&self) {
        let began = Instant::now();
        let (requests, incoming) = mpsc::unbounded();
        let look_at = |key: ObjectKey, run_at: Instant| {
            // The receiving end lives as long as this function runs.
            let _ = requests.unbounded_send(ScheduleRequest { message: key, run_at });
        };
        let mut due = pin!(scheduler(incoming));
        let mut records: BTreeMap<ObjectKey, Record> = BTreeMap::new();
        let mut at_work = HashSet::new();
        let mut looks = FuturesUnordered::new();
        let mut settings = self.desk.settings.clone();
        settings.mark_unchanged();
        let mut changes = self.cache.subscribe();
        loop {
            tokio::select! {
                changed = changes.changed() => {
                    let now = Instant::now();
                    changed.into_iter().for_each(|key| look_at(key, now));
                }
                // What waits for the end of a window may have waited long enough.
                Ok(()) = settings.changed() => {
                    let now = Instant::now();
                    self.cache.keys().into_iter().for_each(|key| look_at(key, now));
                }
                // One Deployment is looked at by one look at a time; what comes meanwhile waits.
                Some(key) = next(due.as_mut(), &at_work), if looks.len() < LOOKS_AT_ONCE => {
                    let record = records.remove(&key).unwrap_or_else(|| Record::new(self.desk.metrics.clone()));
                    at_work.insert(key.clone());
                    looks.push(self.look(key, record, began));
                }
                Some(Looked { key, record, again }) = looks.next() => {
                    at_work.remove(&key);
                    if let Some(record) = record {
                        records.insert(key.clone(), record);
                    }
                    if let Some(again) = again {
                        look_at(key, Instant::now() + again);
                    }
                }
            }
        }
    }

    async fn look(&self, key: ObjectKey, mut record: Record, began: Instant) -> Looked {
        let Some(seen) = self.cache.snapshot(&key) else {
            return Looked { key, record: None, again: None };
        };
        let standing = Standing { synced: self.cache.is_synced(), leader: self.leadership.left().is_some() };
        let again = self.desk.look(&key, &seen, &mut record, standing, began.elapsed()).await;
        Looked { key, record: Some(record), again }
    }
}

/// The next Deployment that is due and not being looked at.
async fn next<R>(due: Pin<&mut Scheduler<ObjectKey, R>>, at_work: &HashSet<ObjectKey>) -> Option<ObjectKey>
where
    R: Stream<Item = ScheduleRequest<ObjectKey>>,
{
    due.hold_unless(|key| !at_work.contains(key)).next().await
}
