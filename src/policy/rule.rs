//! The rules by name, and how severe each is.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

/// A rule that an object can break. Its name is stable: configurations speak of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Every field has the JSON type that the API gives it.
    FieldTypes,
    /// `BIZ_VERSION` is one that a base takes.
    BizVersion,
    /// There is a jar, at a URL.
    JarImage,
    /// No new Pod empties a base by the version that it shares with an old one.
    SameVersion,
    /// A release under the version there is can be placed.
    BlockedRelease,
    /// The module's labels call it as its container does.
    IdentityLabels,
    /// Something says which bases the module is for.
    BaseSelection,
    /// Annotations that mean something have values that do.
    AnnotationValues,
    /// Every term of the node affinity names bases.
    OpenTerms,
    /// No base goes without the module for a release under the version there is.
    ReleasedAgain,
    /// A new template under the version there is can be placed, wherever the old Pods are.
    UnplaceableTemplate,
    /// The rollout of a peer module leaves no base without it.
    PeerRollout,
    /// Labels are in the dialect that ModuleController reads.
    OlderDialect,
    /// Pods are spread over topologies that bases have.
    TopologySpread,
    /// Labels that are demanded are such that bases carry.
    DeadLabels,
    /// Every container is a module.
    Sidecars,
    /// A Pod has one module.
    SeveralJars,
    /// Only what bases offer is asked for.
    Resources,
    /// Tolerations of the taints of bases last.
    TolerationSeconds,
    /// The jar's file is named after the module.
    JarFileName,
    /// The selector leaves the version open.
    VersionInSelector,
    /// Annotations with warden's prefix are ones that it knows.
    UnknownAnnotations,
    /// Annotations stand where they do something.
    MisplacedAnnotations,
    /// Declarations are not overruled by the pod spec.
    OverruledDeclarations,
    /// The strategy is one that there is.
    UnknownStrategy,
}

/// What comes of a broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The object is admitted, with a warning.
    Warn,
    /// The object is refused.
    Deny,
}

/// How severe the rules are in a cluster: as they are by default, but for what was configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Severities(BTreeMap<Rule, Severity>);

/// A rule that cannot be lowered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{rule} cannot be lowered to warn: {why}")]
pub struct CannotBeLowered {
    rule: Rule,
    why: &'static str,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 25] = [
        Self::FieldTypes,
        Self::BizVersion,
        Self::JarImage,
        Self::SameVersion,
        Self::BlockedRelease,
        Self::IdentityLabels,
        Self::BaseSelection,
        Self::AnnotationValues,
        Self::OpenTerms,
        Self::ReleasedAgain,
        Self::UnplaceableTemplate,
        Self::PeerRollout,
        Self::OlderDialect,
        Self::TopologySpread,
        Self::DeadLabels,
        Self::Sidecars,
        Self::SeveralJars,
        Self::Resources,
        Self::TolerationSeconds,
        Self::JarFileName,
        Self::VersionInSelector,
        Self::UnknownAnnotations,
        Self::MisplacedAnnotations,
        Self::OverruledDeclarations,
        Self::UnknownStrategy,
    ];

    /// The rule of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// The name, in kebab case.
    pub fn name(self) -> &'static str {
        match self {
            Self::FieldTypes => "field-types",
            Self::BizVersion => "biz-version",
            Self::JarImage => "jar-image",
            Self::SameVersion => "same-version",
            Self::BlockedRelease => "blocked-release",
            Self::IdentityLabels => "identity-labels",
            Self::BaseSelection => "base-selection",
            Self::AnnotationValues => "annotation-values",
            Self::OpenTerms => "open-terms",
            Self::ReleasedAgain => "released-again",
            Self::UnplaceableTemplate => "unplaceable-template",
            Self::PeerRollout => "peer-rollout",
            Self::OlderDialect => "older-dialect",
            Self::TopologySpread => "topology-spread",
            Self::DeadLabels => "dead-labels",
            Self::Sidecars => "sidecars",
            Self::SeveralJars => "several-jars",
            Self::Resources => "resources",
            Self::TolerationSeconds => "toleration-seconds",
            Self::JarFileName => "jar-file-name",
            Self::VersionInSelector => "version-in-selector",
            Self::UnknownAnnotations => "unknown-annotations",
            Self::MisplacedAnnotations => "misplaced-annotations",
            Self::OverruledDeclarations => "overruled-declarations",
            Self::UnknownStrategy => "unknown-strategy",
        }
    }

    /// How severe it is where nothing else is configured.
    pub fn severity(self) -> Severity {
        match self {
            Self::FieldTypes
            | Self::BizVersion
            | Self::JarImage
            | Self::SameVersion
            | Self::BlockedRelease
            | Self::IdentityLabels
            | Self::BaseSelection
            | Self::AnnotationValues => Severity::Deny,
            _ => Severity::Warn,
        }
    }

    /// Why it cannot be lowered, where it cannot: without it a module is impossible, or running ones are lost.
    pub fn why_fixed(self) -> Option<&'static str> {
        match self {
            Self::FieldTypes => Some("a field of another type cannot be stored, nor judged any further"),
            Self::BizVersion => Some("a base refuses the module, or ModuleController takes it for another version"),
            Self::JarImage => Some("there would be nothing that a base can install"),
            Self::SameVersion => Some("it would uninstall the module from bases that serve, while all Pods are Ready"),
            _ => None,
        }
    }
}

impl Severity {
    /// The severity of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Warn, Self::Deny].into_iter().find(|severity| severity.name() == name)
    }

    /// The name, as configurations spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

impl Severities {
    /// How severe `rule` is.
    pub fn of(&self, rule: Rule) -> Severity {
        self.0.get(&rule).copied().unwrap_or_else(|| rule.severity())
    }

    /// Makes `rule` so severe.
    ///
    /// # Errors
    /// When it cannot be lowered.
    pub fn set(&mut self, rule: Rule, severity: Severity) -> Result<(), CannotBeLowered> {
        match rule.why_fixed() {
            Some(why) if severity == Severity::Warn => Err(CannotBeLowered { rule, why }),
            _ => {
                self.0.insert(rule, severity);
                Ok(())
            }
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_which_rule() {
        for rule in Rule::ALL {
            assert_eq!(Rule::named(rule.name()), Some(rule), "{rule}");
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(rule.name().chars().all(plain), "{rule}");
        }
    }

    #[test]
    fn what_is_vital_cannot_be_lowered_and_everything_can_be_refused() {
        for rule in Rule::ALL {
            let mut severities = Severities::default();
            assert_eq!(severities.of(rule), rule.severity());
            assert_eq!(severities.set(rule, Severity::Deny), Ok(()));
            assert_eq!(severities.of(rule), Severity::Deny);
            assert_eq!(severities.set(rule, Severity::Warn).is_err(), rule.why_fixed().is_some(), "{rule}");
            // what cannot be lowered is refused by default
            assert!(rule.why_fixed().is_none() || rule.severity() == Severity::Deny, "{rule}");
        }
    }
}
