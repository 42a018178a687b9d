//! The terms of a required node affinity.

use std::fmt;

use super::Node;
use super::requirement::Test;
use crate::module::NodeTerm;

/// How many terms a reason speaks of, for it goes into Events.
const TERMS_IN_A_REASON: usize = 3;

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
    /// Has nothing in it, by which it matches no node.
    Empty,
    /// Cannot be read, by which it matches no node; and why.
    Unreadable(String),
    /// All of these must hold.
    All { labels: Vec<LabelDemand>, names: Vec<Test> },
}

/// Why a node is not the right one. In words only when somebody wants to read it.
pub(super) enum Mismatch<'a> {
    Empty,
    Unreadable(&'a str),
    Label { demand: &'a LabelDemand, value: Option<&'a str> },
    Name { test: &'a Test, name: &'a str },
}

impl Affinity {
    pub(super) fn of(terms: &[NodeTerm<'_>]) -> Self {
        Self(terms.iter().map(Term::of).collect())
    }

    /// Why no term holds, unless one does.
    pub(super) fn mismatch(&self, node: &Node) -> Option<String> {
        if self.0.iter().any(|term| term.mismatch(node).is_none()) {
            return None;
        }
        let whys = self.0.iter().filter_map(|term| term.mismatch(node));
        let whys: Vec<String> = whys.take(TERMS_IN_A_REASON).map(|why| why.to_string()).collect();
        Some(match (self.0.len(), whys.join("; or ")) {
            (0, _) => "the required node affinity has no term, which matches no node".to_owned(),
            (1, why) => why,
            (count, why) if count > TERMS_IN_A_REASON => {
                format!("none of {count} node affinity terms holds: {why}; or {} more", count - TERMS_IN_A_REASON)
            }
            (count, why) => format!("none of {count} node affinity terms holds: {why}"),
        })
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

    fn mismatch<'a>(&'a self, node: &'a Node) -> Option<Mismatch<'a>> {
        match self {
            Self::Empty => Some(Mismatch::Empty),
            Self::Unreadable(why) => Some(Mismatch::Unreadable(why)),
            Self::All { labels, names } => labels.iter().find_map(|demand| demand.mismatch(node)).or_else(|| {
                let test = names.iter().find(|test| !test.passes(Some(&node.name)))?;
                Some(Mismatch::Name { test, name: &node.name })
            }),
        }
    }
}

impl LabelDemand {
    pub(super) fn mismatch<'a>(&'a self, node: &'a Node) -> Option<Mismatch<'a>> {
        let value = node.labels.get(&self.key).map(String::as_str);
        (!self.test.passes(value)).then_some(Mismatch::Label { demand: self, value })
    }
}

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a node affinity term is empty, which matches no node"),
            Self::Unreadable(why) => write!(f, "a node affinity term matches no node: {why}"),
            Self::Label { demand: LabelDemand { key, test }, value: Some(value) } => {
                write!(f, "label {key} is {value:?}, {test} is demanded")
            }
            Self::Label { demand: LabelDemand { key, test }, value: None } => {
                write!(f, "label {key} is absent, {test} is demanded")
            }
            Self::Name { test, name } => write!(f, "the node's name is {name:?}, {test} is demanded"),
        }
    }
}
