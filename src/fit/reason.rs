//! The answers, as data that borrows from the template's demand and from the node. `Display` makes the text.

use std::fmt;

use super::{NodeTaint, Test, Unreadable};

/// How many terms of a node affinity the text of a reason names. It can end up in a log line.
const TERMS_IN_A_TEXT: usize = 3;

/// Whether a Pod would run on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit<'a> {
    /// The Pod is scheduled there.
    Now,
    /// The node is right, but takes no new Pod now; Pods that run there stay. At least one reason.
    NotNow(Vec<Reason<'a>>),
    /// The node is wrong.
    No(Reason<'a>),
}

/// Why a node takes no Pod of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason<'a> {
    /// `spec.nodeName` demands another node.
    NodeName {
        /// The name in the template.
        demanded: &'a str,
        /// The name of the node.
        name: &'a str,
    },
    /// `spec.nodeSelector` demands another label.
    NodeSelector(LabelMismatch<'a>),
    /// No term of the required node affinity holds. One mismatch per term; empty where the affinity has no term.
    NodeAffinity(Vec<TermMismatch<'a>>),
    /// The template does not tolerate this taint.
    Taint(&'a NodeTaint),
    /// The node is tainted as not ready.
    NotReady,
    /// The node is tainted as unreachable.
    Unreachable,
    /// The node is cordoned, by `spec.unschedulable` or by the taint that goes with it.
    Cordoned,
}

/// A label of a node that fails a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelMismatch<'a> {
    /// The key.
    pub key: &'a str,
    /// What the template demands of the value.
    pub demanded: &'a Test,
    /// The node's value; None where the node does not have the label.
    pub value: Option<&'a str>,
}

/// Why one term of a required node affinity does not hold. Of several demands that fail, the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermMismatch<'a> {
    /// The term is empty, and an empty term matches no node.
    Empty,
    /// The scheduler cannot read the term, so it matches no node.
    Unreadable(&'a Unreadable),
    /// A label fails its test.
    Label(LabelMismatch<'a>),
    /// The name of the node fails its test.
    NodeName {
        /// What the term demands of the name.
        demanded: &'a Test,
        /// The name of the node.
        name: &'a str,
    },
}

impl fmt::Display for Fit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("fits"),
            Self::NotNow(reasons) => {
                f.write_str("takes no new Pod now: ")?;
                joined(f, reasons, ", ")
            }
            Self::No(reason) => write!(f, "does not fit: {reason}"),
        }
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NodeName { demanded, name } => {
                write!(f, "the node's name is {name:?}, nodeName {demanded:?} is demanded")
            }
            Self::NodeSelector(mismatch) => mismatch.fmt(f),
            Self::NodeAffinity(terms) => match terms.as_slice() {
                [] => f.write_str("the required node affinity has no term, which matches no node"),
                [one] => one.fmt(f),
                several => {
                    write!(f, "none of {} node affinity terms holds: ", several.len())?;
                    joined(f, several.iter().take(TERMS_IN_A_TEXT), "; or ")?;
                    match several.len().saturating_sub(TERMS_IN_A_TEXT) {
                        0 => Ok(()),
                        more => write!(f, "; or {more} more"),
                    }
                }
            },
            Self::Taint(taint) => write!(f, "no toleration for taint {taint}"),
            Self::NotReady => f.write_str("not ready"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::Cordoned => f.write_str("cordoned"),
        }
    }
}

impl fmt::Display for LabelMismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, demanded, value } = self;
        match value {
            Some(value) => write!(f, "label {key} is {value:?}, {demanded} is demanded"),
            None => write!(f, "label {key} is absent, {demanded} is demanded"),
        }
    }
}

impl fmt::Display for TermMismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a node affinity term is empty, which matches no node"),
            Self::Unreadable(why) => write!(f, "a node affinity term matches no node: {why}"),
            Self::Label(mismatch) => mismatch.fmt(f),
            Self::NodeName { demanded, name } => write!(f, "the node's name is {name:?}, {demanded} is demanded"),
        }
    }
}

fn joined(
    f: &mut fmt::Formatter<'_>,
    parts: impl IntoIterator<Item = impl fmt::Display>,
    separator: &str,
) -> fmt::Result {
    for (position, part) in parts.into_iter().enumerate() {
        if position > 0 {
            f.write_str(separator)?;
        }
        part.fmt(f)?;
    }
    Ok(())
}
