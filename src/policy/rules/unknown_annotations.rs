//! Annotations with warden's prefix are ones that it knows.

use super::Context;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary::{self as keys, Annotation};

pub(super) const RULE: Rule = Rule {
    name: "unknown-annotations",
    severity: Severity::Warn,
    broken_when: "warden does not know an annotation with its prefix",
    scope: Scope::EveryWrite,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (metadata, _) in context.metadata() {
        let unknown = |key: &&str| key.starts_with(keys::WARDEN_PREFIX) && Annotation::named(key).is_none();
        for key in metadata.annotation_keys().filter(unknown) {
            let problem = format!("annotation {key} is unknown and has no effect");
            violations.push(Violation::invalid(
                metadata.annotation_path(key),
                problem,
                "remove it, or correct its key",
            ));
        }
    }
    violations
}
