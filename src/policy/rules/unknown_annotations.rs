//! Annotations with warden's prefix, and declarations of a base, are ones that it knows.

use super::Context;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary::{self as keys, Annotation};

pub(super) const RULE: Rule = Rule {
    name: "unknown-annotations",
    severity: Severity::Warn,
    broken_when: "warden does not know an annotation with its prefix, or an annotation or label with that of bases",
    scope: Scope::EveryWrite,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (metadata, _) in context.metadata() {
        let unknown = |key: &&str| key.starts_with(keys::WARDEN_PREFIX) && Annotation::named(key).is_none();
        // With a misspelt name, the other declarations alone decide which bases the module goes to.
        let no_base = |key: &&str| key.starts_with(keys::BASE_PREFIX) && !keys::BASE_SELECTION.contains(key);
        let declared = metadata.annotation_keys().map(|key| ("annotation", key, metadata.annotation_path(key)));
        let labelled = metadata.labels().map(|(key, _)| ("label", key, metadata.label_path(key)));
        for (what, key, path) in declared.chain(labelled).filter(|(_, key, _)| no_base(key)) {
            let problem = format!("{what} {key} declares no base and has no effect");
            let remedy = format!("remove it, or correct its key: {}", keys::BASE_SELECTION.join(", "));
            violations.push(Violation::invalid(path, problem, remedy));
        }
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
