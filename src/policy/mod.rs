//! Decides what a module must look like: an object and its surroundings in, a [`Verdict`] out.
//!
//! Pure: no client, no clock, no runtime. The webhooks and `warden review` call the same functions. The defaults fill in
//! what the user left out, one file each; the rules refuse or warn, one file each and one line in the table
//! ([`Rule::ALL`]).

mod carried;
mod count_bases;
mod declarations;
mod defaults;
mod draft;
mod pod_update;
mod rerelease;
mod rule;
mod rules;
mod selection;
mod severity;
mod undo;
mod verdict;

use serde_json::Value;

pub use count_bases::CountBases;
pub use declarations::{DefaultBase, NamespaceFacts};
pub use draft::Patch;
pub use rule::{CannotBeLowered, Rule, Severities};
pub use severity::Severity;
pub use verdict::{CauseType, Verdict, Violation, Warning};

use crate::module::{Kind, Workload, shape};
use crate::vocabulary as keys;
use declarations::Declarations;
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
    /// Counts the bases for a new peer Deployment; None where no inventory of bases is at hand.
    pub peers: Option<&'a dyn CountBases>,
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
    /// Fills in what the user left out. Returns the object with everything filled in, and the patch that leads there.
    ///
    /// Values that the user wrote are neither removed nor overwritten, except for `spec.replicas` of a peer Deployment, which
    /// warden keeps. A second call changes nothing. Objects that are not modules, that opted out, or whose fields have wrong
    /// types are returned unchanged.
    pub fn inject(&self, request: Request<'_>, object: Value) -> (Value, Verdict) {
        let mut draft = Draft::new(object);
        let workload = Workload::new(request.kind, draft.object());
        let untouched = !workload.is_module()
            || workload.switched(keys::INJECT, "false")
            || !shape::check(request.kind, draft.object()).is_empty();
        if !untouched {
            // A controller made this from its own template, and would revert a change.
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

    /// Checks an object as it would be stored against all rules.
    pub fn check(&self, request: Request<'_>, object: &Value) -> Verdict {
        let workload = Workload::new(request.kind, object);
        // A Deployment's ReplicaSet and a CronJob's Job copy a template that was checked already. Refusing them fixes nothing.
        let is_copy = matches!(request.kind, Kind::ReplicaSet | Kind::Job) && workload.has_controller();
        if !workload.is_module() || is_copy {
            return Verdict::default();
        }
        rules::check(request, workload, &self.severities)
    }

    /// Injects, and checks the result: what the cluster's two webhooks do together.
    pub fn review(&self, request: Request<'_>, object: Value) -> (Value, Verdict) {
        let (object, mut verdict) = self.inject(request, object);
        let checked = self.check(request, &object);
        verdict.warnings.extend(checked.warnings);
        verdict.violations = checked.violations;
        (object, verdict)
    }

    /// Whether the template is new, or the user changed it or a declaration that it is filled in from. On any other update,
    /// filling it in would start a rollout that the user did not ask for.
    fn template_is_the_users(&self, request: Request<'_>, workload: Workload<'_>) -> bool {
        request.old.is_none_or(|old| {
            let old = Workload::new(request.kind, old);
            // The template of a Job is immutable: a declaration comes too late for it.
            let may_change = request.kind != Kind::Job;
            workload.template().value() != old.template().value()
                || (may_change && Declarations::of(workload, request.namespace).differ_from(old, &self.default_env))
        })
    }
}
