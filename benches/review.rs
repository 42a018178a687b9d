//! What a review costs, by the size of its object: the engine alone, and all from the bytes of the question to those of the
//! answer.

#![allow(missing_docs, reason = "criterion's macros write items of their own")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot go on may panic")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use koupleless_warden::admission::{ClusterView, Endpoint, Metrics, Reviewer};
use koupleless_warden::cluster::{NamespaceUnavailable, RevisionsUnavailable};
use koupleless_warden::k8s::ObjectKey;
use koupleless_warden::module::{Kind, Workload};
use koupleless_warden::policy::{CountBases, NamespaceFacts, Policy, Request, Revision};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

const KIB: usize = 1024;
const SIZES: [usize; 3] = [4 * KIB, 64 * KIB, 512 * KIB];

criterion_group!(benches, engine, review);
criterion_main!(benches);

/// Filling in and checking, on an object that was read already.
fn engine(criterion: &mut Criterion) {
    let policy = Policy::default();
    let mut group = criterion.benchmark_group("engine");
    for size in SIZES {
        let object = module(size);
        group.throughput(Throughput::Bytes(object.to_string().len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(size / KIB), &object, |bencher, object| {
            let request = Request::creation(Kind::Deployment);
            bencher.iter_with_setup(
                || object.clone(),
                |object| {
                    let (object, injected) = policy.inject(request, object);
                    let checked = policy.check(request, &object);
                    (object, injected, checked)
                },
            );
        });
    }
    group.finish();
}

/// Decode, decide, encode: what a call of the API server's costs, but for HTTP and TLS.
fn review(criterion: &mut Criterion) {
    let metrics = Metrics::register(&mut Registry::default());
    let reviewer = Reviewer::new(Policy::default(), Arc::new(NothingSaid), metrics);
    for (name, endpoint) in [("mutate", Endpoint::Mutate), ("validate", Endpoint::Validate)] {
        let mut group = criterion.benchmark_group(name);
        for size in SIZES {
            let object = module(size);
            group.throughput(Throughput::Bytes(object.to_string().len() as u64));
            let body = creation_of(object).to_string();
            group.bench_with_input(BenchmarkId::from_parameter(size / KIB), body.as_bytes(), |bencher, body| {
                bencher.iter(|| {
                    let reply = reviewer.answer(endpoint, black_box(body)).now_or_never();
                    reply.expect("nothing to wait for").body.to_string()
                });
            });
        }
        group.finish();
    }
}

/// A module of about `size` bytes of JSON, half of them in environment variables and half in annotations.
fn module(size: usize) -> Value {
    const OF_A_VARIABLE: usize = 64;
    const OF_AN_ANNOTATION: usize = 128;
    let variables = (0..size / 2 / OF_A_VARIABLE)
        .map(|number| json!({"name": format!("SETTING_{number:05}"), "value": "v".repeat(OF_A_VARIABLE - 37)}));
    let env = std::iter::once(json!({"name": "BIZ_VERSION", "value": "1.0.0"})).chain(variables);
    let mut module = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "biz1", "namespace": "shop", "annotations": {}},
        "spec": {"template": {
            "metadata": {
                "labels": {"virtual-kubelet.koupleless.io/component": "module"},
                "annotations": {"base.koupleless.io/name": "base", "base.koupleless.io/version": "1.0.0"},
            },
            "spec": {"containers": [{
                "name": "biz1",
                "image": "https://repo.example.com/biz1-1.0.0-ark-biz.jar",
                "env": env.collect::<Vec<_>>(),
            }]},
        }},
    });
    for number in 0..size / 2 / OF_AN_ANNOTATION {
        let key = format!("example.com/note-{number:05}");
        module["metadata"]["annotations"][key] = json!("n".repeat(OF_AN_ANNOTATION - 28));
    }
    module
}

/// The API server's question about a new object.
fn creation_of(object: Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
            "name": "biz1",
            "namespace": "shop",
            "operation": "CREATE",
            "object": object,
            "oldObject": null,
        },
    })
}

/// A cluster without peer Deployments, whose Namespaces declare nothing.
struct NothingSaid;

impl CountBases for NothingSaid {
    fn replicas(&self, _: Workload<'_>, _: &Value) -> Option<u32> {
        None
    }
}

impl ClusterView for NothingSaid {
    fn namespace<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<NamespaceFacts>, NamespaceUnavailable>> {
        async { Ok(None) }.boxed()
    }

    fn keeps_replicas(&self, _: &ObjectKey) -> bool {
        false
    }

    fn revisions<'a>(&'a self, _: Kind, _: &'a Value) -> BoxFuture<'a, Result<Vec<Revision>, RevisionsUnavailable>> {
        async { Ok(Vec::new()) }.boxed()
    }
}
