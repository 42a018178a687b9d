//! Small scenarios, each of which some right is for.

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};
use warden_testbed::{Base, Objects, Proxy};

use super::trial::{REVIEWED_IN, Trial};
use crate::manifests::{Module, web_server};

/// What a right is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scenario {
    ItGetsReady,
    TheApiServerTrustsItAndIsAnswered,
    ADeletedSecretIsMadeAgain,
    TheLeasesThatAreThereAreTaken,
    DeletedLeasesAreMadeAgain,
    ANamespaceThatChangesIsHeeded,
    ANamespaceThatNoWatchHasShownIsHeeded,
    ADeploymentMadeLaterIsFilled,
    ABaseThatJoinsIsFollowed,
    ThePodOfADepartedBaseIsDeleted,
    TheDeploymentSaysHowItStands,
    AnEventTellsWhatWasDone,
    TheSameEventIsCounted,
    AStatefulSetIsFollowed,
    ADeploymentIsReleased,
    AStatefulSetIsReleased,
    ALimitRangeIsHeeded,
}

impl Scenario {
    /// Whether it takes the controllers, who would work on the Deployments of other trials too.
    pub(super) fn takes_controllers(self) -> bool {
        matches!(
            self,
            Self::TheLeasesThatAreThereAreTaken
                | Self::DeletedLeasesAreMadeAgain
                | Self::ADeploymentMadeLaterIsFilled
                | Self::ABaseThatJoinsIsFollowed
                | Self::ThePodOfADepartedBaseIsDeleted
                | Self::TheDeploymentSaysHowItStands
                | Self::AnEventTellsWhatWasDone
                | Self::TheSameEventIsCounted
                | Self::AStatefulSetIsFollowed
        )
    }

    pub(super) async fn play(self, trial: &Trial<'_>) -> Result<()> {
        match self {
            Self::ItGetsReady => {
                trial.starts("none").await?;
                trial.gets_ready().await
            }
            Self::TheApiServerTrustsItAndIsAnswered => trusted(trial).await,
            Self::ADeletedSecretIsMadeAgain => deleted_secret(trial).await,
            Self::TheLeasesThatAreThereAreTaken => taken_leases(trial).await,
            Self::DeletedLeasesAreMadeAgain => {
                let [controllers, certificates] = trial.leases();
                trial.kubectl(&["delete", "lease", &controllers, &certificates]).await?.expect_success()?;
                taken_leases(trial).await
            }
            Self::ANamespaceThatChangesIsHeeded => changed_namespace(trial).await,
            Self::ANamespaceThatNoWatchHasShownIsHeeded => unseen_namespace(trial).await,
            Self::ADeploymentMadeLaterIsFilled => made_later(trial).await,
            Self::ABaseThatJoinsIsFollowed => joining_base(trial).await,
            Self::ThePodOfADepartedBaseIsDeleted => departed_base(trial).await,
            Self::TheDeploymentSaysHowItStands => state_annotation(trial).await,
            Self::AnEventTellsWhatWasDone => told(trial).await,
            Self::TheSameEventIsCounted => counted(trial).await,
            Self::AStatefulSetIsFollowed => followed(trial).await,
            Self::ADeploymentIsReleased => released(trial, "Deployment").await,
            Self::AStatefulSetIsReleased => released(trial, "StatefulSet").await,
            Self::ALimitRangeIsHeeded => limited(trial).await,
        }
    }
}

async fn trusted(trial: &Trial<'_>) -> Result<()> {
    // Given a warden that is ready
    let namespace = shop(trial, json!({})).await?;
    trial.starts("none").await?;
    trial.gets_ready().await?;
    // When a module is applied, then the API server asks it
    review(trial, &namespace, &Module::new("asked", "1.0.0", "base").deployment(1)).await
}

async fn deleted_secret(trial: &Trial<'_>) -> Result<()> {
    // Given an installation whose Secret is gone
    let secret = format!("{}-tls", trial.name);
    trial.kubectl(&["delete", "secret", &secret]).await?.expect_success()?;
    // When warden starts, then it is made, and filled
    trial.starts("none").await?;
    has(trial, "there is a key in the Secret", &trial.objects()?, &format!("secret/{secret}"), "/data/tls.key").await
}

