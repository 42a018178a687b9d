//! A whole controller on the ground floor, to see how much of one is left to write: it opens the scheduling gates of a
//! ReplicaSet's Pods one after the other, the next one when all Pods before it are Ready.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use koupleless_warden::k8s::{
    EventReason, EventRecorder, EventType, Index, LeaderMetrics, LeaderTask, Leadership, LeaseSettings, ObjectKey,
    Requeue, Store, Update, View, Watch, object_reference, process_identity, work_queue,
};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use warden_testbed::{ControlPlane, eventually};

const GATE: &str = "example.org/one-by-one";

/// A Pod, of which the gates and the readiness are read.
type PodView = View<Pod, PodSpec, PodStatus>;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    #[serde(default)]
    scheduling_gates: Vec<Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct PodStatus {
    #[serde(default)]
    conditions: Vec<Value>,
}

#[derive(Debug, PartialEq, Eq)]
struct PodFacts {
    replica_set: Option<(ObjectKey, String)>,
    gated: bool,
    ready: bool,
}

impl From<&PodView> for PodFacts {
    fn from(pod: &PodView) -> Self {
        let owner = pod.owner_references().iter().find(|owner| owner.kind == "ReplicaSet");
        let key = |name: &String| ObjectKey { name: name.clone(), ..pod.key() };
        let is_ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
        Self {
            replica_set: owner.map(|owner| (key(&owner.name), owner.uid.clone())),
            gated: pod.spec.scheduling_gates.iter().any(|gate| gate["name"] == GATE),
            ready: pod.status.conditions.iter().any(is_ready),
        }
    }
}

/// The Pods, asked by ReplicaSet.
#[derive(Debug, Default)]
struct GatedPods(BTreeMap<ObjectKey, PodFacts>);

impl GatedPods {
    /// The Pod whose gate to open next, and the uid of the ReplicaSet.
    fn next(&self, replica_set: &ObjectKey) -> Option<(ObjectKey, String)> {
        let owner =
            |pod: &PodFacts| pod.replica_set.as_ref().filter(|(key, _)| key == replica_set).map(|(_, uid)| uid.clone());
        let pods = || self.0.iter().filter_map(|(key, pod)| Some((key, pod, owner(pod)?)));
        if pods().any(|(_, pod, _)| !pod.gated && !pod.ready) {
            return None;
        }
        pods().find(|(_, pod, _)| pod.gated).map(|(key, _, uid)| (key.clone(), uid))
    }
}

impl Index for GatedPods {
    type Key = ObjectKey;
    type Change = Update<ObjectKey, PodFacts>;
    type List = ();

    fn lists() -> Vec<()> {
        vec![()]
    }

    fn list_of(change: &Self::Change) -> Option<()> {
        matches!(change, Update::Reset(_)).then_some(())
    }

    fn apply(&mut self, change: Self::Change) -> BTreeSet<ObjectKey> {
        let before = self.keys();
        match change {
            Update::Apply(key, pod) => drop(self.0.insert(key, pod)),
            Update::Delete(key) => drop(self.0.remove(&key)),
            Update::Reset(all) => self.0 = all.into_iter().collect(),
        }
        before.union(&self.keys()).cloned().collect()
    }

    fn keys(&self) -> BTreeSet<ObjectKey> {
        self.0.values().filter_map(|pod| Some(pod.replica_set.as_ref()?.0.clone())).collect()
    }

    fn contains(&self, replica_set: &ObjectKey) -> bool {
        self.keys().contains(replica_set)
    }
}

struct GateOpened;

impl EventReason for GateOpened {
    fn reason(&self) -> &'static str {
        "GateOpened"
    }

    fn event_type(&self) -> EventType {
        EventType::Normal
    }

    fn action(&self) -> &'static str {
        "Open"
    }
}

/// The controller: watch, subscribe, reconcile.
async fn one_by_one(client: Client, store: Store<GatedPods>, events: EventRecorder, leadership: Leadership) {
    let reconcile = async |replica_set: ObjectKey| {
        let Some((pod, uid)) = store.read(|pods| pods.next(&replica_set)).flatten() else { return Requeue::OnChange };
        let pods: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace);
        let open = Patch::Merge(json!({"spec": {"schedulingGates": null}}));
        let params = PatchParams::default();
        match leadership.write_within(Duration::from_secs(3), pods.patch(&pod.name, &params, &open)).await {
            Ok(_) => events.record(&object_reference::<ReplicaSet>(&replica_set, &uid), &GateOpened, pod.name.clone()),
            Err(_) => return Requeue::After(Duration::from_secs(1)),
        }
        Requeue::OnChange
    };
    leadership
        .while_leading(async || {
            let (queue, workers) = work_queue();
            let mut changes = store.subscribe();
            let feed = async {
                loop {
                    changes.changed().await.into_iter().for_each(|key| queue.add(key));
                }
            };
            tokio::select! {
                () = feed => {}
                () = workers.run(4, &reconcile) => {}
            }
        })
        .await;
}

#[tokio::test]
async fn a_controller_opens_gates_one_by_one() -> Result<()> {
    // Given three Pods behind a gate, and the controller
    let plane = ControlPlane::shared().await?;
    let (namespace, client) = (plane.namespace("toy").await?, plane.client()?);
    plane.add_ordinary_node(&format!("node-of-{namespace}")).await?;
    let pod = json!({"schedulingGates": [{"name": GATE}], "containers": [{"name": "web", "image": "nginx"}]});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 3, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod},
        },
    });
    let apply = ["apply", "-n", &namespace, "-f", "-"];
    plane.kubectl_with_stdin(&apply, &deployment.to_string()).await?.expect_success()?;
    let store = Store::new(GatedPods::default());
    let events = EventRecorder::new(client.clone(), "example.org/toy", "toy-0");
    let (filled, pods) = (store.clone(), Api::<PodView>::namespaced(client.clone(), &namespace));
    tokio::spawn(async move {
        let read = |pod: PodView| (pod.key(), PodFacts::from(&pod));
        Watch::of(pods, "Pods").run(read, |update| filled.apply(update)).await;
    });
    tokio::spawn({
        let events = events.clone();
        async move { events.publish().await }
    });
    let lease = LeaseSettings::new(&namespace, "toy", &process_identity());
    let (warm, seen) = (store.clone(), client.clone());
    let warm = async move { warm.synced().await };
    let task = LeaderTask::start(client, warm, lease, LeaderMetrics::default(), |leadership| {
        one_by_one(seen, store, events, leadership)
    });

    // When it runs, then all Pods get Ready, and each gate has an Event
    let wait = ["wait", "-n", &namespace, "deployment/web", "--for=condition=Available", "--timeout=60s"];
    plane.kubectl(&wait).await?.expect_success()?;
    let get = ["get", "events", "-n", &namespace, "-o", "jsonpath={.items[?(@.reason=='GateOpened')].message}"];
    eventually("three gates have been opened", Duration::from_secs(30), async || {
        let opened = plane.kubectl(&get).await.map_err(|error| error.to_string())?.stdout;
        if opened.split_whitespace().collect::<BTreeSet<_>>().len() == 3 { Ok(()) } else { Err(opened) }
    })
    .await?;
    task.stop().await;
    let lease =
        plane.kubectl(&["get", "lease", "toy", "-n", &namespace, "-o", "jsonpath={.spec.holderIdentity}"]).await?;
    ensure!(lease.expect_success()?.is_empty(), "the Lease was not released");
    Ok(())
}
