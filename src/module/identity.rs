//! The labels by which Pods of one module and version know each other.

use crate::vocabulary as words;

/// The labels that every Pod of this module and version carries.
pub fn identity<'a>(name: &'a str, version: &'a str) -> [(&'static str, &'a str); 3] {
    [(words::COMPONENT.current, words::COMPONENT_MODULE), (words::MODULE_NAME, name), (words::MODULE_VERSION, version)]
}
