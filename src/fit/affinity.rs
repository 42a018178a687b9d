//! The terms of a required node affinity.

use super::requirement::{Test, Unreadable};
use super::{LabelMismatch, Node, TermMismatch};
use crate::module::NodeTerm;

/// A required node affinity: terms, one of which must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Affinity(Vec<Term>);

/// What must hold of one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LabelDemand {
    pub(super) key: String,
    pub(super) test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    /// It demands nothing, and so matches no node.
    Empty,
    /// The scheduler cannot read it, so it matches no node.
    Unreadable(Unreadable),
    /// All of these must hold.
    All { labels: Vec<LabelDemand>, names: Vec<Test> },
}

impl Affinity {
    pub(super) fn of(terms: &[NodeTerm<'_>]) -> Self {
        Self(terms.iter().map(Term::of).collect())
    }

    /// Why each term does not hold; None where one does.
    pub(super) fn mismatch<'a>(&'a self, node: &'a Node) -> Option<Vec<TermMismatch<'a>>> {
        self.0.iter().map(|term| term.mismatch(node)).collect()
    }

    /// The keys of the labels that it reads.
    pub(super) fn label_keys(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .flat_map(|term| match term {
                Term::All { labels, .. } => labels.as_slice(),
                Term::Empty | Term::Unreadable(_) => &[],
            })
            .map(|demand| demand.key.as_str())
    }

    /// Whether it reads the name of the node.
    pub(super) fn judges_by_name(&self) -> bool {
        self.0.iter().any(|term| matches!(term, Term::All { names, .. } if !names.is_empty()))
    }
}

impl Term {
    fn of(term: &NodeTerm<'_>) -> Self {
        if term.is_empty() {
            return Self::Empty;
        }
        let labels = term.expressions().into_iter().map(|requirement| {
            let test = Test::of_label(&requirement)?;
            Ok(LabelDemand { key: requirement.key.to_owned(), test })
        });
        let names = term.fields();
        let names = names.iter().map(Test::of_name);
        match (labels.collect(), names.collect()) {
            (Ok(labels), Ok(names)) => Self::All { labels, names },
            (Err(why), _) | (_, Err(why)) => Self::Unreadable(why),
        }
    }

    fn mismatch<'a>(&'a self, node: &'a Node) -> Option<TermMismatch<'a>> {
        match self {
            Self::Empty => Some(TermMismatch::Empty),
            Self::Unreadable(why) => Some(TermMismatch::Unreadable(why)),
            Self::All { labels, names } => {
                let label = labels.iter().find_map(|demand| demand.mismatch(node)).map(TermMismatch::Label);
                label.or_else(|| {
                    let demanded = names.iter().find(|test| !test.passes(Some(&node.name)))?;
                    Some(TermMismatch::NodeName { demanded, name: &node.name })
                })
            }
        }
    }
}

impl LabelDemand {
    pub(super) fn mismatch<'a>(&'a self, node: &'a Node) -> Option<LabelMismatch<'a>> {
        let value = node.labels.get(&self.key).map(String::as_str);
        (!self.test.passes(value)).then_some(LabelMismatch { key: &self.key, demanded: &self.test, value })
    }
}
