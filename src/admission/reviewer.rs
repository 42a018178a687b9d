//! From a request to an answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument as _, Span, field};

use super::envelope::{self, Answer, DecodeError, Denial, Operation};
use super::metrics::Outcome;
use super::refusal;
use super::scale::{self, OwnUser};
use super::{ClusterView, Endpoint, Metrics};
use crate::cluster::{NamespaceUnavailable, RevisionsUnavailable};
use crate::k8s::LogLimiter;
use crate::module::{Kind, Workload};
use crate::policy::{self, CountBases, LimitRangeFacts, Policy, Warning};

/// Answers reviews.
#[derive(Clone)]
pub struct Reviewer {
    policy: watch::Receiver<Arc<Policy>>,
    cluster: Arc<dyn ClusterView>,
    own: OwnUser,
    metrics: Metrics,
    log: LogLimiter,
}

/// An answer on its way out: an HTTP status code and a body.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// 200 for every review that was decided, 400 for what is no review, 500 for our own faults.
    pub code: u16,
    /// An AdmissionReview, or a Status where not even the uid could be read.
    pub body: Value,
}

/// The code of a review that was decided, either way.
const DECIDED: u16 = 200;

/// How long a review reads from the API server, in all. The API server gives up on a review after 3 s.
const READS_WITHIN: Duration = Duration::from_millis(2500);

