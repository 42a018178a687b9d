//! Where the base and the environment of a module are declared or demanded.

use std::collections::BTreeMap;

use crate::module::{FieldPath, Metadata, Template, Toleration, Workload, check_label_value};
use crate::vocabulary as keys;

/// The labels and annotations of a Namespace, which can declare bases and environment of its modules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamespaceFacts {
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
}

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

/// The keys that may be declared from outside the pod spec.
const DECLARED: [&str; 4] = [keys::BASE_NAME, keys::BASE_VERSION, keys::BASE_CLUSTER_NAME, keys::ENV];

/// The places where the base and the environment of a module are declared, in order of precedence: template, workload,
/// Namespace.
#[derive(Debug, Clone)]
pub(super) struct Declarations<'a> {
    metadata: Vec<Metadata<'a>>,
    namespace: Option<&'a NamespaceFacts>,
}

impl NamespaceFacts {
    /// The value under `key`: the annotation, else the label.
    fn get(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).or_else(|| self.labels.get(key)).map(String::as_str)
    }
}

impl DefaultBase {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            keys::BASE_NAME => self.name.as_deref(),
            keys::BASE_VERSION => self.version.as_deref(),
            keys::BASE_CLUSTER_NAME => self.cluster_name.as_deref(),
            _ => None,
        }
    }
}

impl<'a> Declarations<'a> {
    /// The declarations of `workload`.
    pub(super) fn of(workload: Workload<'a>, namespace: Option<&'a NamespaceFacts>) -> Self {
        Self { metadata: vec![workload.template().metadata(), workload.metadata()], namespace }
    }

    /// The declared value of `key`; None where a Node cannot have it as a label.
    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.raw(key).filter(|value| check_label_value(value).is_ok())
    }

    /// As [`Self::get`], by template and workload only, with the path of the declaration.
    pub(super) fn on_object(&self, key: &str) -> Option<(&'a str, FieldPath)> {
        let declared = self.metadata.iter().find_map(|metadata| metadata.annotation_or_label(key));
        declared.filter(|(value, _)| check_label_value(value).is_ok())
    }

    /// The value of `key` in `default`; None where any key of a base is declared, because the name of one base with the version
    /// of another may not exist.
    pub(super) fn or_default<'d>(&self, key: &str, default: &'d DefaultBase) -> Option<&'d str> {
        let is_declared = keys::BASE_SELECTION.into_iter().any(|key| self.raw(key).is_some());
        default.get(key).filter(|_| !is_declared)
    }

    fn raw(&self, key: &str) -> Option<&'a str> {
        let near = self.metadata.iter().find_map(|metadata| Some(metadata.annotation_or_label(key)?.0));
        near.or_else(|| self.namespace?.get(key))
    }

    /// Whether a declaration differs both from that of `before`, in the same Namespace, and from what the pod spec of `before`
    /// demands. Removing a declaration changes nothing where no other takes its place: what was filled in from it stays. The
    /// labels that warden adds to the workload change nothing either.
    pub(super) fn differ_from(&self, before: Workload<'a>, default_env: &'a str) -> bool {
        let then = Self::of(before, self.namespace);
        DECLARED.into_iter().any(|key| {
            let default = (key == keys::ENV).then_some(default_env);
            let demanded = match key {
                keys::ENV => envs(before, self.namespace, default_env),
                _ => demands(&before.template(), key),
            };
            let now = self.get(key).or(default);
            now.is_some_and(|now| demanded != [now]) && now != then.get(key).or(default)
        })
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

/// The environments of a module, at least one: those that its pod spec chooses, or else the declared one, or else `default`.
pub(super) fn envs<'a>(
    workload: Workload<'a>,
    namespace: Option<&'a NamespaceFacts>,
    default: &'a str,
) -> Vec<&'a str> {
    let chosen = chosen_envs(&workload.template());
    if chosen.is_empty() {
        vec![Declarations::of(workload, namespace).get(keys::ENV).unwrap_or(default)]
    } else {
        chosen
    }
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
        let expression = term.expressions().into_iter().find(|expression| expression.key == key)?;
        if expression.operator != "In" {
            return None;
        }
        values.extend(expression.values);
    }
    values.sort_unstable();
    values.dedup();
    Some(values)
}
