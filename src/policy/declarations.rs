//! What a template, a workload and the configuration say about the base and the environment of a module.

use crate::module::{FieldPath, Metadata, Template, Toleration, Workload, check_label_value};
use crate::vocabulary as keys;

/// The base of modules for which neither the pod spec nor a declaration names one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefaultBase {
    /// Its name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its cluster of bases.
    pub cluster_name: Option<String>,
}

/// The keys that may be declared outside the pod spec.
pub(super) const DECLARED: [&str; 4] = [keys::ENV, keys::BASE_NAME, keys::BASE_VERSION, keys::BASE_CLUSTER_NAME];

impl DefaultBase {
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        match key {
            keys::BASE_NAME => self.name.as_deref(),
            keys::BASE_VERSION => self.version.as_deref(),
            keys::BASE_CLUSTER_NAME => self.cluster_name.as_deref(),
            _ => None,
        }
    }
}

/// The value of `key` that `metadata` declares: the annotation, or else the label. None if a Node cannot have it as a label.
pub(super) fn declared<'a>(metadata: &Metadata<'a>, key: &str) -> Option<&'a str> {
    let (value, _) = metadata.annotation_or_label(key)?;
    check_label_value(value).is_ok().then_some(value)
}

/// The value of `key` that the template or the workload declares, with the path of the declaration. The template comes first.
pub(super) fn declared_on_object<'a>(workload: Workload<'a>, key: &str) -> Option<(&'a str, FieldPath)> {
    let places = [workload.template().metadata(), workload.metadata()];
    let nearest = places.iter().find_map(|metadata| metadata.annotation_or_label(key));
    nearest.filter(|(value, _)| check_label_value(value).is_ok())
}

/// Whether the pod spec itself says the value of `key`, or one of several values.
pub(super) fn spec_says(template: &Template<'_>, key: &str) -> bool {
    match key {
        keys::ENV => !chosen_envs(template).is_empty(),
        _ => !demands(template, key).is_empty(),
    }
}

/// The environments that the pod spec itself chooses: those that its node selector or required node affinity demands, or
/// else the first that its tolerations name.
pub(super) fn chosen_envs<'a>(template: &Template<'a>) -> Vec<&'a str> {
    let demanded = demands(template, keys::ENV);
    if !demanded.is_empty() {
        return demanded;
    }
    let tolerations = template.tolerations().into_iter();
    let of_env = tolerations.filter(|toleration| toleration.key() == keys::TAINT_NODE_ENV);
    of_env.filter_map(Toleration::equals).find(|env| check_label_value(env).is_ok()).into_iter().collect()
}

/// The one value of `key` that the pod spec demands of every node; None where it demands none or several, or a value that no
/// Node can have.
pub(super) fn single_demand<'a>(template: &Template<'a>, key: &str) -> Option<&'a str> {
    match demands(template, key).as_slice() {
        [one] => Some(one),
        _ => None,
    }
}

/// The values of `key`, one of which every node must have by the pod spec. Empty where the pod spec allows a node without,
/// or names a value that no Node can have.
fn demands<'a>(template: &Template<'a>, key: &str) -> Vec<&'a str> {
    let values = match template.node_selector(key) {
        Some(value) => vec![value],
        None => demands_of_terms(template, key).unwrap_or_default(),
    };
    if values.iter().all(|value| check_label_value(value).is_ok()) { values } else { Vec::new() }
}

/// The values that the terms of the required node affinity demand; None unless every term demands some.
fn demands_of_terms<'a>(template: &Template<'a>, key: &str) -> Option<Vec<&'a str>> {
    let mut values = Vec::new();
    for term in template.node_terms()?.iter().filter(|term| !term.is_empty()) {
        let expression =
            term.expressions().into_iter().find(|expression| expression.key == key && expression.operator == "In")?;
        values.extend(expression.values);
    }
    values.sort_unstable();
    values.dedup();
    Some(values)
}
