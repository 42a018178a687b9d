//! Labels are in the dialect that ModuleController reads.

use super::Context;
use crate::policy::rule::Scope;
use crate::policy::{Rule, Severity, Violation};
use crate::vocabulary as keys;

pub(super) const RULE: Rule = Rule {
    name: "older-dialect",
    severity: Severity::Warn,
    broken_when: "a label is in a dialect that ModuleController has not read since V2.0, or never read",
    scope: Scope::ChangedTemplate,
    check,
    vital: None,
};

fn check(context: &Context<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for key in [keys::COMPONENT, keys::STRATEGY] {
        let places = [context.workload.metadata(), context.template.metadata()];
        if let Some(metadata) = places.iter().find(|metadata| metadata.label(key.older).is_some()) {
            let problem = format!("ModuleController has not read label {} since V2.0", key.older);
            let warning = format!("label {} was dropped in V2.0: use {}", key.older, key.current);
            let remedy = format!("use {} instead", key.current);
            violations.push(Violation::invalid(metadata.label_path(key.older), problem, remedy).or_warn(warning));
        }
    }
    let is_of_first = |key: &&str| key.starts_with(keys::BASE_PREFIX_FIRST);
    for (metadata, _) in context.metadata() {
        let labels = metadata.labels().map(|(key, _)| (key, metadata.label_path(key)));
        let annotations = metadata.annotation_keys().map(|key| (key, metadata.annotation_path(key)));
        for (key, path) in labels.chain(annotations).filter(|(key, _)| is_of_first(key)) {
            let problem = format!("no release reads {key}");
            let remedy = format!("remove it, and declare the base by {} and {}", keys::BASE_NAME, keys::BASE_VERSION);
            let warning = format!("{problem}: remove it, and declare the base by {} and version", keys::BASE_NAME);
            violations.push(Violation::invalid(path, problem, remedy).or_warn(warning));
        }
    }
    violations
}
