//! The watches of nodes, peer Deployments and module Pods on a real API server.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use koupleless_warden::cluster::{NamespaceSelector, NamespaceStore};
use koupleless_warden::k8s::ObjectKey;
use koupleless_warden::module::Management;
use koupleless_warden::peer::{PeerStore, Place, Snapshot, Source};
use koupleless_warden::policy::Policy;
use serde_json::{Value, json};
use tokio::sync::watch;
use warden_testbed::{Base, ControlPlane, eventually};

/// Longer than a Pod takes to turn Ready.
const SOON: Duration = Duration::from_secs(30);

/// A store whose watches run.
async fn watch(plane: &ControlPlane) -> Result<PeerStore> {
    watch_without(plane, &[], NamespaceSelector::default()).await
}

/// The same, without the Namespaces `excluded`, and with those alone that `selector` selects.
async fn watch_without(plane: &ControlPlane, excluded: &[String], selector: NamespaceSelector) -> Result<PeerStore> {
    let client = plane.client()?;
    let policy = watch::Sender::new(Arc::new(Policy::default())).subscribe();
    let (namespaces, watch_of_namespaces) = NamespaceStore::watch(client.clone(), selector);
    let (store, watches) = PeerStore::watch(client, policy, namespaces, excluded);
    tokio::spawn(watch_of_namespaces);
    tokio::spawn(watches);
    tokio::time::timeout(SOON, store.synced()).await.context("the watches deliver no lists")?;
    Ok(store)
}

/// A peer Deployment in the older dialect, for the bases of this name, as it is once it is filled in.
fn deployment(name: &str, base: &str, replicas: u32) -> Value {
    let tolerates = |key: &str, value: &str| json!({"key": format!("schedule.koupleless.io/{key}"), "value": value, "effect": "NoExecute"});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "labels": {"module-controller.koupleless.io/strategy": "peer"}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {
                    "app": name,
                    "virtual-kubelet.koupleless.io/component": "module",
                    "module-controller.koupleless.io/component": "module",
                    "module.koupleless.io/name": "biz1",
                    "module.koupleless.io/version": "1.0.0",
                }},
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "nodeSelector": {"base.koupleless.io/name": base},
                    "tolerations": [tolerates("virtual-node", "True"), tolerates("node-env", "dev")],
                    "containers": [{
                        "name": "biz1", "image": "http://example.org/biz1.jar",
                        "env": [{"name": "BIZ_VERSION", "value": "1.0.0"}],
                    }],
                    "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{
                        "labelSelector": {"matchLabels": {"app": name}},
                        "topologyKey": "kubernetes.io/hostname",
                    }]}},
                },
            },
        },
    })
}

async fn apply(plane: &ControlPlane, namespace: &str, object: &Value) -> Result<()> {
    plane.kubectl_with_stdin(&["apply", "-n", namespace, "-f", "-"], &object.to_string()).await?.expect_success()?;
    Ok(())
}

async fn kubectl(plane: &ControlPlane, namespace: &str, command: &str) -> Result<()> {
    let args: Vec<_> = ["-n", namespace].into_iter().chain(command.split(' ')).collect();
    plane.kubectl(&args).await?.expect_success()?;
    Ok(())
}

/// Waits until the snapshot of `key` is as `wanted`.
async fn shows(store: &PeerStore, key: &ObjectKey, what: &str, wanted: impl Fn(&Snapshot) -> bool) -> Result<Snapshot> {
    eventually(what, SOON, async || match store.snapshot(key) {
        Some(snapshot) if wanted(&snapshot) => Ok(snapshot),
        other => Err(format!("{other:#?}")),
    })
    .await
}

fn counts(snapshot: &Snapshot, bases: u32) -> bool {
    matches!(&snapshot.source, Source::Bases { count, .. } if *count == bases)
}

#[tokio::test]
async fn bases_and_pods_add_up() -> Result<()> {
    // given two bases, a third that is another application's, and a peer Deployment with two Pods
    let plane = ControlPlane::shared().await?;
    let namespace = plane.namespace("peers").await?;
    let bases = plane.add_bases(["10.2.0.1", "10.2.0.2"].map(|identity| Base::new(identity).name("sums"))).await?;
    plane.add_base(Base::new("10.2.0.3").name("another")).await?;
    let store = watch(plane).await?;
    let key = ObjectKey { namespace: namespace.clone(), name: "orders".to_owned() };
    apply(plane, &namespace, &deployment("orders", "sums", 2)).await?;

    // then both count, and nothing is to be said of the Pods on them
    let well = |snapshot: &Snapshot| counts(snapshot, 2) && snapshot.carried == 2 && snapshot.pods.is_empty();
    let snapshot = shows(&store, &key, "two bases carry the module", well).await?;
    ensure!(snapshot.replicas == 2 && snapshot.replica_sets.len() == 1, "{snapshot:#?}");
    ensure!(store.management(&key) == Some(Management::Managed));

    // when another joins, and then one with the module is cordoned, and that one too
    let late = plane.add_base(Base::new("10.2.0.4").name("sums")).await?;
    let all = |snapshot: &Snapshot| counts(snapshot, 3) && snapshot.carried == 2;
    shows(&store, &key, "the late base counts", all).await?;
    kubectl(plane, &namespace, &format!("cordon {}", bases[0])).await?;
    kubectl(plane, &namespace, &format!("cordon {late}")).await?;
    // then the one with the module still counts, for the watch tells of it first, and the one without does not
    shows(&store, &key, "a base without the module is cordoned", well).await?;
    kubectl(plane, &namespace, &format!("uncordon {late}")).await?;
    shows(&store, &key, "the late base counts again", all).await?;

    // when the Namespace declares another version, nothing changes: the template says its base itself
    kubectl(plane, &namespace, &format!("label namespace {namespace} base.koupleless.io/version=9.9.9")).await?;
    shows(&store, &key, "the Namespace moves no Pod", all).await?;

    // when a base goes, its Pod is one of a departed base
    let mut changes = store.subscribe();
    changes.changed().await;
    plane.delete_base(&bases[0]).await?;
    let departed = |snapshot: &Snapshot| {
        let place = Place::Departed(bases[0].clone());
        counts(snapshot, 2) && snapshot.carried == 1 && snapshot.pods.iter().any(|pod| pod.place == place)
    };
    shows(&store, &key, "one base has departed", departed).await?;
    let woken = tokio::time::timeout(SOON, changes.changed()).await?;
    ensure!(woken.contains(&key), "{woken:?}");

    // and when the strategy is taken away, nobody knows of it any more
    kubectl(plane, &namespace, "label deployment orders module-controller.koupleless.io/strategy-").await?;
    eventually("it is no peer Deployment", SOON, async || match store.management(&key) {
        Some(Management::NotPeer) => Ok(()),
        management => Err(format!("{management:?}")),
    })
    .await
}

