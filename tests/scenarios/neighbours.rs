//! Another mutating webhook in the cluster, called after ours.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use koupleless_warden::{certificates, runtime, serving};
use serde_json::{Value, json};
use warden_testbed::ServingCertificate;

use crate::manifests::Module;
use crate::scene::{LONG, Scene, shared, tolerations};

/// Adds a sidecar to every pod that has none yet, and then drops the label of the module's version. Where there is no such
/// label the patch fails, and the API server refuses the pod.
async fn add_sidecar(body: Bytes) -> impl IntoResponse {
    let review: Value = serde_json::from_slice(&body).expect("the API server sends JSON");
    let sidecar = json!({"name": "mesh", "image": "mesh:1", "resources": {}});
    let containers = review["request"]["object"]["spec"]["containers"].as_array().cloned().unwrap_or_default();
    let mut response = json!({"uid": review["request"]["uid"], "allowed": true});
    if containers.iter().all(|container| container["name"] != "mesh") {
        let patch = json!([
            {"op": "add", "path": "/spec/containers/-", "value": sidecar},
            {"op": "remove", "path": "/metadata/labels/module.koupleless.io~1version"},
        ]);
        response["patchType"] = json!("JSONPatch");
        response["patch"] = json!(STANDARD.encode(patch.to_string()));
    }
    let answer = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
    ([(header::CONTENT_TYPE, "application/json")], answer.to_string())
}

#[tokio::test]
async fn a_webhook_that_changes_pods_after_us_converges_with_us() -> Result<()> {
    // Given a second webhook, by its name behind ours, that adds a sidecar to the pods of one namespace and drops a label
    // that we add
    runtime::install_crypto_provider();
    let stage = shared().await?;
    let scene = Scene::with_bases(stage, 1).await?;
    let certificate = ServingCertificate::issue(&stage.plane, &["localhost"])?;
    let current = certificates::Current::none(certificates::CertificateMetrics::default());
    let files = certificates::Files { certificate: certificate.cert_path.clone(), key: certificate.key_path.clone() };
    current.set(files.load()?.0);
    let config = serving::server_config(Arc::new(current), &serving::TlsSettings::default());
    let listener = serving::Listener::bind_tls(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), config).await?;
    let port = listener.local_addr()?.port();
    let router = axum::Router::new().route("/", post(add_sidecar));
    let shutdown = serving::Shutdown::default();
    let _stop_at_the_end = shutdown.stop.clone().drop_guard();
    tokio::spawn(serving::serve(listener, router, serving::ServerOptions::default(), shutdown));
    let name = format!("zz-{}", scene.namespace);
    scene
        .apply(&json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [{
                "name": "sidecar.example.com",
                "clientConfig": {
                    "url": format!("https://localhost:{port}/"),
                    "caBundle": STANDARD.encode(&certificate.ca_pem),
                },
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": scene.namespace}},
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
            }],
        }))
        .await?;
    // When a module is applied, and its pods deleted until one has met both webhooks
    scene.apply(&Module::new("meshed", "1.0.0", &scene.base).deployment(1)).await?;
    let pod = warden_testbed::eventually("a pod has the sidecar", LONG, async || {
        let pods = scene.list("pods").await.map_err(|error| error.to_string())?;
        let meshed = pods.iter().find(|pod| pod["spec"]["containers"].as_array().is_some_and(|list| list.len() == 2));
        if meshed.is_none() {
            let delete = ["delete", "pods", "--all", "--grace-period=0", "--force", "--wait=false"];
            scene.kubectl(&delete).await.map_err(|error| error.to_string())?;
        }
        meshed.cloned().with_context(|| format!("{pods:?}")).map_err(|error| error.to_string())
    })
    .await?;
    // Then it has the label again, which only our second call can have brought
    ensure!(pod["metadata"]["labels"]["module.koupleless.io/version"] == "1.0.0", "{}", pod["metadata"]);
    // And it has everything else that we add, once, and its base runs the module
    let on_pod = tolerations(&pod["spec"]);
    let mut single = on_pod.clone();
    single.dedup();
    ensure!(on_pod == single && on_pod.len() == 4, "{on_pod:?}");
    let terms = &pod["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    ensure!(terms.as_array().is_some_and(|terms| terms.len() == 1), "{terms}");
    let runs_it = |ledger: &warden_testbed::ledger::Ledger| {
        ledger.runs(&scene.nodes[0]).contains(&warden_testbed::ledger::Module::new("meshed", "1.0.0"))
    };
    let ledger = stage.plane.ledger();
    ledger.wait_until("the base runs it", LONG, |l| runs_it(l).then_some(()).ok_or(l.to_string())).await?;
    scene.kubectl(&["delete", "mutatingwebhookconfiguration", &name]).await?.expect_success()?;
    Ok(())
}
