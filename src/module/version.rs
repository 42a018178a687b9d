//! What a version may look like: it becomes a label value and part of a key that ModuleController splits at `:`.

use thiserror::Error;

/// Why a text cannot be the version of a module, or a label value at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LabelFault {
    /// There is none.
    #[error("is empty")]
    Empty,
    /// ModuleController joins name and version by `:` and would take it apart at the wrong place.
    #[error("contains ':', at which ModuleController takes name and version apart")]
    Colon,
    /// Longer than the 63 characters of a label value.
    #[error("is {0} characters long; a label value has at most 63")]
    TooLong(usize),
    /// A character that a label value cannot hold, or not at its ends.
    #[error("is no label value (letters, digits, '-', '_' and '.', a letter or digit first and last)")]
    NoLabelValue,
}

/// Checks the version of a module.
///
/// # Errors
/// The first fault found.
pub fn check_version(version: &str) -> Result<(), LabelFault> {
    if version.is_empty() {
        return Err(LabelFault::Empty);
    }
    if version.contains(':') {
        return Err(LabelFault::Colon);
    }
    check_label_value(version)
}

/// Checks that a text is a label value, by Kubernetes' rule, and not empty.
///
/// # Errors
/// The first fault found.
pub fn check_label_value(value: &str) -> Result<(), LabelFault> {
    let inner = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
    let (Some(first), Some(last)) = (value.bytes().next(), value.bytes().last()) else {
        return Err(LabelFault::Empty);
    };
    if !value.bytes().all(inner) || !first.is_ascii_alphanumeric() || !last.is_ascii_alphanumeric() {
        return Err(LabelFault::NoLabelValue);
    }
    if value.len() > 63 {
        return Err(LabelFault::TooLong(value.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0.0.1-SNAPSHOT", Ok(()))]
    #[case("", Err(LabelFault::Empty))]
    #[case("1:2", Err(LabelFault::Colon))]
    #[case("1.0-", Err(LabelFault::NoLabelValue))]
    #[case("1.0 ", Err(LabelFault::NoLabelValue))]
    #[case("$(V)", Err(LabelFault::NoLabelValue))]
    #[case("版本1", Err(LabelFault::NoLabelValue))]
    fn versions(#[case] version: &str, #[case] expected: Result<(), LabelFault>) {
        assert_eq!(check_version(version), expected);
    }

    #[test]
    fn a_version_has_at_most_63_characters() {
        assert_eq!(check_version(&"1".repeat(63)), Ok(()));
        assert_eq!(check_version(&"1".repeat(64)), Err(LabelFault::TooLong(64)));
    }
}
