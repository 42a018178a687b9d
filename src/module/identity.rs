//! The labels that identify the Pods of one module and version.

use crate::vocabulary as keys;

/// The labels that every Pod of this module and version carries.
pub fn identity<'a>(name: &'a str, version: &'a str) -> [(&'static str, &'a str); 3] {
    [(keys::COMPONENT.current, keys::COMPONENT_MODULE), (keys::MODULE_NAME, name), (keys::MODULE_VERSION, version)]
}
