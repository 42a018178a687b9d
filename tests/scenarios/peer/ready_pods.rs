//! Whether each base has a Ready Pod, at every moment of a test.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, ResourceExt as _};
use tokio::task::JoinHandle;
use warden_testbed::eventually;

use crate::scene::{LONG, Scene};

/// Follows the Pods of one Deployment from when it is made until it is dropped.
pub(crate) struct ReadyPods {
    books: Arc<Mutex<Books>>,
    pods: Api<Pod>,
    selector: String,
    keeper: JoinHandle<()>,
}

#[derive(Default)]
struct Books {
    bases: Vec<String>,
    /// By uid.
    pods: BTreeMap<String, Seen>,
    listing: BTreeMap<String, Seen>,
    is_listed: bool,
    /// The bases that had no Ready Pod at some moment, and the Pod that changed then.
    gaps: BTreeMap<String, String>,
}

/// What counts of a Pod.
struct Seen {
    resource_version: String,
    /// The base that it serves on, Ready and not being deleted.
    serves_on: Option<String>,
}

impl Seen {
    fn of(pod: &Pod) -> Self {
        let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let is_ready = conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
        let serves = is_ready && pod.metadata.deletion_timestamp.is_none();
        Self { resource_version: pod.resource_version().unwrap_or_default(), serves_on: node.filter(|_| serves) }
    }
}

impl Books {
    fn take_in(&mut self, event: watcher::Event<Pod>) {
        let uid = |pod: &Pod| pod.uid().unwrap_or_default();
        let cause = match event {
            watcher::Event::Init => return self.listing.clear(),
            watcher::Event::InitApply(pod) => {
                self.listing.insert(uid(&pod), Seen::of(&pod));
                return;
            }
            watcher::Event::InitDone => {
                self.pods = std::mem::take(&mut self.listing);
                self.is_listed = true;
                "a list".to_owned()
            }
            watcher::Event::Apply(pod) => {
                self.pods.insert(uid(&pod), Seen::of(&pod));
                format!("{} changed", pod.name_any())
            }
            watcher::Event::Delete(pod) => {
                self.pods.remove(&uid(&pod));
                format!("{} is gone", pod.name_any())
            }
        };
        for base in &self.bases {
            if !self.pods.values().any(|pod| pod.serves_on.as_ref() == Some(base)) {
                self.gaps.entry(base.clone()).or_insert_with(|| cause.clone());
            }
        }
    }
}

impl ReadyPods {
    /// Begins to follow the Pods of `app` on all bases that the scene has now.
    pub(crate) async fn follow(scene: &Scene<'_>, app: &str) -> Result<Self> {
        let pods: Api<Pod> = Api::namespaced(scene.stage.plane.client()?, &scene.namespace);
        let selector = format!("app={app}");
        let books = Arc::new(Mutex::new(Books { bases: scene.nodes.clone(), ..Books::default() }));
        let events = watcher(pods.clone(), watcher::Config::default().labels(&selector)).default_backoff();
        let written = Arc::clone(&books);
        let keeper = tokio::spawn(events.for_each(move |event| {
            // A watch that fails begins anew by itself, with a list.
            if let Ok(event) = event {
                written.lock().unwrap_or_else(PoisonError::into_inner).take_in(event);
            }
            std::future::ready(())
        }));
        let this = Self { books, pods, selector, keeper };
        this.catch_up().await?;
        Ok(this)
    }

    /// Each of these bases, which were there all the time, always had a Ready Pod.
    pub(crate) async fn were_always_on(&self, bases: &[String]) -> Result<()> {
        self.catch_up().await?;
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(
            !bases.is_empty() && bases.iter().all(|base| books.bases.contains(base)),
            "{bases:?} were not followed"
        );
        let gap = bases.iter().find_map(|base| books.gaps.get_key_value(base));
        ensure!(gap.is_none(), "without a Ready Pod: {gap:?}");
        Ok(())
    }

    /// Waits until all is known that the API server knows now.
    async fn catch_up(&self) -> Result<()> {
        eventually("all Pods are in the books", LONG, async || {
            let list = self.pods.list(&ListParams::default().labels(&self.selector)).await;
            let there: BTreeMap<String, String> = list
                .map_err(|error| error.to_string())?
                .iter()
                .map(|pod| (pod.uid().unwrap_or_default(), pod.resource_version().unwrap_or_default()))
                .collect();
            let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
            let known: BTreeMap<String, String> =
                books.pods.iter().map(|(uid, pod)| (uid.clone(), pod.resource_version.clone())).collect();
            if books.is_listed && known == there { Ok(()) } else { Err(format!("{known:?} of {there:?}")) }
        })
        .await
    }
}

impl Drop for ReadyPods {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}
