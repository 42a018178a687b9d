//! Bytes on the wire: every one of them gets an answer, under its uid where one can be read.

#![no_main]

use std::sync::{Arc, LazyLock};

use futures::FutureExt as _;
use futures::executor::block_on;
use futures::future::BoxFuture;
use koupleless_warden::admission::{ClusterView, Endpoint, Metrics, Reviewer};
use koupleless_warden::cluster::{NamespaceUnavailable, RevisionsUnavailable};
use koupleless_warden::k8s::ObjectKey;
use koupleless_warden::module::{Kind, Workload};
use koupleless_warden::policy::{CountBases, NamespaceFacts, Policy, Revision};
use libfuzzer_sys::fuzz_target;
use prometheus_client::registry::Registry;
use serde_json::Value;

static REVIEWER: LazyLock<Reviewer> = LazyLock::new(|| {
    let metrics = Metrics::register(&mut Registry::default());
    Reviewer::new(Policy::default(), Arc::new(AllPeers), metrics)
});

/// Every Deployment is a peer with three bases, and no Namespace declares anything.
struct AllPeers;

impl CountBases for AllPeers {
    fn replicas(&self, _: Workload<'_>, _: &Value) -> Option<u32> {
        Some(3)
    }
}

impl ClusterView for AllPeers {
    fn namespace<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<NamespaceFacts>, NamespaceUnavailable>> {
        async { Ok(None) }.boxed()
    }

    fn keeps_replicas(&self, _: &ObjectKey) -> bool {
        true
    }

    fn revisions<'a>(&'a self, _: Kind, _: &'a Value) -> BoxFuture<'a, Result<Vec<Revision>, RevisionsUnavailable>> {
        async { Ok(Vec::new()) }.boxed()
    }
}

fuzz_target!(|body: &[u8]| {
    let review = serde_json::from_slice::<Value>(body);
    let uid = review.as_ref().ok().and_then(|review| review.pointer("/request/uid")?.as_str());
    for endpoint in [Endpoint::Mutate, Endpoint::Validate] {
        let reply = block_on(REVIEWER.answer(endpoint, body));
        assert!([200, 400].contains(&reply.code), "{reply:?}");
        let answered = reply.body.pointer("/response/uid").and_then(Value::as_str);
        assert_eq!(answered, uid, "{reply:?}");
    }
});
