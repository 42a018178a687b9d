//! What a template demands of a node.

use std::collections::BTreeSet;

use super::affinity::{Affinity, LabelDemand};
use super::requirement::Test;
use super::taints::Tolerations;
use super::{Fit, Node, Reason};
use crate::module::Template;

/// What a template demands of a node. It is read from the template once and judges many nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    node_name: Option<String>,
    node_selector: Vec<LabelDemand>,
    affinity: Option<Affinity>,
    tolerations: Tolerations,
}

impl Demand {
    /// What `template` demands as it stands. The caller fills in the template first.
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

    /// Whether a Pod would run on `node`. For a node that is the wrong one the answer is `No`, whatever its taints are.
    pub fn judge<'a>(&'a self, node: &'a Node) -> Fit<'a> {
        match self.mismatch(node) {
            Some(reason) => Fit::No(reason),
            None => self.tolerations.judge(node),
        }
    }

    /// The keys of the node labels that [`Self::judge`] reads.
    pub fn label_keys(&self) -> BTreeSet<&str> {
        let selector = self.node_selector.iter().map(|demand| demand.key.as_str());
        selector.chain(self.affinity.iter().flat_map(Affinity::label_keys)).collect()
    }

    /// Whether [`Self::judge`] reads the name of the node.
    pub fn judges_by_name(&self) -> bool {
        self.node_name.is_some() || self.affinity.as_ref().is_some_and(Affinity::judges_by_name)
    }

    fn mismatch<'a>(&'a self, node: &'a Node) -> Option<Reason<'a>> {
        if let Some(demanded) = self.node_name.as_ref().filter(|demanded| **demanded != node.name) {
            return Some(Reason::NodeName { demanded, name: &node.name });
        }
        let selector = self.node_selector.iter().find_map(|demand| demand.mismatch(node)).map(Reason::NodeSelector);
        let affinity = || self.affinity.as_ref()?.mismatch(node).map(Reason::NodeAffinity);
        selector.or_else(affinity)
    }
}
