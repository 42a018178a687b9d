//! The syntax of a version. It becomes a label value, and part of a key that ModuleController splits at `:`.

use thiserror::Error;

/// Why a text cannot be the version of a module, or a label value at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LabelValueError {
    /// It is empty.
    #[error("is empty")]
    Empty,
    /// ModuleController joins name and version by `:`, and would split them at the wrong place.
    #[error("contains ':', at which ModuleController splits name and version")]
    Colon,
    /// Longer than the 63 characters of a label value.
    #[error("is {0} characters long; a label value has at most 63")]
    TooLong(usize),
    /// It has a character that a label value cannot have, or cannot have at its ends.
    #[error("is not a label value (letters, digits, '-', '_' and '.', with a letter or digit first and last)")]
    NotALabelValue,
}

/// Checks the version of a module.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_version(version: &str) -> Result<(), LabelValueError> {
    if version.is_empty() {
        return Err(LabelValueError::Empty);
    }
    if version.contains(':') {
        return Err(LabelValueError::Colon);
    }
    check_label_value(version)
}

/// Checks that a text is a label value by the rules of Kubernetes, and not empty.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_label_value(value: &str) -> Result<(), LabelValueError> {
    let inner = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
    let (Some(first), Some(last)) = (value.bytes().next(), value.bytes().last()) else {
        return Err(LabelValueError::Empty);
    };
    if !value.bytes().all(inner) || !first.is_ascii_alphanumeric() || !last.is_ascii_alphanumeric() {
        return Err(LabelValueError::NotALabelValue);
    }
    if value.len() > 63 {
        return Err(LabelValueError::TooLong(value.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0.0.1-SNAPSHOT", Ok(()))]
    #[case("", Err(LabelValueError::Empty))]
    #[case("1:2", Err(LabelValueError::Colon))]
    #[case("1.0-", Err(LabelValueError::NotALabelValue))]
    #[case("1.0 ", Err(LabelValueError::NotALabelValue))]
    #[case("$(V)", Err(LabelValueError::NotALabelValue))]
    #[case("版本1", Err(LabelValueError::NotALabelValue))]
    fn versions(#[case] version: &str, #[case] expected: Result<(), LabelValueError>) {
        assert_eq!(check_version(version), expected);
    }

    #[test]
    fn a_version_has_at_most_63_characters() {
        assert_eq!(check_version(&"1".repeat(63)), Ok(()));
        assert_eq!(check_version(&"1".repeat(64)), Err(LabelValueError::TooLong(64)));
    }
}
