//! What a rule is, and how severe the rules are in a cluster. The rules themselves are in [`super::rules`].

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use super::rules::{self, Context};
use super::{Severity, Violation};

/// A rule that an object can break: an entry of the table [`Rule::ALL`].
///
/// Each rule has a file in `src/policy/rules/`, which is named like the rule and declares its entry. The checks, the names and
/// severities in configuration files, the table in `docs/configuration.md` and the schema of the chart's values follow from
/// the table.
#[derive(Debug)]
pub struct Rule {
    /// The name in kebab case. It is stable, because configuration files use it.
    pub(super) name: &'static str,
    /// The severity where the configuration sets none.
    pub(super) severity: Severity,
    /// When the rule is broken: the cell of the documentation's table, a sentence without a full stop.
    pub(super) broken_when: &'static str,
    /// On which writes the rule is checked.
    pub(super) scope: Scope,
    /// Finds everything in an object that breaks the rule.
    pub(super) check: Check,
    /// Set where a module could not run otherwise, or running modules would be lost.
    pub(super) vital: Option<Vital>,
}

/// Finds everything in an object that breaks one rule.
pub(super) type Check = fn(&Context<'_>) -> Vec<Violation>;

/// On which writes a rule is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// On every write, and before all other rules. They are not checked where this one is broken, because they could not
    /// read the object.
    BeforeAll,
    /// When the pod template is new or changed. An update that leaves the template alone is not refused for it.
    ChangedTemplate,
    /// On every write.
    EveryWrite,
    /// On every write, also of other objects than modules. No other rule is checked on those.
    AnyObject,
}

/// What a vital rule has besides others.
#[derive(Debug)]
pub(super) struct Vital {
    /// Why the configuration cannot lower the rule.
    pub(super) why: &'static str,
    /// What of the rule holds for objects that a controller made. Other rules do not hold for these: their template belongs
    /// to the owner's author and may be older than warden, and to refuse a Pod that would run uninstalls a module.
    pub(super) check_owned: Check,
}

/// The severities of all rules in a cluster: the defaults, except for those that the configuration sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Severities(BTreeMap<&'static str, Severity>);

/// A rule was to be lowered to `warn` that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{rule} cannot be lowered to warn: {why}")]
pub struct CannotBeLowered {
    rule: &'static str,
    why: &'static str,
}

impl Rule {
    /// All rules, in the order in which they are checked.
    pub const ALL: &'static [Self] = rules::TABLE;

    /// The rule with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|rule| rule.name == name)
    }

    /// The name, in kebab case.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The severity where the configuration sets none.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// When the rule is broken: a sentence without a full stop.
    pub fn broken_when(&self) -> &'static str {
        self.broken_when
    }

    /// Why the configuration cannot lower the rule; None where it can.
    pub fn why_fixed(&self) -> Option<&'static str> {
        self.vital.as_ref().map(|vital| vital.why)
    }
}

impl Severities {
    /// Every rule refuses.
    pub(super) fn strict() -> Self {
        Self(Rule::ALL.iter().map(|rule| (rule.name, Severity::Deny)).collect())
    }

    /// The severity of `rule`.
    pub fn of(&self, rule: &Rule) -> Severity {
        self.0.get(rule.name).copied().unwrap_or(rule.severity)
    }

    /// Sets the severity of `rule`.
    ///
    /// # Errors
    /// When the rule cannot be lowered.
    pub fn set(&mut self, rule: &Rule, severity: Severity) -> Result<(), CannotBeLowered> {
        match rule.why_fixed() {
            Some(why) if severity == Severity::Warn => Err(CannotBeLowered { rule: rule.name, why }),
            _ => {
                self.0.insert(rule.name, severity);
                Ok(())
            }
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vital_rules_cannot_be_lowered_and_every_rule_can_be_raised() {
        for rule in Rule::ALL {
            let mut severities = Severities::default();
            assert_eq!(severities.of(rule), rule.severity());
            assert_eq!(severities.set(rule, Severity::Deny), Ok(()));
            assert_eq!(severities.of(rule), Severity::Deny);
            assert_eq!(severities.set(rule, Severity::Warn).is_err(), rule.why_fixed().is_some(), "{rule}");
            // A rule that cannot be lowered is refused by default.
            assert!(rule.why_fixed().is_none() || rule.severity() == Severity::Deny, "{rule}");
        }
    }
}
