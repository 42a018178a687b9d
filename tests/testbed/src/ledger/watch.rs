//! Keeps the books up to date from two watches.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use futures::StreamExt;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::ListParams;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Config, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::{Event, Ledger, Mark, Module, observe};
use crate::background::Background;

/// ModuleController's own selectors.
const MODULE_PODS: &str = "virtual-kubelet.koupleless.io/component=module";
const BASE_NODES: &str = "virtual-kubelet.koupleless.io/component=vnode";

/// The books, which both watches write.
struct Books {
    ledger: watch::Sender<Ledger>,
    since: Instant,
}

/// The ledger of a running control plane.
pub struct LiveLedger {
    ledger: watch::Receiver<Ledger>,
    config: Config,
    /// Keeps the books for as long as this is here.
    _keeper: Background,
}

impl LiveLedger {
    /// Begins to keep it, in the background.
    pub(crate) async fn watch(config: Config) -> Result<Self> {
        let background = Background::start()?;
        let (books, ledger) = watch::channel(Ledger::default());
        let books = Arc::new(Books { ledger: books, since: Instant::now() });
        let for_client = config.clone();
        // A client belongs to the runtime it was made on.
        let client = background.run(async { Client::try_from(for_client) }).await??;
        background.spawn(keep(
            Api::all(client.clone()),
            BASE_NODES,
            Arc::clone(&books),
            |node: &Node| Event::NodeApplied(observe::node(node)),
            |node: &Node| Event::NodeGone(observe::node(node)),
            Event::OnlyNodes,
        ));
        background.spawn(keep(
            Api::all(client),
            MODULE_PODS,
            books,
            |pod: &Pod| Event::PodApplied(observe::pod(pod)),
            |pod: &Pod| Event::PodGone {
                uid: pod.uid().unwrap_or_default(),
                resource_version: observe::resource_version(pod),
            },
            Event::OnlyPods,
        ));
        Ok(Self { ledger, config, _keeper: background })
    }

    /// The books as they are.
    pub fn now(&self) -> Ledger {
        self.ledger.borrow().clone()
    }

    /// What a base runs now.
    pub fn runs(&self, base: &str) -> BTreeSet<Module> {
        self.ledger.borrow().runs(base)
    }

    /// Now, to ask later what happened since.
    pub fn mark(&self) -> Mark {
        self.ledger.borrow().mark()
    }

    /// See [`Ledger::was_ever_without`]. Call [`Self::catch_up`] first where "never" is to mean "until now".
    pub fn was_ever_without(&self, base: &str, module_name: &str, since: Mark) -> Option<String> {
        self.ledger.borrow().was_ever_without(base, module_name, since)
    }

    /// See [`Ledger::two_at_once`].
    pub fn two_at_once(&self, since: Mark) -> Option<String> {
        self.ledger.borrow().two_at_once(since)
    }

    /// Waits until the books are as wanted; asked again at every change. `Err` tells what is there instead.
    pub async fn wait_until<T>(
        &self,
        what: &str,
        timeout: Duration,
        mut ask: impl FnMut(&Ledger) -> Result<T, String>,
    ) -> Result<T> {
        let mut ledger = self.ledger.clone();
        let mut last_seen = "nothing".to_owned();
        let waiting = async {
            loop {
                match ask(&ledger.borrow_and_update()) {
                    Ok(answer) => return Ok(answer),
                    Err(seen) => last_seen = seen,
                }
                if ledger.changed().await.is_err() {
                    bail!("the watches of the ledger have ended");
                }
            }
        };
        match tokio::time::timeout(timeout, waiting).await {
            Ok(result) => result,
            Err(_) => bail!("{what}: not within {timeout:?}; last seen: {last_seen}\n{}", self.now()),
        }
    }

    /// Waits until a base runs exactly these modules, given as name and version.
    pub async fn wait_until_runs(&self, base: &str, modules: &[(&str, &str)], timeout: Duration) -> Result<()> {
        let wanted: BTreeSet<Module> = modules.iter().map(|&(name, version)| Module::new(name, version)).collect();
        self.wait_until(&format!("{base} runs {modules:?}"), timeout, |ledger| {
            let runs = ledger.runs(base);
            if runs == wanted { Ok(()) } else { Err(format!("it runs {runs:?}")) }
        })
        .await
    }

    /// Waits until all that the API server knows at this moment is in the books.
    pub async fn catch_up(&self, timeout: Duration) -> Result<()> {
        let client = Client::try_from(self.config.clone())?;
        let pods = Api::<Pod>::all(client.clone()).list(&ListParams::default().labels(MODULE_PODS)).await?;
        let nodes = Api::<Node>::all(client).list(&ListParams::default().labels(BASE_NODES)).await?;
        let pods_at = observe::parse_version(pods.metadata.resource_version.as_deref());
        let nodes_at = observe::parse_version(nodes.metadata.resource_version.as_deref());
        let (pods, nodes) = (versions(&pods.items), versions(&nodes.items));
        self.wait_until("the ledger has caught up", timeout, |ledger| ledger.includes(&pods, pods_at, &nodes, nodes_at))
            .await
    }
}

fn versions<K: Resource>(objects: &[K]) -> BTreeMap<String, u64> {
    objects.iter().map(|object| (object.uid().unwrap_or_default(), observe::resource_version(object))).collect()
}

/// Folds one watch into the books until its runtime ends. A watch that fails begins again after a pause.
async fn keep<K>(
    api: Api<K>,
    selector: &'static str,
    books: Arc<Books>,
    applied: impl Fn(&K) -> Event,
    gone: impl Fn(&K) -> Event,
    only: impl Fn(BTreeSet<String>) -> Event,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut events = watcher(api, watcher::Config::default().labels(selector)).default_backoff().boxed();
    let mut listed = BTreeSet::new();
    let note = |event: Event| books.ledger.send_modify(|ledger| ledger.apply_at(books.since.elapsed(), event));
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Apply(object)) => note(applied(&object)),
            Ok(watcher::Event::Delete(object)) => note(gone(&object)),
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(object)) => {
                listed.insert(object.uid().unwrap_or_default());
                note(applied(&object));
            }
            Ok(watcher::Event::InitDone) => note(only(std::mem::take(&mut listed))),
            // The watch begins again. A test that waits for a lost event gets a timeout.
            Err(_) => {}
        }
    }
}
