//! One requirement on a label, or on the name of a node.

use std::fmt;

use thiserror::Error;

use crate::module::{Requirement, check_label_value};

/// The operator of a requirement, with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// The value is one of these.
    In(Vec<String>),
    /// The value is none of these, or the label is absent.
    NotIn(Vec<String>),
    /// The label is there.
    Exists,
    /// The label is absent.
    DoesNotExist,
    /// The value is an integer above this one.
    Gt(i64),
    /// The value is an integer below this one.
    Lt(i64),
}

/// Why the scheduler cannot read a requirement.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// The key is missing.
    #[error("a requirement has no key")]
    NoKey,
    /// A value cannot be the value of a label.
    #[error("{requirement}: {value:?} is not a label value")]
    NoLabelValue {
        /// The requirement.
        requirement: Written,
        /// Its first value that a label cannot have.
        value: String,
    },
    /// `Gt` or `Lt` with a value that is not an integer.
    #[error("{0} does not compare with an integer")]
    NoInteger(Written),
    /// An unknown operator or field, or the wrong number of values for the operator.
    #[error("{0} is not a requirement that Kubernetes knows")]
    Unknown(Written),
}

/// A requirement as the template has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The key of the label or field.
    pub key: String,
    /// The operator.
    pub operator: String,
    /// The values.
    pub values: Vec<String>,
}

impl Test {
    /// The test for a label.
    ///
    /// # Errors
    /// When the scheduler cannot read the requirement.
    pub(super) fn of_label(requirement: &Requirement<'_>) -> Result<Self, Unreadable> {
        let Requirement { key, operator, values, .. } = requirement;
        if key.is_empty() {
            return Err(Unreadable::NoKey);
        }
        if let Some(value) = values.iter().find(|value| !value.is_empty() && check_label_value(value).is_err()) {
            return Err(Unreadable::NoLabelValue { requirement: Written::of(requirement), value: (*value).to_owned() });
        }
        match (*operator, values.as_slice()) {
            ("In", [_, ..]) => Ok(Self::In(owned(values))),
            ("NotIn", [_, ..]) => Ok(Self::NotIn(owned(values))),
            ("Exists", []) => Ok(Self::Exists),
            ("DoesNotExist", []) => Ok(Self::DoesNotExist),
            ("Gt" | "Lt", [value]) => match value.parse() {
                Ok(number) if *operator == "Gt" => Ok(Self::Gt(number)),
                Ok(number) => Ok(Self::Lt(number)),
                Err(_) => Err(Unreadable::NoInteger(Written::of(requirement))),
            },
            _ => Err(Unreadable::Unknown(Written::of(requirement))),
        }
    }

    /// The test for a field of a node. The API has one such field, the name.
    ///
    /// # Errors
    /// When the scheduler cannot read the requirement.
    pub(super) fn of_name(requirement: &Requirement<'_>) -> Result<Self, Unreadable> {
        match (requirement.key, requirement.operator, requirement.values.as_slice()) {
            ("metadata.name", "In", [_]) => Ok(Self::In(owned(&requirement.values))),
            ("metadata.name", "NotIn", [_]) => Ok(Self::NotIn(owned(&requirement.values))),
            _ => Err(Unreadable::Unknown(Written::of(requirement))),
        }
    }

    /// The test of an entry in `nodeSelector`: exactly this value.
    pub(super) fn exactly(value: &str) -> Self {
        Self::In(vec![value.to_owned()])
    }

    /// Whether a value passes; None stands for a label that is absent.
    pub(super) fn passes(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::In(values) => value.is_some_and(|value| values.iter().any(|other| other == value)),
            Self::NotIn(values) => value.is_none_or(|value| values.iter().all(|other| other != value)),
            Self::Exists => value.is_some(),
            Self::DoesNotExist => value.is_none(),
            Self::Gt(limit) => number().is_some_and(|number| number > *limit),
            Self::Lt(limit) => number().is_some_and(|number| number < *limit),
        }
    }
}

impl Written {
    fn of(requirement: &Requirement<'_>) -> Self {
        let Requirement { key, operator, values, .. } = requirement;
        Self { key: (*key).to_owned(), operator: (*operator).to_owned(), values: owned(values) }
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, operator, values } = self;
        write!(f, "{key} {operator} {values:?}")
    }
}

/// As manifests have it: `In ["a", "b"]`, `Exists`, `Gt 4`.
impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In(values) => write!(f, "In {values:?}"),
            Self::NotIn(values) => write!(f, "NotIn {values:?}"),
            Self::Exists => f.write_str("Exists"),
            Self::DoesNotExist => f.write_str("DoesNotExist"),
            Self::Gt(limit) => write!(f, "Gt {limit}"),
            Self::Lt(limit) => write!(f, "Lt {limit}"),
        }
    }
}

fn owned(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}
