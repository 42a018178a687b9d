//! Annotations are on objects where they have an effect.

use super::Context;
use crate::module::Kind;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary::{self as keys, ANNOTATIONS, AnnotationPlace, AnnotationValue};

pub(super) const RULE: Rule = Rule {
    name: "misplaced-annotations",
    severity: Severity::Warn,
    broken_when: "an annotation is on an object where it has no effect, or an opt-out is on the workload alone",
    scope: Scope::EveryWrite,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let mut violations = for_peers_elsewhere(context);
    violations.extend(opt_out_without_template(context));
    violations
}

/// Annotations for peer Deployments that are on other objects.
fn for_peers_elsewhere(context: &Context<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (metadata, _) in context.metadata().into_iter().filter(|(_, is_peer)| !is_peer) {
        let for_peers = ANNOTATIONS.iter().filter(|annotation| {
            annotation.place == AnnotationPlace::PeerDeployment && annotation.value != AnnotationValue::WrittenByWarden
        });
        for key in for_peers.map(|annotation| annotation.key).filter(|key| metadata.annotation(key).is_some()) {
            let problem = format!("annotation {key} has no effect here: it is for Deployments with strategy peer");
            let remedy = "remove it, or put it on a Deployment with strategy peer";
            violations.push(Violation::invalid(metadata.annotation_path(key), problem, remedy));
        }
    }
    violations
}

/// An opt-out on the workload alone: warden still fills in its Pods.
fn opt_out_without_template(context: &Context<'_>) -> Option<Violation> {
    let of_template = context.template.metadata();
    let own = context.workload.metadata().annotation(keys::INJECT);
    let alone =
        context.workload.kind() != Kind::Pod && own == Some("false") && of_template.annotation(keys::INJECT) != own;
    alone.then(|| {
        let problem = format!("{} does not reach the Pods: they need it on the template", keys::INJECT);
        Violation::invalid(of_template.annotation_path(keys::INJECT), problem, "add it to the template")
    })
}