#[tokio::test]
async fn a_workload_is_followed_as_long_as_somebody_does() -> Result<()> {
    // given a peer Deployment that follows what is not there
    let plane = ControlPlane::shared().await?;
    let namespace = plane.namespace("follow").await?;
    let store = watch(plane).await?;
    let key = ObjectKey { namespace: namespace.clone(), name: "orders".to_owned() };
    let mut follower = deployment("orders", "nobody", 0);
    follower["metadata"]["annotations"] = json!({"warden.koupleless.io/follow": "Deployment/base"});
    apply(plane, &namespace, &follower).await?;
    let ready = |number| {
        move |snapshot: &Snapshot| {
            matches!(snapshot.source, Source::Followed { .. }) && snapshot.source.wanted() == number
        }
    };
    shows(&store, &key, "there is no such workload", ready(None)).await?;

    // when it comes, and grows
    plane.add_ordinary_node("worker").await?;
    kubectl(plane, &namespace, "create deployment base --image=example.org/base --replicas=1").await?;
    shows(&store, &key, "one is ready", ready(Some(1))).await?;
    kubectl(plane, &namespace, "scale deployment base --replicas=3").await?;
    shows(&store, &key, "three are ready", ready(Some(3))).await?;
    // and goes
    kubectl(plane, &namespace, "delete deployment base").await?;
    shows(&store, &key, "it is gone", ready(None)).await?;

    // when nothing is followed any more, the bases count
    kubectl(plane, &namespace, "annotate deployment orders warden.koupleless.io/follow-").await?;
    shows(&store, &key, "no bases", |snapshot| counts(snapshot, 0)).await?;
    Ok(())
}

#[tokio::test]
async fn excluded_namespaces_are_left_alone() -> Result<()> {
    // given three Namespaces, of which two are excluded
    let plane = ControlPlane::shared().await?;
    let excluded = [plane.namespace("excluded").await?, plane.namespace("excluded").await?];
    let namespace = plane.namespace("peers").await?;
    let store = watch_without(plane, &excluded, NamespaceSelector::default()).await?;
    // when the same peer Deployment is made in each, last in the one that is not excluded
    for namespace in excluded.iter().chain([&namespace]) {
        apply(plane, namespace, &deployment("orders", "excluded", 0)).await?;
    }
    // then that is the only one in the store
    let key = |namespace: &str| ObjectKey { namespace: namespace.to_owned(), name: "orders".to_owned() };
    shows(&store, &key(&namespace), "it is there", |_| true).await?;
    for namespace in &excluded {
        ensure!(store.management(&key(namespace)) == Some(Management::NotPeer), "{namespace}");
    }
    Ok(())
}

#[tokio::test]
async fn a_namespace_is_left_alone_until_its_labels_are_selected() -> Result<()> {
    // given a peer Deployment in a Namespace that is not selected
    let plane = ControlPlane::shared().await?;
    let namespace = plane.namespace("opt-in").await?;
    let selector = format!(r#"[{{"key":"served","operator":"In","values":["{namespace}"]}}]"#);
    let store = watch_without(plane, &[], selector.parse()?).await?;
    let mut changes = store.subscribe();
    let key = ObjectKey { namespace: namespace.clone(), name: "orders".to_owned() };
    apply(plane, &namespace, &deployment("orders", "opt-in", 0)).await?;
    // when the Namespace is labelled, then it is shown
    kubectl(plane, &namespace, &format!("label namespace {namespace} served={namespace}")).await?;
    shows(&store, &key, "it is there", |_| true).await?;
    ensure!(tokio::time::timeout(SOON, changes.changed()).await?.contains(&key));
    // when the label goes, then it is not, and the subscriber is notified
    kubectl(plane, &namespace, &format!("label namespace {namespace} served-")).await?;
    ensure!(tokio::time::timeout(SOON, changes.changed()).await?.contains(&key));
    ensure!(store.management(&key) == Some(Management::NotPeer) && store.snapshot(&key).is_none());
    Ok(())
}
