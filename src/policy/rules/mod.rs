//! The rules: one file per rule, named like the rule, and one line in [`TABLE`].

mod annotation_values;
mod base_selection;
mod baseline_labels;
mod biz_version;
mod blocked_release;
mod component_label;
mod dead_labels;
mod field_types;
mod half_release;
mod jar_file_name;
mod jar_image;
mod limit_ranges;
mod meant_as_module;
mod misplaced_annotations;
mod module_labels;
mod namespace_restrictions;
mod not_kept_apart;
mod older_dialect;
mod open_terms;
mod opted_out;
mod outage_seconds;
mod overruled_declarations;
mod peer_rollout;
mod released_again;
mod resources;
mod same_version;
mod sidecars;
mod surging_daemon_set;
mod toleration_seconds;
mod too_large;
mod topology_spread;
mod unconsented_follow;
mod uninstalls_first;
mod unknown_annotations;
mod unknown_strategy;
mod unplaceable_template;
mod unused_fields;
mod version_in_selector;

use serde_json::{Value, json};

pub(super) use limit_ranges::warn_of_limit_ranges;

use super::rule::Scope;
use super::{Policy, Request, Rule, TemplateDigest, Verdict};
use crate::module::{Container, Kind, Metadata, Template, Workload};
use crate::vocabulary as keys;

/// All rules, in the order in which they are checked and reported.
pub(super) const TABLE: &[Rule] = &[
    field_types::RULE,
    component_label::RULE,
    biz_version::RULE,
    jar_image::RULE,
    module_labels::RULE,
    base_selection::RULE,
    open_terms::RULE,
    half_release::RULE,
    same_version::RULE,
    not_kept_apart::RULE,
    surging_daemon_set::RULE,
    released_again::RULE,
    uninstalls_first::RULE,
    blocked_release::RULE,
    unplaceable_template::RULE,
    peer_rollout::RULE,
    too_large::RULE,
    opted_out::RULE,
    older_dialect::RULE,
    topology_spread::RULE,
    dead_labels::RULE,
    sidecars::RULE,
    unused_fields::RULE,
    resources::RULE,
    namespace_restrictions::RULE,
    limit_ranges::RULE,
    toleration_seconds::RULE,
    outage_seconds::RULE,
    jar_file_name::RULE,
    version_in_selector::RULE,
    baseline_labels::RULE,
    annotation_values::RULE,
    unknown_annotations::RULE,
    misplaced_annotations::RULE,
    overruled_declarations::RULE,
    unknown_strategy::RULE,
    meant_as_module::RULE,
    unconsented_follow::RULE,
];

/// What a rule decides by.
pub(super) struct Context<'a> {
    /// The write.
    pub(super) request: Request<'a>,
    /// The configuration.
    pub(super) policy: &'a Policy,
    /// The object as it would be stored.
    pub(super) workload: Workload<'a>,
    /// Its pod template, as its author wrote it.
    pub(super) template: Template<'a>,
    /// The same, completed as its Pods will be. Its fields have the same paths.
    pub(super) pod: Template<'a>,
    /// The object before an update.
    pub(super) old: Option<Workload<'a>>,
}

/// Checks an object of a kind that warden does not read.
pub(super) fn check_other_kind(object: &Value, policy: &Policy) -> Verdict {
    let mut verdict = Verdict::default();
    for violation in meant_as_module::of_other_kind(object) {
        verdict.add(violation, policy.severities.of(&meant_as_module::RULE));
    }
    verdict
}

