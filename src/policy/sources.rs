//! From where a module's base and environment are known.

use std::collections::BTreeMap;

use crate::module::{Metadata, Requirement, Template, Workload, check_label_value};
use crate::vocabulary as words;

/// What a Namespace says of its modules: its labels and annotations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamespaceFacts {
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
}

/// The keys that may be declared from outside the pod spec.
const DECLARED: [&str; 4] = [words::BASE_NAME, words::BASE_VERSION, words::BASE_CLUSTER_NAME, words::ENV];

/// The places where a module's base and environment are declared, the nearest first: template, workload, namespace.
#[derive(Debug, Clone)]
pub struct Sources<'a> {
    metadata: Vec<Metadata<'a>>,
    namespace: Option<&'a NamespaceFacts>,
}

impl NamespaceFacts {
    /// The value under `key`: the label, else the annotation.
    fn get(&self, key: &str) -> Option<&str> {
        self.labels.get(key).or_else(|| self.annotations.get(key)).map(String::as_str)
    }
}

impl<'a> Sources<'a> {
    /// The sources of `workload`.
    pub fn of(workload: Workload<'a>, namespace: Option<&'a NamespaceFacts>) -> Self {
        Self { metadata: vec![workload.template().metadata(), workload.metadata()], namespace }
    }

    /// What is declared under `key`, where it is a value that a Node can carry.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        let near = self.metadata.iter().find_map(|metadata| Some(metadata.label_or_annotation(key)?.0));
        near.or_else(|| self.namespace?.get(key)).filter(|value| check_label_value(value).is_ok())
    }

    /// Whether anything declared here differs from what `before` came to. To take a declaration away changes nothing: what
    /// was filled in from it stays.
    pub(super) fn differ_from(&self, before: Workload<'a>, default_env: &'a str) -> bool {
        DECLARED.into_iter().any(|key| {
            let effective = if key == words::ENV {
                Some(env(before, None, default_env))
            } else {
                single_demand(&before.template(), key).or_else(|| Sources::of(before, None).get(key))
            };
            self.get(key).is_some_and(|declared| effective != Some(declared))
        })
    }
}

/// The environments that the pod spec itself chooses, by its node selector, its required node affinity or its tolerations.
fn chosen_envs<'a>(template: &Template<'a>) -> Vec<&'a str> {
    if let Some(env) = single_demand(template, words::ENV) {
        return vec![env];
    }
    template
        .tolerations()
        .into_iter()
        .filter(|toleration| toleration.key() == words::TAINT_NODE_ENV)
        .filter_map(|toleration| toleration.equals())
        .collect()
}

/// The environment of a module: as its pod spec chooses, else as declared, else `default`.
pub(super) fn env<'a>(workload: Workload<'a>, namespace: Option<&'a NamespaceFacts>, default: &'a str) -> &'a str {
    chosen_envs(&workload.template())
        .into_iter()
        .next()
        .or_else(|| Sources::of(workload, namespace).get(words::ENV))
        .unwrap_or(default)
}

/// The one value that every place where the pod could land must have under `key`, as far as the pod spec says.
pub(super) fn single_demand<'a>(template: &Template<'a>, key: &str) -> Option<&'a str> {
    if let Some(value) = template.node_selector(key) {
        return Some(value);
    }
    let terms = template.node_terms()?;
    let mut values = terms.iter().filter(|term| !term.is_empty()).map(|term| {
        let expressions = term.expressions();
        let expression = expressions.into_iter().find(|expression| expression.key == key);
        match expression {
            Some(Requirement { operator: "In", values, .. }) if values.len() == 1 => values.first().copied(),
            _ => None,
        }
    });
    let first = values.next()??;
    values.all(|value| value == Some(first)).then_some(first)
}
