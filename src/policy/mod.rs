//! What a module must look like, decided: an object and what surrounds it in, a verdict out.
//!
//! Pure: no client, no clock, no runtime. The webhook and `warden review` call the same functions. The defaults fill in what
//! the user left out, one file each; the rules refuse or warn, one file each.

mod carried;
mod defaults;
mod draft;
mod found;
mod peers;
mod pod_update;
mod rule;
mod rules;
mod selection;
mod sources;
mod undo;
mod verdict;

use serde_json::Value;

pub use draft::Patch;
pub use peers::CountBases;
pub use rule::{CannotBeLowered, Rule, Severities, Severity};
pub use sources::{DefaultBase, NamespaceFacts, Sources};
pub use verdict::{Fault, Findings, Verdict, Violation, Warning};

use crate::module::{Kind, Workload, shape};
use crate::vocabulary as keys;
use draft::Draft;
use found::Found;

/// What is configured for a whole cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The environment of modules that say none, nor does their namespace.
    pub default_env: String,
    /// The seconds of the tolerations that the API server's DefaultTolerationSeconds plugin gives every Pod.
    pub default_toleration_seconds: i64,
    /// The base of modules for which nothing else says one.
    pub default_base: DefaultBase,
    /// What is refused, and what is only warned about.
    pub severities: Severities,
}

/// What happens to an object, and what surrounds it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The object's kind.
    pub kind: Kind,
    /// The object as it was, when it is being updated; none when it is being created.
    pub old: Option<&'a Value>,
    /// What is known of the object's Namespace.
    pub namespace: Option<&'a NamespaceFacts>,
    /// Who can say how many bases a new peer Deployment is for, if anybody can.
    pub peers: Option<&'a dyn CountBases>,
}

/// An object after injection.
#[derive(Debug, Clone, PartialEq)]
pub struct Injected {
    /// The object with everything filled in.
    pub object: Value,
    /// The operations that lead there.
    pub patch: Patch,
    /// What the user should know of values that were brought up to date.
    pub warnings: Vec<Warning>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            default_env: keys::ENV_DEFAULT.to_owned(),
            default_toleration_seconds: keys::DEFAULT_TOLERATION_SECONDS,
            default_base: DefaultBase::default(),
            severities: Severities::default(),
        }
    }
}

impl Policy {
    /// Fills in what the user left out.
    ///
    /// What the user wrote is neither removed nor overwritten, but for `spec.replicas` of a peer Deployment, which is not the
    /// user's number. Doing it twice changes nothing the second time. Objects that are no modules, that opted out, or whose
    /// fields have wrong types come back as they are.
    pub fn inject(&self, request: Request<'_>, object: Value) -> Injected {
        let mut draft = Draft::new(object);
        let workload = Workload::new(request.kind, draft.object());
        let untouched = !workload.is_module()
            || workload.switched(keys::INJECT, "false")
            || !shape::check(request.kind, draft.object()).is_empty();
        if !untouched {
            // A controller made this from a template of its own; to change it would set the two at odds for ever.
            let owned = request.kind != Kind::Pod && workload.has_controller();
            if let (Kind::Pod, Some(old)) = (request.kind, request.old) {
                pod_update::keep_what_it_was_made_with(&mut draft, request, self, old);
            } else if !owned {
                if self.template_is_the_users(request, workload) {
                    let rollback = undo::rollback(&draft, request, self);
                    carried::bring_up_to_date(&mut draft, request, self);
                    defaults::fill_in_template(&mut draft, request, self);
                    draft = undo::leave_alone(rollback, draft, request);
                }
                defaults::fill_in_workload(&mut draft, request, self);
            }
        }
        draft.finish()
    }

    /// Says everything that is wrong with an object as it would be stored, and everything that is odd.
    pub fn check(&self, request: Request<'_>, object: &Value) -> Findings {
        let workload = Workload::new(request.kind, object);
        // A Deployment's ReplicaSet and a CronJob's Job are copies of what was judged, and to refuse them mends nothing.
        let is_copy = matches!(request.kind, Kind::ReplicaSet | Kind::Job) && workload.has_controller();
        if !workload.is_module() || is_copy {
            return Findings::default();
        }
        rules::check(request, workload).tell(&self.severities)
    }

    /// Injection, then the check of what came out: what the cluster's two webhooks do together.
    pub fn review(&self, request: Request<'_>, object: Value) -> (Value, Verdict) {
        let injected = self.inject(request, object);
        let findings = self.check(request, &injected.object);
        let warnings = injected.warnings.into_iter().chain(findings.warnings).collect();
        let verdict = Verdict { patch: injected.patch, warnings, violations: findings.violations };
        (injected.object, verdict)
    }

    /// Whether the template is new, or the user changed it or what it is filled in from. Any other change to it would start
    /// a rollout that nobody asked for.
    fn template_is_the_users(&self, request: Request<'_>, workload: Workload<'_>) -> bool {
        request.old.is_none_or(|old| {
            let old = Workload::new(request.kind, old);
            // What a Job's Pods are made from is immutable: a declaration comes too late for it.
            let may_change = request.kind != Kind::Job;
            workload.template().value() != old.template().value()
                || (may_change && Sources::of(workload, request.namespace).differ_from(old, &self.default_env))
        })
    }
}
