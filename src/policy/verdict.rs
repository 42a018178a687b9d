//! The result of a review.

use std::fmt;

use super::{Patch, Severity};
use crate::module::FieldPath;

/// The result of injection, of a check, or of a review, which is both.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// What injection filled in; empty after a check.
    pub patch: Patch,
    /// What works and is odd.
    pub warnings: Vec<Warning>,
    /// What cannot work; empty after injection. An object with a violation is refused.
    pub violations: Vec<Violation>,
}

/// Something that breaks a rule, and how to fix it. The constructors are named like Kubernetes' own field errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field to fix.
    pub field: FieldPath,
    /// The kind of problem.
    pub cause: CauseType,
    /// What is wrong, without a full stop.
    pub problem: String,
    /// How to fix it, without a full stop.
    pub remedy: String,
    /// The text where the rule only warns; `problem` where it is None.
    warning: Option<String>,
}

/// The kinds of problems, by the names that Kubernetes has for causes (`metav1.CauseType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CauseType {
    /// A field is missing.
    Required,
    /// A value cannot work.
    Invalid,
    /// A list has two entries of one name with different values.
    Duplicate,
    /// The change is not allowed in this state.
    Forbidden,
    /// A field has the wrong JSON type.
    TypeInvalid,
}

/// A warning of at most [`Warning::LIMIT`] characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning(String);

impl Verdict {
    /// Whether the object may be stored.
    pub fn admits(&self) -> bool {
        self.violations.is_empty()
    }

    /// Adds what breaks a rule of this severity.
    pub(super) fn add(&mut self, violation: Violation, severity: Severity) {
        match severity {
            Severity::Deny => self.violations.push(violation),
            Severity::Warn => {
                violation.into_warning().add_once(&mut self.warnings);
            }
        }
    }
}

impl Violation {
    /// A field is missing.
    pub fn required(field: FieldPath, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(CauseType::Required, field, problem, remedy)
    }

    /// A value cannot work.
    pub fn invalid(field: FieldPath, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(CauseType::Invalid, field, problem, remedy)
    }

    /// A list has two entries of one name with different values.
    pub fn duplicate(field: FieldPath, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(CauseType::Duplicate, field, problem, remedy)
    }

    /// The change is not allowed in this state.
    pub fn forbidden(field: FieldPath, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(CauseType::Forbidden, field, problem, remedy)
    }

    /// A field has the wrong JSON type.
    pub fn type_invalid(field: FieldPath, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(CauseType::TypeInvalid, field, problem, remedy)
    }

    fn new(cause: CauseType, field: FieldPath, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { field, cause, problem: problem.into(), remedy: remedy.into(), warning: None }
    }

    /// Sets the text for a rule that only warns. A warning shows neither field nor remedy.
    #[must_use]
    pub(super) fn or_warn(self, warning: impl Into<String>) -> Self {
        Self { warning: Some(warning.into()), ..self }
    }

    /// The violation of a rule that only warns.
    pub(super) fn into_warning(self) -> Warning {
        Warning::new(self.warning.unwrap_or(self.problem))
    }

    /// Problem and remedy in one sentence each.
    pub fn message(&self) -> String {
        format!("{}. To fix it: {}.", self.problem, self.remedy)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message())
    }
}

impl CauseType {
    /// The name in a `Status`, as Kubernetes spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Forbidden => "FieldValueForbidden",
            Self::TypeInvalid => "FieldValueTypeInvalid",
        }
    }
}

impl Warning {
    /// The longest warning that Kubernetes recommends. It may truncate longer ones.
    pub const LIMIT: usize = 120;

    /// A warning; a longer text is truncated.
    pub fn new(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.chars().count() > Self::LIMIT {
            text = text.chars().take(Self::LIMIT - 3).chain("...".chars()).collect();
        }
        Self(text)
    }

    /// How many warnings an object gets at most. The API server cuts them off after 4,096 characters in all (`apiserver`'s
    /// `filters/warning.go`), and what a tenant writes must not make a list long that is searched for each of its entries.
    const MOST: usize = 100;

    /// Appends itself to `warnings`, unless they have it already, or are [`Self::MOST`].
    pub(super) fn add_once(self, warnings: &mut Vec<Self>) {
        if warnings.len() < Self::MOST && !warnings.contains(&self) {
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
