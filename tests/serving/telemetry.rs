//! The metrics and log lines of a review, and the pages for probes and metrics.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use koupleless_warden::admission::Endpoint;
use koupleless_warden::cluster::NamespaceUnavailable;
use koupleless_warden::policy::NamespaceFacts;
use koupleless_warden::runtime::{Ops, Readiness, ops_router};
use koupleless_warden::serving::{self, Listener, ServerOptions, Shutdown, Timeouts};
use prometheus_client::registry::Registry;
use rstest::rstest;
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::client::get;
use crate::faults::{haunted, panics_in_haunted};
use crate::reviews::{UID, creation_of, module, patched, refused_module};
use crate::server::{Answering, Server, nothing_said, reviewer};

#[tokio::test]
async fn reviews_are_counted_by_endpoint_kind_operation_and_outcome() {
    let server = Server::with(Answering(unavailable_in_nowhere), Timeouts::default()).await;
    let client = server.client();
    let review = creation_of(module());
    let answer = client.review("/mutate", &review).await;
    let filled_in = creation_of(patched(&review, &answer));
    for _ in 0..2 {
        client.review("/validate", &filled_in).await;
    }
    client.review("/validate", &creation_of(refused_module())).await;
    client.post("/mutate", "no review").await;
    let mut nowhere = module();
    nowhere["metadata"]["namespace"] = json!("nowhere");
    client.post("/mutate", creation_of(nowhere).to_string()).await;
    let mut service = creation_of(module());
    service["request"]["kind"]["kind"] = json!("Service");
    client.review("/mutate", &service).await;

    let metrics = get(ops(&Readiness::default(), &server.registry).await, "/metrics").await.body;
    for (endpoint, kind, operation, outcome, count) in [
        ("mutate", "Deployment", "CREATE", "patched", 1),
        ("validate", "Deployment", "CREATE", "allowed", 2),
        ("validate", "Deployment", "CREATE", "denied", 1),
        ("mutate", "Deployment", "CREATE", "failed", 1),
        ("mutate", "unknown", "unknown", "undecodable", 1),
        ("mutate", "other", "CREATE", "allowed", 1),
    ] {
        let labels = format!("endpoint=\"{endpoint}\",kind=\"{kind}\",operation=\"{operation}\",outcome=\"{outcome}\"");
        has_line(&metrics, &format!("warden_admission_reviews_total{{{labels}}} {count}"));
    }
    has_line(&metrics, "warden_admission_review_duration_seconds_count{endpoint=\"mutate\"} 4");
    has_line(&metrics, "warden_admission_review_duration_seconds_count{endpoint=\"validate\"} 3");
    has_line(&metrics, "warden_admission_reviews_in_flight 0");
    has_line(&metrics, "# EOF");
}

#[tokio::test]
async fn a_panic_is_counted_as_a_failure_and_leaves_no_review_in_flight() {
    let server = Server::with(Answering(panics_in_haunted), Timeouts::default()).await;
    server.client().post("/mutate", creation_of(haunted()).to_string()).await;
    let metrics = get(ops(&Readiness::default(), &server.registry).await, "/metrics").await.body;
    let labels = "endpoint=\"mutate\",kind=\"Deployment\",operation=\"CREATE\",outcome=\"failed\"";
    has_line(&metrics, &format!("warden_admission_reviews_total{{{labels}}} 1"));
    has_line(&metrics, "warden_admission_review_duration_seconds_count{endpoint=\"mutate\"} 1");
    has_line(&metrics, "warden_admission_reviews_in_flight 0");
}

#[tokio::test]
async fn readyz_lists_the_conditions_and_healthz_does_not_depend_on_them() {
    let readiness = Readiness::default();
    let caches = readiness.condition("caches");
    let address = ops(&readiness, &Arc::default()).await;
    let answer = get(address, "/readyz").await;
    assert_eq!((answer.code, answer.body.as_str()), (503, "[-]caches\n"));
    assert_eq!(get(address, "/healthz").await.code, 200);
    caches.set(true);
    let answer = get(address, "/readyz").await;
    assert_eq!((answer.code, answer.body.as_str()), (200, "[+]caches\n"));
}

/// The API server checks the name of a new object only after warden has reviewed it.
#[tokio::test]
async fn no_text_of_a_review_is_logged_at_any_length() {
    let spans = Spans::default();
    let _recording = spans.record();
    let mut review = creation_of(refused_module());
    review["request"]["name"] = json!("n".repeat(1 << 20));
    review["request"]["userInfo"] = json!({"username": "u".repeat(1 << 20)});
    let (reviewer, _) = reviewer(Answering(nothing_said));
    reviewer.answer(Endpoint::Validate, review.to_string().as_bytes()).await;

    let span = spans.the_one();
    let lengths: Vec<(&str, usize)> = span.iter().map(|(name, value)| (name.as_str(), value.len())).collect();
    assert!(lengths.contains(&("name", 503)) && lengths.iter().all(|(_, length)| *length < 600), "{lengths:?}");
}

