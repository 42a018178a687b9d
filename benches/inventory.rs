//! What an event of a node costs, by the number of bases and of peer Deployments: from the event to the snapshots of all
//! that it wakes. And how much memory the bases of a cluster take, against that of whole Node objects.

#![allow(missing_docs, reason = "criterion's macros write items of their own")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot go on may panic")]

use std::hint::black_box;
use std::process::Command;
use std::{env, fs};

use criterion::{BenchmarkId, Criterion, criterion_group};
use koupleless_warden::cluster::{DeploymentFacts, OwnedPod, PodFacts, Spelling};
use koupleless_warden::fit::{Node, NodeTaint};
use koupleless_warden::k8s::{ObjectKey, Update};
use koupleless_warden::module::MaxSurge;
use koupleless_warden::peer::{Change, PeerIndex};
use koupleless_warden::policy::Policy;
use serde_json::{Value, json};

/// The applications that the bases run; each peer Deployment is for one of them.
const APPLICATIONS: usize = 50;
const BASES: [usize; 3] = [100, 1_000, 10_000];
const DEPLOYMENTS: [usize; 2] = [100, 1_000];
const HEARTBEATS: usize = 1_000;

criterion_group!(benches, coming_and_going, relabelling, heartbeats);

fn main() {
    if let Ok(what) = env::var(MEASURE) {
        println!("{}", measure(&what));
        return;
    }
    memory();
    benches();
    Criterion::default().configure_from_args().final_summary();
}

/// A base leaves, and is back: two events, and twice the snapshots of a fiftieth of all peer Deployments.
fn coming_and_going(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a base leaves and is back");
    for (bases, deployments) in sizes() {
        let mut inventory = cluster(bases, deployments);
        let (name, node) = base(7);
        group.bench_function(id(bases, deployments), |bencher| {
            bencher.iter(|| {
                look(&mut inventory, Change::Node(Update::Delete(name.clone())))
                    + look(&mut inventory, Change::Node(Update::Apply(name.clone(), node.clone())))
            });
        });
    }
    group.finish();
}

/// A base becomes one of another application, and back.
fn relabelling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a base changes its application and back");
    for (bases, deployments) in sizes() {
        let mut inventory = cluster(bases, deployments);
        let (name, node) = base(7);
        let mut other = node.clone();
        other.labels.insert("base.koupleless.io/name".to_owned(), "base-8".to_owned());
        group.bench_function(id(bases, deployments), |bencher| {
            bencher.iter(|| {
                look(&mut inventory, Change::Node(Update::Apply(name.clone(), other.clone())))
                    + look(&mut inventory, Change::Node(Update::Apply(name.clone(), node.clone())))
            });
        });
    }
    group.finish();
}

/// A thousand bases tell that nothing has changed.
fn heartbeats(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("1000 heartbeats");
    for (bases, deployments) in sizes() {
        let mut inventory = cluster(bases, deployments);
        let beats: Vec<_> = (0..HEARTBEATS).map(|number| base(number % bases)).collect();
        group.bench_function(id(bases, deployments), |bencher| {
            bencher.iter_with_setup(
                || beats.clone(),
                |beats| {
                    for (name, node) in beats {
                        assert!(inventory.apply(Change::Node(Update::Apply(name, node))).is_empty());
                    }
                },
            );
        });
    }
    group.finish();
}

/// Takes in `change` and looks at the snapshots of all that it wakes.
fn look(inventory: &mut PeerIndex, change: Change) -> usize {
    let woken = inventory.apply(change);
    for key in &woken {
        black_box(inventory.snapshot(key).expect("it is there"));
    }
    woken.len()
}

fn sizes() -> impl Iterator<Item = (usize, usize)> {
    DEPLOYMENTS.into_iter().flat_map(|deployments| BASES.into_iter().map(move |bases| (bases, deployments)))
}

fn id(bases: usize, deployments: usize) -> BenchmarkId {
    BenchmarkId::from_parameter(format!("{bases} bases, {deployments} Deployments"))
}