/// Why a review is left to the `failurePolicy` of the webhook.
#[derive(Debug, Error)]
enum Undecided {
    #[error(transparent)]
    Namespace(#[from] NamespaceUnavailable),
    #[error(transparent)]
    Revisions(#[from] RevisionsUnavailable),
    #[error("the API server did not answer what the review asks it within {READS_WITHIN:?}")]
    Slow,
    #[error("the review failed by a fault of warden's")]
    Panic,
}

type Decision = (Answer, Vec<Warning>);

impl Reviewer {
    /// A reviewer that decides by `policy` and by what `cluster` shows.
    pub fn new(policy: Policy, cluster: Arc<dyn ClusterView>, metrics: Metrics) -> Self {
        // A receiver still has the last value after its sender is dropped.
        let policy = watch::Sender::new(Arc::new(policy)).subscribe();
        Self { policy, cluster, own: OwnUser::default(), metrics, log: LogLimiter::default() }
    }

    /// The same, by the policy that is in force at each review.
    #[must_use]
    pub fn going_by(self, policy: watch::Receiver<Arc<Policy>>) -> Self {
        Self { policy, ..self }
    }

    /// The same, for a warden whose own user name is `own`.
    #[must_use]
    pub fn for_user(self, own: OwnUser) -> Self {
        Self { own, ..self }
    }

    /// Answers the review in `body`.
    pub async fn answer(&self, endpoint: Endpoint, body: &[u8]) -> Reply {
        let _in_flight = self.metrics.begin();
        let began = Instant::now();
        let span = tracing::info_span!(
            "review",
            endpoint = endpoint.name(),
            uid = field::Empty,
            kind = field::Empty,
            namespace = field::Empty,
            name = field::Empty,
            operation = field::Empty,
            dry_run = field::Empty,
            allowed = field::Empty,
            user = field::Empty,
            refused = field::Empty,
            patch_bytes = field::Empty,
            duration_us = field::Empty,
        );
        let (reply, suppressed) = self.answer_in_span(endpoint, body, &span).instrument(span.clone()).await;
        let duration = began.elapsed();
        self.metrics.observe(endpoint, duration);
        span.record("duration_us", u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
        // A review that was decided says in its span how.
        let code = (reply.code != DECIDED).then_some(reply.code);
        if let Some(suppressed) = suppressed {
            span.in_scope(|| tracing::info!(code, suppressed, "reviewed"));
        }
        reply
    }

    /// The reply, and whether the review may be logged, as [`LogLimiter::admit`] says it. Lines of reviews that cannot be read count
    /// together.
    async fn answer_in_span(&self, endpoint: Endpoint, body: &[u8], span: &Span) -> (Reply, Option<Option<u64>>) {
        let mut request = match envelope::Request::decode(body) {
            Ok(request) => request,
            Err(error) => {
                self.metrics.count(endpoint, "unknown", "unknown", Outcome::Undecodable);
                let suppressed = self.log.admit("");
                if suppressed.is_some() {
                    tracing::warn!(error = refusal::bounded(error.to_string()), "cannot read a review");
                }
                let uid = match &error {
                    DecodeError::Review { uid, .. } => uid.as_deref(),
                    DecodeError::Json(_) => None,
                };
                let body = envelope::failure(uid, 400, "BadRequest", &error.to_string());
                return (Reply { code: 400, body }, suppressed);
            }
        };
        let suppressed = self.log.admit(&request.namespace);
        let kind = Kind::of(&request.kind.group, &request.kind.kind);
        let scales = scale::scales_a_deployment(&request);
        let kind_name = if scales { scale::KIND } else { kind.map_or("other", Kind::name) };
        let operation = request.operation.name();
        record(span, &request);
        let (reply, outcome) = match self.decide_or_fail(endpoint, kind, &mut request, suppressed.is_some()).await {
            Ok((answer, warnings)) => {
                let outcome = Outcome::of(&answer);
                span.record("allowed", outcome != Outcome::Denied);
                if let Some(refused) = refusal::of(&answer) {
                    span.record("user", refusal::bounded(request.user_info.username.clone()));
                    span.record("refused", refused);
                }
                let body = answer.encode(&request.uid, &warnings);
                let patch = body.pointer("/response/patch").and_then(Value::as_str);
                span.record("patch_bytes", patch.map_or(0, |patch| patch.trim_end_matches('=').len() * 3 / 4));
                (Reply { code: DECIDED, body }, outcome)
            }
            Err(error) => {
                let message = error.to_string();
                if suppressed.is_some() {
                    tracing::error!(error = refusal::bounded(message.clone()), "cannot decide a review");
                }
                let body = envelope::failure(Some(&request.uid), 500, "InternalError", &message);
                (Reply { code: 500, body }, Outcome::Failed)
            }
        };
        self.metrics.count(endpoint, kind_name, operation, outcome);
        (reply, suppressed)
    }

    /// Decides a review, and logs what it could not read if it is to be `logged`. A panic fails this review only: it ends like one that cannot be decided.
    async fn decide_or_fail(
        &self,
        endpoint: Endpoint,
        kind: Option<Kind>,
        request: &mut envelope::Request,
        logged: bool,
    ) -> Result<Decision, Undecided> {
        let decision = AssertUnwindSafe(self.decide(endpoint, kind, request, logged)).catch_unwind().await;
        decision.map_err(|_| Undecided::Panic).flatten()
    }

    async fn decide(
        &self,
        endpoint: Endpoint,
        kind: Option<Kind>,
        request: &mut envelope::Request,
        logged: bool,
    ) -> Result<Decision, Undecided> {
        if endpoint == Endpoint::Validate && scale::scales_a_deployment(request) {
            let answer = scale::refuse(request, &*self.cluster, &self.own).map_or(Answer::Allow, Answer::Forbid);
            return Ok((answer, Vec::new()));
        }
        let whole = request.sub_resource.as_deref().unwrap_or_default().is_empty();
        let written = matches!(request.operation, Operation::Create | Operation::Update);
        let Some(kind) = kind.filter(|_| whole && written) else {
            return Ok((Answer::Allow, Vec::new()));
        };
        let deadline = Instant::now() + READS_WITHIN;
        let namespace = match (endpoint, self.cluster.namespace(&request.namespace).await) {
            (_, Ok(namespace)) => namespace,
            (Endpoint::Mutate, Err(error)) => return Err(error.into()),
            // What the Namespace declares was resolved when the object was mutated. Without it, some warnings are missing.
            (Endpoint::Validate, Err(error)) => {
                if logged {
                    let error = refusal::bounded(error.to_string());
                    tracing::warn!(error, "an object is checked without its Namespace");
                }
                None
            }
        };
        let old = Some(&request.old_object).filter(|old| !old.is_null());
        let object = request.object.take();
        let policy = Arc::clone(&self.policy.borrow());
        let peers: Option<&dyn CountBases> = Some(&*self.cluster);
        let mut context =
            policy::Request { kind, old, namespace: namespace.as_ref(), limit_ranges: &[], peers, revisions: &[] };
        let (revisions, limit_ranges) = tokio::join!(
            async {
                match old.filter(|_| policy.needs_revisions(context, &object)) {
                    Some(old) => match timeout_at(deadline, self.cluster.revisions(kind, old)).await {
                        Ok(revisions) => revisions.map_err(Undecided::from),
                        Err(_) => Err(Undecided::Slow),
                    },
                    None => Ok(Vec::new()),
                }
            },
            async {
                // The API server asks LimitRanges about a Pod after the mutating webhooks, and before the validating ones. About a
                // workload it does not ask them.
                let is_asked_here = (kind == Kind::Pod) == (endpoint == Endpoint::Mutate);
                match is_asked_here && policy.needs_limit_ranges(context, &object) {
                    // They are only for a message, so a review goes on without them.
                    true => {
                        timeout_at(deadline, self.limit_ranges(&request.namespace, logged)).await.unwrap_or_default()
                    }
                    false => Vec::new(),
                }
            }
        );
        let revisions = revisions?;
        (context.revisions, context.limit_ranges) = (&revisions, &limit_ranges);
        Ok(match endpoint {
            Endpoint::Mutate => {
                let (object, mut verdict) = policy.inject(context, object);
                verdict.warnings.extend(policy.warn_of_limit_ranges(context, &object));
                let unchanged = verdict.patch.0.is_empty();
                let answer = if unchanged { Answer::Allow } else { Answer::Patch(verdict.patch) };
                (answer, verdict.warnings)
            }
            Endpoint::Validate => {
                let verdict = policy.check(context, &object);
                let answer = if verdict.admits() {
                    Answer::Allow
                } else {
                    let name = Workload::new(kind, &object).name().to_owned();
                    Answer::Deny(Denial { kind: request.kind.clone(), name, violations: verdict.violations })
                };
                (answer, verdict.warnings)
            }
        })
    }
}

impl Reviewer {
    /// The LimitRanges of `namespace` that refuse modules. A review goes on without them: the API server refuses the Pods then.
    async fn limit_ranges(&self, namespace: &str, logged: bool) -> Vec<LimitRangeFacts> {
        self.cluster.limit_ranges(namespace).await.unwrap_or_else(|error| {
            if logged {
                let error = refusal::bounded(error.to_string());
                tracing::warn!(error, "a module is checked without the LimitRanges of its Namespace");
            }
            Vec::new()
        })
    }
}

impl Outcome {
    fn of(answer: &Answer) -> Self {
        match answer {
            Answer::Allow => Self::Allowed,
            Answer::Patch(_) => Self::Patched,
            Answer::Deny(_) | Answer::Forbid(_) => Self::Denied,
        }
    }
}

fn record(span: &Span, request: &envelope::Request) {
    // The API server has not checked the name of a new object yet: it can be as long as a request. And another client than the API
    // server can write anything.
    let bounded = |text: &String| refusal::bounded(text.clone());
    span.record("uid", bounded(&request.uid));
    span.record("kind", bounded(&request.kind.kind));
    span.record("namespace", bounded(&request.namespace));
    span.record("name", Some(bounded(&request.name)).filter(|name| !name.is_empty()));
    span.record("operation", request.operation.name());
    span.record("dry_run", request.dry_run);
}
