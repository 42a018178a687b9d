//! Annotations that warden reads have values that it understands.

use super::Context;
use crate::module::{Follow, check_followers, check_label_value};
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary::{Annotation, AnnotationValue};

pub(super) const RULE: Rule = Rule {
    name: "annotation-values",
    severity: Severity::Deny,
    broken_when: "an annotation of warden's, or a declared base or environment, has an invalid value. If lowered, such an \
                  annotation has no effect",
    scope: Scope::EveryWrite,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (metadata, _) in context.metadata() {
        for key in metadata.annotation_keys() {
            let value = metadata.annotation(key).unwrap_or_default();
            if let Some((problem, remedy)) = Annotation::named(key).and_then(|it| invalid(it.value, value)) {
                let warning = format!("{key}: {problem}");
                let violation = Violation::invalid(metadata.annotation_path(key), problem, remedy);
                violations.push(violation.or_warn(warning));
            }
        }
    }
    violations
}

/// What is wrong with a value, and how to fix it.
fn invalid(syntax: AnnotationValue, value: &str) -> Option<(String, &'static str)> {
    match syntax {
        AnnotationValue::Switch => (!["true", "false"].contains(&value))
            .then(|| (format!("{value:?} is neither \"true\" nor \"false\""), "set it to one of the two, in quotes")),
        AnnotationValue::Workload => {
            // The syntax does not depend on the namespace of the annotated object.
            let error = Follow::parse(value, "").err()?;
            let remedy = "set it to Deployment/NAME or StatefulSet/NAME, preceded by NAMESPACE/ for another namespace";
            Some((format!("{value:?} {error}"), remedy))
        }
        AnnotationValue::LabelValue => {
            let error = check_label_value(value).err()?;
            Some((format!("{value:?} {error}, so no base can have it"), "set it to the value that the bases have"))
        }
        AnnotationValue::Namespaces => {
            let error = check_followers(value).err()?;
            Some((format!("{value:?} {error}"), "set it to names of namespaces with commas between them, or to \"*\""))
        }
        AnnotationValue::WrittenByWarden => None,
    }
}