/// Checks an object, which is `completed` where its template is completed as its Pods will be, against every rule that applies to
/// this write. Another object than a module is checked against [`Scope::AnyObject`] rules only.
pub(super) fn check<'a>(
    request: Request<'a>,
    workload: Workload<'a>,
    completed: &'a Value,
    policy: &'a Policy,
) -> Verdict {
    let old = request.old.map(|old| Workload::new(request.kind, old));
    let pod = Workload::new(request.kind, completed).template();
    let context = Context { request, policy, workload, template: workload.template(), pod, old };
    let is_module = workload.is_module();
    let (owned, changed) = (workload.has_controller(), is_module && context.template_changed());
    let mut verdict = Verdict::default();
    for rule in TABLE {
        let check = match (owned, &rule.vital) {
            (false, _) => rule.check,
            (true, Some(vital)) => vital.check_owned,
            (true, None) => continue,
        };
        let applies = match rule.scope {
            Scope::AnyObject => true,
            Scope::ChangedTemplate => changed,
            Scope::BeforeAll | Scope::EveryWrite => is_module,
        };
        if !applies {
            continue;
        }
        let violations = check(&context);
        let is_the_end = rule.scope == Scope::BeforeAll && !violations.is_empty();
        for violation in violations {
            verdict.add(violation, policy.severities.of(rule));
        }
        if is_the_end {
            break;
        }
    }
    verdict
}

/// What decides on whether a template is another one. For a Pod these are not the identity labels, which warden itself keeps right on
/// running Pods, nor what its controllers note on it.
fn content(workload: &Workload<'_>) -> Value {
    let template = workload.template();
    let mut value = template.value().cloned().unwrap_or_default();
    if workload.kind() == Kind::Pod {
        let mut labels = value.pointer_mut("/metadata/labels").map(Value::take).unwrap_or_default();
        if let Some(labels) = labels.as_object_mut() {
            labels.retain(|key, _| !key.starts_with(keys::IDENTITY_PREFIX));
        }
        value =
            json!({"labels": labels, "annotations": value.pointer("/metadata/annotations"), "spec": value.get("spec")});
    }
    value
}

impl<'a> Context<'a> {
    /// Whether the write makes the workload roll out a template: it is new, or differs from the one before. While a Deployment is
    /// paused its template can change in steps; when it is resumed, what counts is the revision that it rolled out last.
    fn template_changed(&self) -> bool {
        let Some(old) = self.old else { return true };
        let differs = content(&old) != content(&self.workload);
        let is_resumed = old.is_paused() && !self.workload.is_paused();
        let rolls_out =
            || self.newest_revision().is_none_or(|newest| newest.digest != TemplateDigest::of(self.template.value()));
        differs || (is_resumed && rolls_out())
    }

    /// The containers that are modules. Where none is, all of them, because one of them was meant to be.
    fn meant_as_modules(&self) -> Vec<Container<'a>> {
        let (modules, others): (Vec<_>, Vec<_>) =
            self.template.containers().into_iter().partition(Container::is_module);
        if modules.is_empty() { others } else { modules }
    }

    /// The metadata of the object and of its template, each once; a Pod has one for both. With each, whether it is that of a
    /// peer Deployment.
    fn metadata(&self) -> Vec<(Metadata<'a>, bool)> {
        let own = (self.workload.metadata(), self.workload.is_peer());
        match self.workload.kind() {
            Kind::Pod => vec![own],
            _ => vec![own, (self.template.metadata(), false)],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_rule_has_a_file_of_its_name_and_every_file_a_rule() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/policy/rules");
        let files: BTreeSet<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "mod.rs")
            .collect();
        let named: BTreeSet<String> = TABLE.iter().map(|rule| format!("{}.rs", rule.name.replace('-', "_"))).collect();
        similar_asserts::assert_eq!(files, named);
        for rule in TABLE {
            let source = fs::read_to_string(folder.join(format!("{}.rs", rule.name.replace('-', "_")))).unwrap();
            assert!(source.contains(&format!("name: \"{}\"", rule.name)), "{rule} is declared in another file");
        }
    }

    #[test]
    fn names_are_unique_and_in_kebab_case() {
        for rule in TABLE {
            assert_eq!(TABLE.iter().filter(|other| other.name == rule.name).count(), 1, "{rule}");
            assert!(rule.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{rule}");
            assert!(!rule.broken_when.is_empty() && !rule.broken_when.ends_with('.'), "{rule}");
        }
    }

    #[test]
    fn the_rules_that_others_rely_on_come_first() {
        let first_other = TABLE.iter().position(|rule| rule.scope != Scope::BeforeAll);
        let last_first = TABLE.iter().rposition(|rule| rule.scope == Scope::BeforeAll);
        assert!(last_first < first_other, "{last_first:?} {first_other:?}");
    }
}
