//! What the rules find, before anybody has said how severe it is.

use super::{Fault, Findings, Rule, Severities, Severity, Violation, Warning};
use crate::module::FieldPath;

/// What the rules found, in their order.
#[derive(Debug, Default)]
pub(super) struct Found(Vec<Finding>);

/// One broken rule.
#[derive(Debug)]
struct Finding {
    rule: Rule,
    violation: Violation,
    /// The text as a warning, which must do without field and remedy.
    warning: Option<String>,
}

impl Found {
    /// Takes in a broken rule; as a warning it is told by its problem.
    pub(super) fn note(
        &mut self,
        rule: Rule,
        field: FieldPath,
        fault: Fault,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let violation = Violation { field, fault, problem: problem.into(), remedy: remedy.into() };
        self.0.push(Finding { rule, violation, warning: None });
    }

    /// Gives what was noted last a text of its own for when it is only warned about.
    pub(super) fn or_warn(&mut self, warning: impl Into<String>) {
        if let Some(last) = self.0.last_mut() {
            last.warning = Some(warning.into());
        }
    }

    /// Whether nothing was found.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether anything was found that is refused by default or by `severities`.
    pub(super) fn is_refused(&self, severities: &Severities) -> bool {
        self.0.iter().any(|finding| finding.rule.severity().max(severities.of(finding.rule)) == Severity::Deny)
    }

    /// What is told of it where the rules are so severe.
    pub(super) fn tell(self, severities: &Severities) -> Findings {
        let mut findings = Findings::default();
        for Finding { rule, violation, warning } in self.0 {
            match severities.of(rule) {
                Severity::Deny => findings.violations.push(violation),
                Severity::Warn => {
                    Warning::new(warning.unwrap_or(violation.problem)).take_once(&mut findings.warnings);
                }
            }
        }
        findings
    }
}
