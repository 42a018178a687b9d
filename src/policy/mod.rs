//! Decides what a module must look like: an object and its surroundings in, a [`Verdict`] out.
//!
//! Pure: no client, no clock, no runtime. The webhooks and `warden review` call the same functions. A workload's template stays as
//! its author wrote it, but for one annotation ([`Placement`]); its Pods are completed when they are created. The defaults fill in
//! what the user left out, one file each; the rules refuse or warn, one file each and one line in the table ([`Rule::ALL`]).

mod annotate;
mod count_bases;
mod declarations;
mod defaults;
mod derived;
mod draft;
mod limit_range;
mod namespace;
mod placement;
mod pod_update;
mod rerelease;
mod revision;
mod rule;
mod rules;
mod selection;
mod severity;
mod verdict;

use serde_json::{Value, json};

pub use count_bases::CountBases;
pub use declarations::DefaultBase;
pub use draft::Patch;
pub use limit_range::{LimitRangeFacts, LimitRangeSpec};
pub use namespace::NamespaceFacts;
pub use placement::Placement;
pub use revision::{ReleasedModule, Revision, TemplateDigest};
pub use rule::{CannotBeLowered, Rule, Severities};
pub use severity::Severity;
pub use verdict::{CauseType, Verdict, Violation, Warning};

use crate::module::{Kind, Workload, shape};
use crate::vocabulary as keys;
use draft::Draft;

/// What is configured for a whole cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The environment of modules for which neither the manifest nor the Namespace declares one.
    pub default_env: String,
    /// The seconds of the tolerations that the API server's DefaultTolerationSeconds plugin adds to every Pod.
    pub default_toleration_seconds: i64,
    /// The base of modules for which nothing else declares one.
    pub default_base: DefaultBase,
    /// The grace period of the Pods of modules that set none, in seconds. None leaves them Kubernetes' default of 30 s.
    pub grace_period_seconds: Option<u64>,
    /// Which rules refuse and which only warn.
    pub severities: Severities,
}

/// One write of an object, and its surroundings.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The object's kind.
    pub kind: Kind,
    /// The object before an update; None when it is created.
    pub old: Option<&'a Value>,
    /// The labels and annotations of the object's Namespace; None where they are unknown.
    pub namespace: Option<&'a NamespaceFacts>,
    /// The LimitRanges of the Namespace, where [`Policy::needs_limit_ranges`]; empty where they are unknown.
    pub limit_ranges: &'a [LimitRangeFacts],
    /// Counts the bases for a new peer Deployment; None where no inventory of bases is at hand.
    pub peers: Option<&'a dyn CountBases>,
    /// The earlier revisions of the workload, where [`Policy::needs_revisions`]; empty where they are unknown.
    pub revisions: &'a [Revision],
}

impl<'a> Request<'a> {
    /// The creation of an object of `kind`, with nothing known around it.
    pub fn creation(kind: Kind) -> Self {
        Self { kind, old: None, namespace: None, limit_ranges: &[], peers: None, revisions: &[] }
    }

    /// The same, in a Namespace.
    #[must_use]
    pub fn in_namespace(self, namespace: Option<&'a NamespaceFacts>) -> Self {
        Self { namespace, ..self }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            default_env: keys::ENV_DEFAULT.to_owned(),
            default_toleration_seconds: keys::DEFAULT_TOLERATION_SECONDS,
            default_base: DefaultBase::default(),
            grace_period_seconds: None,
            severities: Severities::default(),
        }
    }
}

impl Policy {
    /// Completes a Pod, or does what little a workload needs. Returns the object as it is stored, and the patch that leads there.
    ///
    /// Values that the user wrote are neither removed nor overwritten, except for `spec.replicas` of a peer Deployment, which
    /// warden keeps. A second call changes nothing. Objects whose fields have wrong types are returned unchanged. So are objects that
    /// are not modules, and those that opted out, but for the identity labels of Pods.
    pub fn inject(&self, request: Request<'_>, object: Value) -> (Value, Verdict) {
        let mut draft = Draft::new(object);
        let workload = Workload::new(request.kind, draft.object());
        let is_filled_in = workload.is_module() && !workload.switched(keys::INJECT, "false");
        let is_owned = workload.has_controller();
        if !shape::check(request.kind, draft.object()).is_empty() {
            return draft.finish();
        }
        match (request.kind, request.old) {
            (Kind::Pod, Some(old)) => {
                if is_filled_in {
                    pod_update::keep_what_it_was_made_with(&mut draft, request, self, old);
                }
                defaults::label_pod(&mut draft, request, self);
            }
            (Kind::Pod, None) if is_filled_in => defaults::complete_pod(&mut draft, request, self),
            (Kind::Pod, None) => defaults::label_pod(&mut draft, request, self),
            _ if is_filled_in => {
                // The controller of a workload would revert what is filled in, but for the replicas of a peer, which it shares with
                // warden.
                if !is_owned {
                    annotate::annotate(&mut draft, request, self);
                    defaults::derive_template_from_annotation(&mut draft, request, self);
                    defaults::label_workload(&mut draft, request, self);
                }
                defaults::set_replicas(&mut draft, request, self);
            }
            _ => {}
        }
        draft.finish()
    }

