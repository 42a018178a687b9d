//! Which bases a pod spec selects.

use crate::module::{NodeTerm, Requirement, Template};
use crate::vocabulary as keys;

/// How far a pod spec selects bases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Selection {
    /// Not at all: the Pod could land on any base.
    Nothing,
    /// Only some terms of the affinity select bases. Terms are ORed, so the others allow any base.
    InSomeTerms,
    /// The Pod can land on selected bases only.
    Bases,
}

impl Selection {
    /// What `template` selects.
    pub(super) fn of(template: &Template<'_>) -> Self {
        if template.node_name().is_some() || template.node_selector_keys().into_iter().any(tells_bases_apart) {
            return Self::Bases;
        }
        let terms = template.node_terms().unwrap_or_default();
        let terms: Vec<_> = terms.iter().filter(|term| !term.is_empty()).collect();
        match terms.iter().filter(|term| term_selects_bases(term)).count() {
            0 => Self::Nothing,
            some if some < terms.len() => Self::InSomeTerms,
            _ => Self::Bases,
        }
    }
}

fn term_selects_bases(term: &NodeTerm<'_>) -> bool {
    term.names_nodes() || term.expressions().iter().any(selects_bases)
}

/// Whether a requirement selects some of the vnodes. That a label is there says nothing where every vnode has it.
fn selects_bases(requirement: &Requirement<'_>) -> bool {
    let selects = if keys::every_vnode_carries(requirement.key) {
        requirement.demands_the_key() && requirement.operator != "Exists"
    } else {
        requirement.demands_the_key()
    };
    selects && tells_bases_apart(requirement.key)
}

/// Whether the vnodes differ in label `key`. Labels that every vnode has alike, or none has, do not tell them apart. Labels of a
/// platform's own do.
fn tells_bases_apart(key: &str) -> bool {
    ![keys::COMPONENT.current, keys::COMPONENT.older, keys::ENV].contains(&key) && !keys::no_vnode_carries(key)
}
