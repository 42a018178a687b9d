//! A container. ModuleController reads it as one jar to install: its name is the module's, `BIZ_VERSION` is the version.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{FieldPath, JarName, JarUrlError, check_jar_url};
use crate::vocabulary as keys;

/// One container of a template.
#[derive(Debug, Clone)]
pub struct Container<'a> {
    value: &'a Value,
    path: FieldPath,
}

/// The version of a container's module as ModuleController reads it: the literal value of the first `BIZ_VERSION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BizVersion<'a> {
    /// There is no such variable.
    Missing,
    /// It has a literal value, which may be empty.
    Literal(&'a str),
    /// It has a `valueFrom`, which ModuleController reads as an empty string.
    Reference,
}

impl<'a> Container<'a> {
    pub(super) fn new(value: &'a Value, path: FieldPath) -> Self {
        Self { value, path }
    }

    /// The path of the container.
    pub fn path(&self) -> &FieldPath {
        &self.path
    }

    /// The name, which is the module's.
    pub fn name(&self) -> &'a str {
        self.text("name")
    }

    /// The image, which is the URL of the jar.
    pub fn image(&self) -> &'a str {
        self.text("image")
    }

    /// Whether ModuleController counts this container as a module.
    pub fn is_module(&self) -> bool {
        self.image().contains(keys::JAR)
    }

    /// Checks that the image is a URL at which a base finds a jar.
    ///
    /// # Errors
    /// What keeps the base from opening it.
    pub fn check_jar_url(&self) -> Result<(), JarUrlError<'a>> {
        check_jar_url(self.image())
    }

    /// The version of the module.
    pub fn biz_version(&self) -> BizVersion<'a> {
        self.biz_versions().next().map_or(BizVersion::Missing, |(_, version)| version)
    }

    /// Every `BIZ_VERSION` with the path of its entry, in order. ModuleController reads the first only.
    pub fn biz_versions(&self) -> impl Iterator<Item = (FieldPath, BizVersion<'a>)> + '_ {
        let list = self.value.get("env").and_then(Value::as_array);
        let env = self.path.field("env");
        list.into_iter()
            .flatten()
            .enumerate()
            .filter(|(_, entry)| entry.get("name").and_then(Value::as_str) == Some(keys::BIZ_VERSION))
            .map(move |(index, entry)| {
                let reference = entry.get("valueFrom").is_some_and(|from| !from.is_null());
                let literal = entry.get("value").and_then(Value::as_str).unwrap_or_default();
                let version =
                    if reference && literal.is_empty() { BizVersion::Reference } else { BizVersion::Literal(literal) };
                (env.index(index), version)
            })
    }

    /// The version, if it is a literal value that is not empty.
    pub fn literal_version(&self) -> Option<&'a str> {
        match self.biz_version() {
            BizVersion::Literal(version) if !version.is_empty() => Some(version),
            _ => None,
        }
    }

    /// The resources that it requests some of. A limit counts too: Kubernetes makes it the request where there is none.
    pub fn requested_resources(&self) -> BTreeSet<&'a str> {
        let amounts = |part: &str| self.value.get("resources")?.get(part)?.as_object();
        let all = ["requests", "limits"].into_iter().filter_map(amounts).flatten();
        all.filter(|(_, amount)| is_above_zero(amount)).map(|(resource, _)| resource.as_str()).collect()
    }

    /// Whether it has a limit of `resource`, which may be zero.
    pub fn has_limit(&self, resource: &str) -> bool {
        let limits = self.value.get("resources").and_then(|resources| resources.get("limits"));
        limits.and_then(|limits| limits.get(resource)).is_some_and(|amount| !amount.is_null())
    }

    /// Name and version by the jar's file name, if Maven's convention applies to it.
    pub fn jar_name(&self) -> Option<JarName<'a>> {
        JarName::of(self.image(), self.name(), self.literal_version())
    }

    /// Whether it has an environment variable of this name.
    pub fn has_variable(&self, name: &str) -> bool {
        let list = self.value.get("env").and_then(Value::as_array);
        list.into_iter().flatten().any(|entry| entry.get("name").and_then(Value::as_str) == Some(name))
    }

    /// Whether it says anything in `field`, a list or an object.
    pub(super) fn says(&self, field: &str) -> bool {
        is_filled(self.value.get(field))
    }

    fn text(&self, field: &str) -> &'a str {
        self.value.get(field).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Whether this amount of a resource, a quantity of Kubernetes such as `"64Mi"` or 1, is more than zero.
pub fn is_above_zero(amount: &Value) -> bool {
    match amount.as_str() {
        // The suffix or exponent of a zero does not matter.
        Some(text) => text.chars().take_while(|c| !c.is_alphabetic()).any(|c| ('1'..='9').contains(&c)),
        None => amount.as_f64().is_some_and(|amount| amount > 0.0),
    }
}

/// Whether a list or an object is there, and has something in it.
pub(super) fn is_filled(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::Object(map)) => !map.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_biz_version_is_what_counts() {
        let value = json!({"name": "b", "env": [
            {"name": "BIZ_VERSION", "valueFrom": {"fieldRef": {}}},
            {"name": "BIZ_VERSION", "value": "1"},
        ]});
        let container = Container::new(&value, FieldPath::root());
        assert_eq!(container.biz_version(), BizVersion::Reference);
        assert_eq!(container.biz_versions().count(), 2);
    }
}
