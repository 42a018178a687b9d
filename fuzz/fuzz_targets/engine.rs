//! Objects of every shape, new and changed: what is filled in can be patched in, and needs nothing more.
//!
//! The input is JSON, `{"object": …, "old": …, "namespace": {…}, "bases": 3}`; all but the object may be missing.

#![no_main]

use koupleless_warden::module::{Kind, Workload};
use koupleless_warden::policy::{CountBases, NamespaceFacts, Policy, Request, made_pod};
use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::Value;

fuzz_target!(|input: &[u8]| -> Corpus {
    let Ok(input) = serde_json::from_slice::<Value>(input) else {
        return Corpus::Reject;
    };
    let Some(object) = input.get("object") else {
        return Corpus::Reject;
    };
    let namespace = input.get("namespace").map(facts);
    let bases = Bases(input.get("bases").and_then(Value::as_u64).and_then(|bases| u32::try_from(bases).ok()));
    for kind in Kind::ALL {
        let request = Request::creation(kind).in_namespace(namespace.as_ref());
        let stored = review(Request { old: input.get("old"), peers: Some(&bases), ..request }, object);
        review(Request { kind: Kind::Pod, ..request }, &made_pod(kind, &stored));
    }
    Corpus::Keep
});

/// As many bases for whatever module.
struct Bases(Option<u32>);

impl CountBases for Bases {
    fn replicas(&self, _: Workload<'_>, _: &Value) -> Option<u32> {
        self.0
    }
}

fn review(request: Request<'_>, object: &Value) -> Value {
    let policy = Policy::default();
    let (after, verdict) = policy.review(request, object.clone());
    let mut patched = object.clone();
    json_patch::patch(&mut patched, &verdict.patch).unwrap_or_else(|error| panic!("{error}: {:?}", verdict.patch));
    assert_eq!(patched, after, "the patch leads elsewhere: {:?}", verdict.patch);
    let (stored, again) = policy.review(request, after);
    assert!(again.patch.0.is_empty(), "filled in twice, as a {}: {:?}", request.kind, again.patch);
    stored
}

fn facts(namespace: &Value) -> NamespaceFacts {
    let texts = namespace.as_object().into_iter().flatten();
    let annotations = texts.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
    NamespaceFacts { annotations, ..NamespaceFacts::default() }
}