/// A cluster in which every base carries what it should.
fn cluster(bases: usize, deployments: usize) -> PeerIndex {
    let mut inventory = PeerIndex::new(Policy::default());
    inventory.apply(Change::Node(Update::Reset((0..bases).map(base).collect())));
    let list = (0..deployments).map(|number| (key(number), deployment(number))).collect();
    inventory.apply(Change::Deployment(Spelling::Current, Update::Reset(list)));
    let pods = (0..deployments).flat_map(|deployment| {
        let suit = (deployment % APPLICATIONS..bases).step_by(APPLICATIONS);
        suit.map(move |base| pod(deployment, base))
    });
    inventory.apply(Change::Pod(Spelling::Current, Update::Reset(pods.collect())));
    for number in 0..deployments.min(APPLICATIONS) {
        let snapshot = inventory.snapshot(&key(number)).expect("it is there");
        let suit = (number..bases).step_by(APPLICATIONS).count();
        assert!(snapshot.source.wanted() == u32::try_from(suit).ok() && snapshot.pods.is_empty(), "{snapshot:?}");
    }
    inventory
}

fn key(number: usize) -> ObjectKey {
    ObjectKey { namespace: format!("team-{}", number % 7), name: format!("module-{number}") }
}

/// Base `number` of the cluster, with the labels and taints that ModuleController gives it.
fn base(number: usize) -> (String, Node) {
    let address = format!("10.{}.{}.{}", number / 65_536, number / 256 % 256, number % 256);
    let name = format!("vnode.{address}.dev");
    let labels = json!({
        "virtual-kubelet.koupleless.io/component": "vnode",
        "virtual-kubelet.koupleless.io/env": "dev",
        "base.koupleless.io/name": format!("base-{}", number % APPLICATIONS),
        "base.koupleless.io/version": "1.0.0",
        "base.koupleless.io/cluster-name": "default",
        "base.koupleless.io/host-name": format!("host-{number}"),
        "base.koupleless.io/tunnel-port": "1238",
        "kubernetes.io/hostname": format!("host-{number}"),
    });
    let taint = |key: &str, value: &str| NodeTaint {
        key: format!("schedule.koupleless.io/{key}"),
        value: value.to_owned(),
        effect: "NoExecute".to_owned(),
    };
    let node = Node {
        name: name.clone(),
        labels: serde_json::from_value(labels).expect("texts"),
        taints: vec![taint("node-env", "dev"), taint("virtual-node", "True")],
        unschedulable: false,
        has_memory: true,
    };
    (name, node)
}

fn deployment(number: usize) -> DeploymentFacts {
    let name = format!("module-{number}");
    DeploymentFacts {
        uid: format!("2f0c6c5e-0000-4000-8000-{number:012}"),
        resource_version: "1".to_owned(),
        replicas: 1,
        max_surge: MaxSurge::Percent(25),
        observed: true,
        rolled_out: true,
        pinned: false,
        unmanaged: None,
        state: None,
        follow: None,
        module: json!({
            "metadata": {"name": name, "namespace": key(number).namespace, "labels": {}, "annotations": {}},
            "spec": {"template": {
                "metadata": {"labels": {"virtual-kubelet.koupleless.io/component": "module"}},
                "spec": {
                    "nodeSelector": {"base.koupleless.io/name": format!("base-{}", number % APPLICATIONS)},
                    "containers": [{
                        "name": name,
                        "image": "https://repo.example.com/module-1.0.0-ark-biz.jar",
                        "env": [{"name": "BIZ_VERSION", "value": "1.0.0"}],
                    }],
                },
            }},
        }),
    }
}

fn pod(deployment: usize, node: usize) -> (ObjectKey, PodFacts) {
    let deployment = key(deployment);
    let name = ObjectKey { namespace: deployment.namespace, name: format!("{}-5d8c7-{node:05}", deployment.name) };
    let member = OwnedPod {
        replica_set: format!("{}-5d8c7", deployment.name),
        deployment: deployment.name,
        uid: format!("7b1f2c9a-0000-4000-8000-{node:012}"),
        node: Some(base(node).0),
        running: true,
        ready: true,
        deletion_cost: 0,
        marked: false,
    };
    (name, PodFacts { version: Some(1), owned: Some(member), unlabelled: None })
}

/// How many nodes the memory is measured of.
const MANY: usize = 10_000;
/// Tells a process of this benchmark's to measure the memory of one thing, and print it: one after the other, in one process,
/// they would take what the one before has left.
const MEASURE: &str = "INVENTORY_MEASURE";