/// With names of several lengths, since base64 pads what is not a multiple of three.
#[rstest]
#[tokio::test]
async fn a_review_is_one_span_with_its_object_and_verdict(#[values("biz1", "biz12", "biz123")] name: &str) {
    let spans = Spans::default();
    let _recording = spans.record();
    let mut module = module();
    module["metadata"]["name"] = json!(name);
    module["spec"]["template"]["spec"]["containers"][0]["name"] = json!(name);
    let mut review = creation_of(module);
    review["request"]["dryRun"] = json!(true);
    let (reviewer, _) = reviewer(Answering(nothing_said));
    let reply = reviewer.answer(Endpoint::Mutate, review.to_string().as_bytes()).await;

    let span = spans.the_one();
    let told: BTreeMap<&str, &str> = span.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for (field, value) in [
        ("endpoint", "mutate"),
        ("uid", UID),
        ("kind", "Deployment"),
        ("namespace", "shop"),
        ("name", name),
        ("operation", "CREATE"),
        ("dry_run", "true"),
        ("allowed", "true"),
        ("patch_bytes", &patch_bytes(&reply.body).to_string()),
    ] {
        assert_eq!(told.get(field), Some(&value), "{field} of {told:?}");
    }
    told["duration_us"].parse::<u64>().unwrap();
    assert!(!told.contains_key("refused") && !told.contains_key("user"), "{told:?}");
}

#[tokio::test]
async fn the_span_of_a_refusal_has_its_reasons_and_the_user() {
    let spans = Spans::default();
    let _recording = spans.record();
    let (reviewer, _) = reviewer(Answering(nothing_said));
    let mut review = creation_of(refused_module());
    review["request"]["userInfo"]["username"] = json!("jane");
    reviewer.answer(Endpoint::Validate, review.to_string().as_bytes()).await;
    let span = spans.the_one();
    assert_eq!((span["allowed"].as_str(), span["patch_bytes"].as_str()), ("false", "0"), "{span:?}");
    assert_eq!(span["user"], "jane");
    assert!(span["refused"].starts_with("spec.") && span["refused"].contains(": "), "{span:?}");
}

#[tokio::test]
async fn the_span_of_a_failed_review_has_no_decision() {
    let spans = Spans::default();
    let _recording = spans.record();
    let (reviewer, _) = reviewer(Answering(panics_in_haunted));
    reviewer.answer(Endpoint::Mutate, creation_of(haunted()).to_string().as_bytes()).await;
    let span = spans.the_one();
    assert_eq!(span["uid"], UID);
    assert!(!span.contains_key("allowed") && span.contains_key("duration_us"), "{span:?}");
}

fn unavailable_in_nowhere(name: &str) -> Result<Option<NamespaceFacts>, NamespaceUnavailable> {
    match name {
        "nowhere" => Err(NamespaceUnavailable { name: name.to_owned(), reason: "no answer".to_owned() }),
        name => nothing_said(name),
    }
}

/// Serves the ops port, and returns its address.
pub(crate) async fn ops(readiness: &Readiness, registry: &Arc<Registry>) -> SocketAddr {
    let listener = Listener::bind_plain((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = ops_router(Ops { readiness: readiness.clone(), registry: registry.clone() });
    let options = ServerOptions::for_ops(serving::Metrics::default());
    tokio::spawn(serving::serve(listener, router, options, Shutdown::default()));
    address
}

#[track_caller]
pub(crate) fn has_line(text: &str, line: &str) {
    assert!(text.lines().any(|one| one == line), "no line {line} in\n{text}");
}

/// The size of the patch before its encoding in base64.
fn patch_bytes(answer: &Value) -> usize {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(answer["response"]["patch"].as_str().unwrap()).unwrap().len()
}

/// Records the fields of every span.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<BTreeMap<u64, BTreeMap<String, String>>>>);

struct Fields<'a>(&'a mut BTreeMap<String, String>);

impl Spans {
    /// Records what happens on this thread until the guard is dropped.
    fn record(&self) -> DefaultGuard {
        tracing::subscriber::set_default(tracing_subscriber::registry().with(self.clone()))
    }

    /// The fields of the only span.
    #[track_caller]
    fn the_one(&self) -> BTreeMap<String, String> {
        let spans = self.0.lock().unwrap();
        assert_eq!(spans.len(), 1, "{spans:?}");
        spans.values().next().unwrap().clone()
    }
}

impl<S: tracing::Subscriber> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        attributes.record(&mut Fields(self.0.lock().unwrap().entry(id.into_u64()).or_default()));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        values.record(&mut Fields(self.0.lock().unwrap().entry(id.into_u64()).or_default()));
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}