async fn taken_leases(trial: &Trial<'_>) -> Result<()> {
    trial.starts("peer").await?;
    for lease in trial.leases() {
        has(trial, "the Lease has a holder", &trial.objects()?, &format!("lease/{lease}"), "/spec/holderIdentity")
            .await?;
    }
    Ok(())
}

async fn changed_namespace(trial: &Trial<'_>) -> Result<()> {
    // Given a Namespace that says nothing, and a warden that has seen it
    let namespace = shop(trial, json!({})).await?;
    trial.starts("none").await?;
    trial.gets_ready().await?;
    // When it says which base, then its modules are given that
    let annotate = ["annotate", "namespace", &namespace, "base.koupleless.io/name=base"];
    trial.kubectl(&annotate).await?.expect_success()?;
    review(trial, &namespace, &without_base()).await
}

async fn unseen_namespace(trial: &Trial<'_>) -> Result<()> {
    // Given a warden that is shown no Namespace by its watch
    let proxy = Proxy::start(trial.plane).await?;
    proxy.freeze_watches_of(&["namespaces"]);
    trial.starts_through(&proxy).await?;
    trial.gets_ready().await?;
    // When one is made that says which base, then its modules are given that
    let namespace = shop(trial, json!({"base.koupleless.io/name": "base"})).await?;
    review(trial, &namespace, &without_base()).await
}

async fn made_later(trial: &Trial<'_>) -> Result<()> {
    // Given a base, and a warden that has looked at what there is
    add_base(trial, "one").await?;
    trial.starts("peer").await?;
    trial.gets_ready().await?;
    // When a peer Deployment is made, then it gets a replica
    trial.deploy(&[peer(trial)]).await?;
    replicas_become(trial, 1).await
}

async fn joining_base(trial: &Trial<'_>) -> Result<()> {
    // Given a peer Deployment without a base
    trial.deploy(&[peer(trial)]).await?;
    trial.starts("peer").await?;
    trial.gets_ready().await?;
    // When a base joins, then it gets a replica
    add_base(trial, "one").await?;
    replicas_become(trial, 1).await
}

async fn departed_base(trial: &Trial<'_>) -> Result<()> {
    // Given two bases with a module
    add_base(trial, "one").await?;
    let leaving = add_base(trial, "two").await?;
    trial.starts("peer").await?;
    trial.gets_ready().await?;
    trial.deploy(&[peer(trial)]).await?;
    let objects = trial.stored_workloads()?;
    let pod = trial
        .until("both bases have a Pod", async || {
            let pods = objects.list("pods").await.map_err(|error| error.to_string())?;
            let is_ready = |pod: &&Value| pod["status"]["phase"] == "Running";
            let there = pods.iter().find(|pod| pod["spec"]["nodeName"] == leaving.as_str());
            match there.and_then(|pod| pod["metadata"]["name"].as_str()) {
                Some(pod) if pods.iter().filter(is_ready).count() == 2 => Ok(pod.to_owned()),
                _ => Err(format!("{} Pods", pods.len())),
            }
        })
        .await?;
    // When a base departs, then its Pod is marked to go first, and deleted
    let nodes: Api<Node> = Api::all(trial.plane.client()?);
    nodes.delete(&leaving, &DeleteParams::default()).await?;
    let mark = "/metadata/annotations/controller.kubernetes.io~1pod-deletion-cost";
    let pod = format!("pod/{pod}");
    has(trial, "the Pod is marked", &objects, &pod, mark).await?;
    has(trial, "the Pod is deleted", &objects, &pod, "/metadata/deletionTimestamp").await?;
    // And the Deployment has one replica less
    replicas_become(trial, 1).await
}

async fn state_annotation(trial: &Trial<'_>) -> Result<()> {
    trial.deploy(&[peer(trial)]).await?;
    trial.starts("peer").await?;
    let state = "/metadata/annotations/state.warden.koupleless.io~1peer";
    has(trial, "the Deployment says how it stands", &trial.stored_workloads()?, "deployment/orders", state).await
}