/// Prints how much memory the bases take as they are kept, and as whole objects.
fn memory() {
    let kept = in_a_process_of_its_own("kept");
    println!("memory of {MANY} nodes as they are kept: {} KiB", kept / 1024);
    for (what, images) in [("as ModuleController registers them", 0), ("with 50 images each, as a kubelet does", 50)] {
        let whole = in_a_process_of_its_own(&images.to_string());
        println!("whole, {what}: {} KiB, {:.1} to 1", whole / 1024, whole as f64 / kept as f64);
    }
}

fn in_a_process_of_its_own(what: &str) -> usize {
    let output = Command::new(env::current_exe().expect("a program")).env(MEASURE, what).output().expect("it runs");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

/// By how many bytes this process has grown when it holds the nodes, `kept` or whole with as many images.
fn measure(what: &str) -> usize {
    const PAGE: usize = 4096;
    let resident = || -> usize {
        let statm = fs::read_to_string("/proc/self/statm").expect("Linux");
        statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * PAGE
    };
    if what == "kept" {
        let mut inventory = PeerIndex::new(Policy::default());
        let list = (0..100).map(|number| (key(number), deployment(number))).collect();
        inventory.apply(Change::Deployment(Spelling::Current, Update::Reset(list)));
        let before = resident();
        for number in 0..MANY {
            let (name, node) = base(number);
            inventory.apply(Change::Node(Update::Apply(name, node)));
        }
        let after = resident();
        drop(inventory);
        return after - before;
    }
    let images = what.parse().expect("a number of images");
    let before = resident();
    let read = |number| serde_json::from_str(&whole_node(number, images).to_string()).expect("a Node");
    let nodes: Vec<k8s_openapi::api::core::v1::Node> = (0..MANY).map(read).collect();
    let after = resident();
    drop(nodes);
    after - before
}

/// Node `number` as the API server sends it.
fn whole_node(number: usize, images: usize) -> Value {
    let (name, node) = base(number);
    let fields = |paths: &[&str]| -> Value {
        paths.iter().map(|path| (format!("f:{path}"), json!({}))).collect::<serde_json::Map<_, _>>().into()
    };
    let conditions = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"];
    let keys: Vec<_> = node.labels.keys().map(String::as_str).collect();
    let manager = |name: &str, subresource: &str| {
        json!({
            "apiVersion": "v1", "manager": name, "operation": "Update", "subresource": subresource, "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:labels": fields(&keys)},
                "f:spec": {"f:taints": {}},
                "f:status": {"f:conditions": fields(&conditions), "f:nodeInfo": fields(&["architecture", "kernelVersion", "osImage"])},
            },
        })
    };
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": name, "uid": format!("2f0c6c5e-0000-4000-8000-{number:012}"), "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z", "labels": node.labels,
            "annotations": {"node.alpha.kubernetes.io/ttl": "0"},
            "managedFields": [manager("virtual-kubelet", ""), manager("virtual-kubelet", "status"), manager("kube-controller-manager", "")],
        },
        "spec": {"taints": node.taints.iter().map(|taint| json!({
            "key": taint.key, "value": taint.value, "effect": taint.effect, "timeAdded": "2026-01-01T00:00:00Z",
        })).collect::<Vec<_>>()},
        "status": {
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": "host"}],
            "capacity": {"pods": "65535", "memory": "256Mi"},
            "allocatable": {"pods": "65535", "memory": "256Mi"},
            "conditions": conditions.map(|r#type| json!({
                "type": r#type, "status": "True", "reason": "AllIsWell", "message": "the base tells that all is well",
                "lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z",
            })),
            "nodeInfo": {
                "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "", "kernelVersion": "5.10.0", "kubeProxyVersion": "",
                "kubeletVersion": "v1.36.0", "machineID": "", "operatingSystem": "linux", "osImage": "Linux", "systemUUID": "",
            },
            "images": (0..images).map(|image| json!({
                "names": [
                    format!("registry.example.com/team/application-{image}@sha256:{}", "0123456789abcdef".repeat(4)),
                    format!("registry.example.com/team/application-{image}:1.0.{number}"),
                ],
                "sizeBytes": 123_456_789,
            })).collect::<Vec<_>>(),
        },
    })
}
