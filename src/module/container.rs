//! A container. ModuleController reads it as one jar to install: its name is the module's, `BIZ_VERSION` is the version.

use std::collections::BTreeSet;

use serde_json::Value;

use super::FieldPath;
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

/// Name and version of a module by the file name of its jar, which Maven names `<name>-<version>[-ark-biz].jar`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JarName<'a> {
    /// The part before the version.
    pub name: &'a str,
    /// The version.
    pub version: &'a str,
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

    /// Whether the image is a URL that a base can open: a scheme, and the path of a jar.
    pub fn is_jar_url(&self) -> bool {
        let scheme_is_sound = |scheme: &str| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        };
        self.is_module()
            && self
                .image()
                .split_once(":/")
                .is_some_and(|(scheme, rest)| scheme_is_sound(scheme) && rest.contains(keys::JAR))
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

    /// Name and version by the jar's file name, if Maven's convention applies to it.
    pub fn jar_name(&self) -> Option<JarName<'a>> {
        JarName::of(self.image())
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

impl<'a> JarName<'a> {
    /// Name and version by the file name in the URL of a jar, if Maven's convention applies to it.
    pub fn of(url: &'a str) -> Option<Self> {
        let file = url.split(['?', '#']).next()?.rsplit('/').next()?;
        let stem = file.strip_suffix(keys::JAR)?;
        let stem = stem.strip_suffix("-ark-biz").unwrap_or(stem);
        let dash = stem
            .match_indices('-')
            .map(|(at, _)| at)
            .find(|at| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit()))?;
        let (name, version) = (&stem[..dash], &stem[dash + 1..]);
        (!name.is_empty()).then_some(Self { name, version })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn with_image<T>(image: &str, test: impl Fn(Container<'_>) -> T) -> T {
        test(Container::new(&json!({"name": "biz1", "image": image}), FieldPath::root()))
    }

    #[rstest]
    #[case("https://x/biz1-0.0.1-ark-biz.jar", Some(("biz1", "0.0.1")))]
    #[case("https://x/biz1-web-single-host-0.0.1-SNAPSHOT-ark-biz.jar?sig=a/b-1.jar", Some(("biz1-web-single-host", "0.0.1-SNAPSHOT")))]
    #[case("file:///opt/biz.jar", None)]
    #[case("https://x/-1.jar", None)]
    fn the_file_name_tells_name_and_version(#[case] image: &str, #[case] told: Option<(&str, &str)>) {
        let jar = with_image(image, |c| c.jar_name().map(|jar| (jar.name.to_owned(), jar.version.to_owned())));
        assert_eq!(jar.as_ref().map(|(n, v)| (n.as_str(), v.as_str())), told);
    }

    #[rstest]
    #[case("https://x/biz1.jar", true)]
    #[case("file:///opt/biz1.jar", true)]
    #[case("registry.io/biz1.jar:1", false)]
    #[case("https://x/biz1.zip", false)]
    #[case("biz1.jar", false)]
    #[case("://x.jar", false)]
    fn a_jar_url_has_a_scheme_and_a_jar(#[case] image: &str, #[case] is_url: bool) {
        assert_eq!(with_image(image, |c| c.is_jar_url()), is_url);
    }

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