async fn told(trial: &Trial<'_>) -> Result<()> {
    add_base(trial, "one").await?;
    trial.deploy(&[peer(trial)]).await?;
    trial.starts("peer").await?;
    event(trial, "there is an Event", |_| true).await
}

async fn counted(trial: &Trial<'_>) -> Result<()> {
    // Given a peer Deployment that was scaled, and an Event that says so
    told(trial).await?;
    replicas_become(trial, 1).await?;
    // When the scaling is undone by hand, and has to be done again
    let undo = ["scale", "deployment/orders", "--replicas=0"];
    trial.kubectl_of_workloads(&undo).await?.expect_success()?;
    // Then that is the same Event
    event(trial, "the Event is counted", |event| event["series"]["count"] == 2).await
}

async fn followed(trial: &Trial<'_>) -> Result<()> {
    // Given a peer Deployment that follows a StatefulSet
    let mut bases = web_server("base");
    bases["kind"] = json!("StatefulSet");
    let mut follower = peer(trial);
    follower["metadata"]["annotations"] = json!({"warden.koupleless.io/follow": "StatefulSet/base"});
    trial.deploy(&[bases, follower]).await?;
    trial.starts("peer").await?;
    // Then it has as many replicas
    replicas_become(trial, 1).await?;
    // When that grows, then so does the Deployment
    trial.kubectl_of_workloads(&["scale", "statefulset/base", "--replicas=2"]).await?.expect_success()?;
    replicas_become(trial, 2).await
}

async fn released(trial: &Trial<'_>, kind: &str) -> Result<()> {
    // Given a module of which a warden was asked
    let namespace = shop(trial, json!({})).await?;
    trial.starts("none").await?;
    trial.gets_ready().await?;
    let manifest = Module::new("asked", "1.0.0", "base").workload(kind, json!({"replicas": 0})).to_string();
    trial
        .until("the module is admitted", async || {
            let apply = ["-n", &namespace, "apply", "-f", "-"];
            let output = trial.plane.kubectl_with_stdin(&apply, &manifest).await.map_err(|error| error.to_string())?;
            if output.success { Ok(()) } else { Err(output.stderr) }
        })
        .await?;
    // When it is released in another version, then that is admitted
    let template = Module::new("asked", "2.0.0", "base").template();
    let patch = json!({"spec": {"template": template}}).to_string();
    let workload = format!("{kind}/asked");
    let release = ["-n", &namespace, "patch", &workload, "--type=merge", "-p", &patch];
    trial
        .until("the release is admitted", async || {
            let output = trial.plane.kubectl(&release).await.map_err(|error| error.to_string())?;
            if output.success { Ok(()) } else { Err(output.stderr) }
        })
        .await
}

async fn limited(trial: &Trial<'_>) -> Result<()> {
    // Given a warden that is ready, and a LimitRange that demands cpu
    let namespace = shop(trial, json!({})).await?;
    trial.starts("none").await?;
    trial.gets_ready().await?;
    let limit_range = json!({
        "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "floor", "namespace": namespace},
        "spec": {"limits": [{"type": "Container", "min": {"cpu": "100m"}}]},
    });
    let create = ["-n", &namespace, "create", "-f", "-"];
    trial.plane.kubectl_with_stdin(&create, &limit_range.to_string()).await?.expect_success()?;
    // When a module is applied, then it is told
    let manifest = Module::new("asked", "1.0.0", "base").deployment(1).to_string();
    let apply = ["-n", &namespace, "apply", "--dry-run=server", "-f", "-"];
    trial
        .until("a module is told of the LimitRange", async || {
            let output = trial.plane.kubectl_with_stdin(&apply, &manifest).await.map_err(|error| error.to_string())?;
            if output.stderr.contains("LimitRange floor") { Ok(()) } else { Err(output.stderr) }
        })
        .await
}

