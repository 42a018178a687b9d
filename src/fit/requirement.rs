//! One requirement on a label, or on the name of a node.

use std::fmt;

use crate::module::{self, check_label_value};

/// What an operator and its values ask of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
    Gt(i64),
    Lt(i64),
}

impl Test {
    /// The test for a label. An error says why the scheduler cannot read it.
    pub(super) fn of_label(requirement: &module::Requirement<'_>) -> Result<Self, String> {
        let module::Requirement { key, operator, values, .. } = requirement;
        if key.is_empty() {
            return Err("a requirement names no label".to_owned());
        }
        if let Some(value) = values.iter().find(|value| !value.is_empty() && check_label_value(value).is_err()) {
            return Err(format!("{key} {operator} {values:?}: {value:?} is no label value"));
        }
        match (*operator, values.as_slice()) {
            ("In", [_, ..]) => Ok(Self::In(owned(values))),
            ("NotIn", [_, ..]) => Ok(Self::NotIn(owned(values))),
            ("Exists", []) => Ok(Self::Exists),
            ("DoesNotExist", []) => Ok(Self::DoesNotExist),
            ("Gt" | "Lt", [value]) => match value.parse() {
                Ok(number) if *operator == "Gt" => Ok(Self::Gt(number)),
                Ok(number) => Ok(Self::Lt(number)),
                Err(_) => Err(format!("{key} {operator} {values:?} is no comparison with an integer")),
            },
            _ => Err(unreadable(requirement)),
        }
    }

    /// The test for a field of a node, which is its name. An error says why the scheduler cannot read it.
    pub(super) fn of_name(requirement: &module::Requirement<'_>) -> Result<Self, String> {
        match (requirement.key, requirement.operator, requirement.values.as_slice()) {
            ("metadata.name", "In", [_]) => Ok(Self::In(owned(&requirement.values))),
            ("metadata.name", "NotIn", [_]) => Ok(Self::NotIn(owned(&requirement.values))),
            _ => Err(unreadable(requirement)),
        }
    }

    /// The test that `nodeSelector` stands for: exactly this value.
    pub(super) fn exactly(value: &str) -> Self {
        Self::In(vec![value.to_owned()])
    }

    /// Whether a text passes; None is that of a label that is not there.
    pub(super) fn passes(&self, text: Option<&str>) -> bool {
        let number = || text.and_then(|text| text.parse::<i64>().ok());
        match self {
            Self::In(values) => text.is_some_and(|text| values.iter().any(|value| value == text)),
            Self::NotIn(values) => text.is_none_or(|text| values.iter().all(|value| value != text)),
            Self::Exists => text.is_some(),
            Self::DoesNotExist => text.is_none(),
            Self::Gt(limit) => number().is_some_and(|number| number > *limit),
            Self::Lt(limit) => number().is_some_and(|number| number < *limit),
        }
    }
}

/// As people write it in a manifest: `In ["a", "b"]`, `Exists`, `Gt 4`.
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

fn unreadable(requirement: &module::Requirement<'_>) -> String {
    let module::Requirement { key, operator, values, .. } = requirement;
    format!("{key} {operator} {values:?} is no requirement that Kubernetes knows")
}

fn owned(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}
