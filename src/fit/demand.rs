//! What a template demands of a node.

use std::collections::BTreeSet;

use super::Node;
use super::affinity::{Affinity, LabelDemand};
use super::requirement::Test;
use super::taints::Tolerations;
use crate::module::Template;

/// What a template demands of a node, taken from it once and asked often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    node_name: Option<String>,
    node_selector: Vec<LabelDemand>,
    affinity: Option<Affinity>,
    tolerations: Tolerations,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// It runs there.
    Now,
    /// It fits, and is not scheduled there now; what is there already stays. With the reasons in words.
    NotNow(Vec<String>),
    /// It does not fit. With the reason in words.
    No(String),
}

impl Demand {
    /// What `template` demands, as it stands: injection comes before.
    pub fn of(template: &Template<'_>) -> Self {
        let selector = template.node_selector_keys().into_iter().filter_map(|key| {
            let test = Test::exactly(template.node_selector(key)?);
            Some(LabelDemand { key: key.to_owned(), test })
        });
        Self {
            node_name: template.node_name().map(str::to_owned),
            node_selector: selector.collect(),
            affinity: template.node_terms().as_deref().map(Affinity::of),
            tolerations: Tolerations::of(template.tolerations()),
        }
    }

    /// Whether it would run on `node`. A node that is the wrong one is `No`, whatever its taints are.
    pub fn judge(&self, node: &Node) -> Fit {
        match self.mismatch(node) {
            Some(reason) => Fit::No(reason),
            None => self.tolerations.judge(node),
        }
    }

    /// The keys of node labels by which it judges.
    pub fn label_keys(&self) -> BTreeSet<&str> {
        let selector = self.node_selector.iter().map(|demand| demand.key.as_str());
        selector.chain(self.affinity.iter().flat_map(Affinity::label_keys)).collect()
    }

    /// Whether it judges by the name of a node.
    pub fn judges_by_name(&self) -> bool {
        self.node_name.is_some() || self.affinity.as_ref().is_some_and(Affinity::judges_by_name)
    }

    fn mismatch(&self, node: &Node) -> Option<String> {
        if let Some(name) = self.node_name.as_ref().filter(|name| **name != node.name) {
            return Some(format!("the node's name is {:?}, nodeName {name:?} is demanded", node.name));
        }
        let selector = self.node_selector.iter().find_map(|demand| demand.mismatch(node));
        let affinity = || self.affinity.as_ref()?.mismatch(node);
        selector.map(|mismatch| mismatch.to_string()).or_else(affinity)
    }
}
