//! From where a module's base and environment are known.

use std::collections::BTreeMap;

use crate::module::{Metadata, Requirement, Template, Toleration, Workload, check_label_value};
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
    /// The value under `key`: the annotation, else the label.
    fn get(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).or_else(|| self.labels.get(key)).map(String::as_str)
    }
}

impl<'a> Sources<'a> {
    /// The sources of `workload`.
    pub fn of(workload: Workload<'a>, namespace: Option<&'a NamespaceFacts>) -> Self {
        Self { metadata: vec![workload.template().metadata(), workload.metadata()], namespace }
    }

    /// What is declared under `key`, where it is a value that a Node can carry.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        let near = self.metadata.iter().find_map(|metadata| Some(metadata.annotation_or_label(key)?.0));
        near.or_else(|| self.namespace?.get(key)).filter(|value| check_label_value(value).is_ok())
    }

    /// Whether anything is declared here that is neither what was declared for `before`, in the same surroundings, nor what
    /// its pod spec came to anyway. To take a declaration away with no other behind it changes nothing: what was filled in
    /// from it stays. Nor do the labels that warden adds to the workload change anything.
    pub(super) fn differ_from(&self, before: Workload<'a>, default_env: &'a str) -> bool {
        let then = Self::of(before, self.namespace);
        DECLARED.into_iter().any(|key| {
            let default = (key == words::ENV).then_some(default_env);
            let came_to = match key {
                words::ENV => Some(env(before, self.namespace, default_env)),
                _ => single_demand(&before.template(), key),
            };
            let now = self.get(key).or(default);
            now.is_some() && now != came_to && now != then.get(key).or(default)
        })
    }
}

/// The environment that the pod spec itself chooses, by its node selector, its required node affinity or its tolerations.
pub(super) fn chosen_env<'a>(template: &Template<'a>) -> Option<&'a str> {
    let tolerations = template.tolerations().into_iter();
    let of_env = tolerations.filter(|toleration| toleration.key() == words::TAINT_NODE_ENV);
    let mut tolerated = of_env.filter_map(Toleration::equals).filter(|env| check_label_value(env).is_ok());
    single_demand(template, words::ENV).or_else(|| tolerated.next())
}

/// The environment of a module: as its pod spec chooses, else as declared, else `default`.
pub(super) fn env<'a>(workload: Workload<'a>, namespace: Option<&'a NamespaceFacts>, default: &'a str) -> &'a str {
    chosen_env(&workload.template()).or_else(|| Sources::of(workload, namespace).get(words::ENV)).unwrap_or(default)
}

/// The one value that every place where the pod could land must have under `key`, as far as the pod spec says; none where
/// no Node can carry it.
pub(super) fn single_demand<'a>(template: &Template<'a>, key: &str) -> Option<&'a str> {
    let demanded = template.node_selector(key).or_else(|| demand_of_terms(template, key));
    demanded.filter(|value| check_label_value(value).is_ok())
}

/// The one value that every term of the required node affinity demands for `key`.
fn demand_of_terms<'a>(template: &Template<'a>, key: &str) -> Option<&'a str> {
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