/// A Namespace whose workloads are reviewed in this trial.
async fn shop(trial: &Trial<'_>, annotations: Value) -> Result<String> {
    let name = format!("{}-shop", trial.name);
    let metadata = json!({"name": name, "labels": {REVIEWED_IN: trial.name}, "annotations": annotations});
    trial.create(&[json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})]).await?;
    Ok(name)
}

/// A module that leaves it to its Namespace to say which base.
fn without_base() -> Value {
    let mut manifest = Module::new("asked", "1.0.0", "base").deployment(1);
    manifest["metadata"]["annotations"] = json!({});
    manifest
}

/// Waits until a Deployment in `namespace` is reviewed: told where its Pods are to run, and not refused.
async fn review(trial: &Trial<'_>, namespace: &str, manifest: &Value) -> Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(trial.plane.client()?, namespace);
    let manifest: Deployment = serde_json::from_value(manifest.clone())?;
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    trial
        .until("a module is reviewed", async || {
            let reviewed = deployments.create(&dry_run, &manifest).await.map_err(|error| error.to_string())?;
            let metadata = reviewed.spec.and_then(|spec| spec.template.metadata).unwrap_or_default();
            let placement = metadata.annotations.unwrap_or_default().remove("warden.koupleless.io/placement");
            match placement {
                Some(placement) if placement.contains("\"name\":\"base\"") => Ok(()),
                placement => Err(format!("{placement:?}")),
            }
        })
        .await
}

/// A peer Deployment for the bases of this trial. All is in it that a review would fill in, for there is none.
fn peer(trial: &Trial<'_>) -> Value {
    let mut manifest = Module::new("orders", "1.0.0", &trial.name).deployment(0);
    manifest["metadata"]["labels"] = json!({"virtual-kubelet.koupleless.io/strategy": "peer"});
    let apart = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "orders"}}});
    let spec = &mut manifest["spec"]["template"]["spec"];
    spec["tolerations"] = json!([{"operator": "Exists"}]);
    spec["nodeSelector"] = json!({"base.koupleless.io/name": trial.name});
    spec["affinity"] = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}});
    // No kubelet ends them on a node that is gone, so the test can read them until then.
    spec["terminationGracePeriodSeconds"] = json!(30);
    manifest
}

/// Adds a base of this trial. Gives its node.
async fn add_base(trial: &Trial<'_>, base: &str) -> Result<String> {
    let base = Base::new(format!("{base}-{}", trial.name)).name(&trial.name);
    trial.plane.add_base(base).await
}

async fn replicas_become(trial: &Trial<'_>, count: u64) -> Result<()> {
    let objects = trial.stored_workloads()?;
    trial
        .until(&format!("it has {count} replicas"), async || {
            let deployment = objects.get("deployment/orders").await.map_err(|error| error.to_string())?;
            match deployment["spec"]["replicas"].as_u64() {
                Some(replicas) if replicas == count => Ok(()),
                replicas => Err(format!("{replicas:?}")),
            }
        })
        .await
}

/// Waits until there is such an Event that the replicas were written.
async fn event(trial: &Trial<'_>, what: &str, is_it: impl Fn(&Value) -> bool) -> Result<()> {
    let objects = trial.stored_workloads()?;
    trial
        .until(what, async || {
            let events = objects.list("events").await.map_err(|error| error.to_string())?;
            let of_orders =
                |event: &&Value| event["involvedObject"]["name"] == "orders" && event["reason"] == "ReplicasSynced";
            if events.iter().filter(of_orders).any(&is_it) { Ok(()) } else { Err("there is none".to_owned()) }
        })
        .await
}

/// Waits until something is stored at this place of the object `path` among `objects`.
async fn has(trial: &Trial<'_>, what: &str, objects: &Objects, path: &str, place: &str) -> Result<()> {
    trial
        .until(what, async || {
            let object = objects.get(path).await.map_err(|error| error.to_string())?;
            match object.pointer(place).and_then(Value::as_str) {
                Some(text) if !text.is_empty() => Ok(()),
                _ => Err(format!("nothing at {place}")),
            }
        })
        .await
}
