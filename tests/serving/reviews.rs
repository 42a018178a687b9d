//! Reviews as the API server sends them.

use base64::Engine as _;
use serde_json::{Value, json};

/// The uid of every review here.
pub(crate) const UID: &str = "705ab4f5-6393-11e8-b7cc-42010a800002";

/// A module as its author writes it, with what only the author knows: the module and its base.
pub(crate) fn module() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "biz1", "namespace": "shop"},
        "spec": {"template": {
            "metadata": {
                "labels": {"virtual-kubelet.koupleless.io/component": "module"},
                "annotations": {"base.koupleless.io/name": "base", "base.koupleless.io/version": "1.0.0"},
            },
            "spec": {"containers": [container("biz1")]},
        }},
    })
}

/// A container that is a module.
pub(crate) fn container(name: &str) -> Value {
    json!({
        "name": name,
        "image": "https://repo.example.com/biz1-1.0.0-ark-biz.jar",
        "env": [{"name": "BIZ_VERSION", "value": "1.0.0"}],
    })
}

/// A module with two faults: its version cannot be determined, and its image is not a jar.
pub(crate) fn refused_module() -> Value {
    let mut module = module();
    module["spec"]["template"]["spec"]["containers"][0] = json!({"name": "biz1", "image": "nginx:1.27"});
    module
}

/// The review of a new Deployment.
pub(crate) fn creation_of(object: Value) -> Value {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": UID,
            "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
            "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
            "requestKind": {"group": "apps", "version": "v1", "kind": "Deployment"},
            "requestResource": {"group": "apps", "version": "v1", "resource": "deployments"},
            "name": name,
            "namespace": object["metadata"]["namespace"],
            "operation": "CREATE",
            "userInfo": {"username": "kubernetes-admin", "groups": ["system:masters"]},
            "object": object,
            "oldObject": null,
            "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    })
}

/// The object of `review` after the patch of `answer`.
pub(crate) fn patched(review: &Value, answer: &Value) -> Value {
    let patch = answer["response"]["patch"].as_str().expect("a patch in base64");
    let patch = base64::engine::general_purpose::STANDARD.decode(patch).unwrap();
    let patch: json_patch::Patch = serde_json::from_slice(&patch).unwrap();
    let mut object = review["request"]["object"].clone();
    json_patch::patch(&mut object, &patch).unwrap();
    object
}
