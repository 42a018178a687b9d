//! What a review comes to.

use std::fmt;

use super::Patch;
use crate::module::FieldPath;

/// Everything that a review of one object comes to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// What is filled in.
    pub patch: Patch,
    /// What is odd.
    pub warnings: Vec<Warning>,
    /// What cannot work; the object is admitted only where there are none.
    pub violations: Vec<Violation>,
}

/// What the rules find.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// What is odd.
    pub warnings: Vec<Warning>,
    /// What cannot work.
    pub violations: Vec<Violation>,
}

/// Something that cannot work, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field to mend.
    pub field: FieldPath,
    /// What sort of fault it is.
    pub fault: Fault,
    /// What is wrong, without a full stop.
    pub problem: String,
    /// What to do about it, without a full stop.
    pub remedy: String,
}

/// The sorts of faults, by the names that Kubernetes gives causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Something must be there and is not.
    Required,
    /// A value is not one that can work.
    Invalid,
    /// A list says different things of one name.
    Duplicate,
    /// The change is not allowed in this state.
    Forbidden,
    /// The field has another JSON type.
    Type,
}

/// A warning of at most [`Warning::LIMIT`] characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning(String);

impl Verdict {
    /// Whether the object may be stored.
    pub fn admits(&self) -> bool {
        self.violations.is_empty()
    }
}

impl Violation {
    /// Problem and remedy in one sentence each.
    pub fn message(&self) -> String {
        format!("{}. To mend it: {}.", self.problem, self.remedy)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message())
    }
}

impl Fault {
    /// The `reason` of a cause in a `Status`, as Kubernetes spells it (`metav1.CauseType`).
    pub fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Forbidden => "FieldValueForbidden",
            Self::Type => "FieldValueTypeInvalid",
        }
    }
}

impl Warning {
    /// What Kubernetes advises as the longest warning: it may cut longer ones off.
    pub const LIMIT: usize = 120;

    /// A warning; a longer text loses its end.
    pub fn new(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.chars().count() > Self::LIMIT {
            text = text.chars().take(Self::LIMIT - 3).chain("...".chars()).collect();
        }
        Self(text)
    }

    /// Joins `warnings`, unless it is said there already.
    pub(super) fn take_once(self, warnings: &mut Vec<Self>) {
        if !warnings.contains(&self) {
            warnings.push(self);
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_cut_at_a_character() {
        let warning = Warning::new("基".repeat(200));
        assert_eq!(warning.text().chars().count(), Warning::LIMIT);
        assert!(warning.text().ends_with("..."));
    }
}