    /// Checks an object as it would be stored against all rules. Any other object than a module is
    /// checked for whether it was meant as one.
    pub fn check(&self, request: Request<'_>, object: &Value) -> Verdict {
        let workload = Workload::new(request.kind, object);
        // A Deployment's ReplicaSet and a CronJob's Job copy a template that was checked already. Refusing them fixes nothing.
        let is_copy = matches!(request.kind, Kind::ReplicaSet | Kind::ReplicationController | Kind::Job)
            && workload.has_controller();
        if is_copy {
            return Verdict::default();
        }
        let completed = if workload.is_module() { self.completed(request, object) } else { object.clone() };
        rules::check(request, workload, &completed, self)
    }

    /// Checks an object of a kind that warden does not read ([`Kind`]) for whether it was meant as a module.
    pub fn check_other_kind(&self, object: &Value) -> Verdict {
        rules::check_other_kind(object, self)
    }

    /// The same policy, with every rule refusing.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.severities = Severities::strict();
        self
    }

    /// Injects, and checks the result: what the cluster's two webhooks do together.
    pub fn review(&self, request: Request<'_>, object: Value) -> (Value, Verdict) {
        let (object, mut verdict) = self.inject(request, object);
        let checked = self.check(request, &object);
        verdict.warnings.extend(checked.warnings);
        verdict.violations = checked.violations;
        (object, verdict)
    }

    /// The grace period that is configured for the Pods of `workload`; None where its author set one.
    fn grace_period(&self, workload: Workload<'_>) -> Option<u64> {
        self.grace_period_seconds.filter(|_| defaults::is_grace_period_unset(workload))
    }

    /// The Pod that the controller of the stored workload `object` would make now, once it is completed. A stored Pod is itself.
    pub fn pod_of(&self, request: Request<'_>, object: &Value) -> Value {
        made_pod(request.kind, &self.completed(request, object))
    }

    /// Whether `object` can only be decided on with the earlier revisions of its workload ([`Request::revisions`]).
    pub fn needs_revisions(&self, request: Request<'_>, object: &Value) -> bool {
        let workload = Workload::new(request.kind, object);
        workload.is_module()
            && shape::check(request.kind, object).is_empty()
            && annotate::needs_revisions(request, object)
    }

    /// Whether the LimitRanges of the Namespace decide on `object` ([`Request::limit_ranges`]): it leads to new Pods, which warden
    /// completes.
    pub fn needs_limit_ranges(&self, request: Request<'_>, object: &Value) -> bool {
        let workload = Workload::new(request.kind, object);
        let template = workload.template();
        let makes_pods = request.old.is_none_or(|old| {
            let old = Workload::new(request.kind, old);
            request.kind != Kind::Pod && (old.is_paused() || old.template().value() != template.value())
        });
        workload.is_module()
            && !workload.has_controller()
            && makes_pods
            && template.metadata().annotation(keys::INJECT) != Some("false")
            && shape::check(request.kind, object).is_empty()
    }

    /// What the LimitRanges of the Namespace refuse the new Pod `object` for, after it is completed. The API server asks them
    /// before it asks for [`Self::check`].
    pub fn warn_of_limit_ranges(&self, request: Request<'_>, object: &Value) -> Vec<Warning> {
        rules::warn_of_limit_ranges(request.limit_ranges, &Workload::new(request.kind, object).template())
    }

    /// The stored `object` with its template completed as its Pods will be. Fields have the paths that they have in the object.
    fn completed(&self, request: Request<'_>, object: &Value) -> Value {
        let workload = Workload::new(request.kind, object);
        let mut draft = Draft::new(object.clone());
        if request.kind == Kind::Pod || !shape::check(request.kind, object).is_empty() {
            // A Pod is stored as its controller sees it.
        } else if workload.template().metadata().annotation(keys::INJECT) == Some("false") {
            defaults::label_pod(&mut draft, request, self);
        } else {
            defaults::complete_pod(&mut draft, request, self);
        }
        draft.finish().0
    }
}

/// The Pod that the controller of the workload `object` makes, as it sends it to the API server. A Pod is itself.
pub fn made_pod(kind: Kind, object: &Value) -> Value {
    if kind == Kind::Pod {
        return object.clone();
    }
    let workload = Workload::new(kind, object);
    let mut pod = json!({"apiVersion": "v1", "kind": Kind::Pod.name()});
    for field in ["metadata", "spec"] {
        if let Some(value) = workload.template().value().and_then(|template| template.get(field)) {
            pod[field] = value.clone();
        }
    }
    // Fields of another type are found by their rule.
    if pod["metadata"].is_object() || pod["metadata"].is_null() {
        if let Some(namespace) = object.pointer("/metadata/namespace") {
            pod["metadata"]["namespace"] = namespace.clone();
        }
        pod["metadata"]["generateName"] = json!(format!("{}-", workload.name()));
    }
    pod
}
