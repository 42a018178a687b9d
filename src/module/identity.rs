//! The identity labels of a module Pod ([`crate::vocabulary::IDENTITY_PREFIX`]).
//!
//! A base knows a module by name and version alone. Two Pods of one name and version on one base share one installed module, and
//! deleting either Pod uninstalls it for both. So every module Pod bears a label for each module in it, and every new Pod keeps off
//! the bases whose Pods bear one of its labels.

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};

use super::{Container, Template, check_label_value};
use crate::vocabulary as keys;

/// How many bytes of a hash stand for a version that cannot be the value of a label.
const HASH_BYTES: usize = 16;

/// The identity labels of the Pods of `template`: one for each container that is a module with a literal version. A base refuses a
/// module without a version, so there is nothing to keep apart.
pub fn identity_labels(template: &Template<'_>) -> BTreeMap<String, String> {
    let modules = template.containers().into_iter().filter(Container::is_module);
    modules.filter_map(|module| identity_label(module.name(), module.literal_version()?)).collect()
}

/// The identity label of one module: its key and its value, which is the version, or a hash of a version that cannot be the value
/// of a label. None if the name cannot be part of a key; the API server refuses such a container.
pub fn identity_label(name: &str, version: &str) -> Option<(String, String)> {
    check_label_value(name).ok()?;
    let value = if check_label_value(version).is_ok() { version.to_owned() } else { hash(version) };
    Some((format!("{}{name}", keys::IDENTITY_PREFIX), value))
}

fn hash(version: &str) -> String {
    let hash = digest(&SHA256, version.as_bytes());
    let hex: String = hash.as_ref().iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("sha256-{hex}")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::module::{Kind, Workload};

    #[rstest]
    #[case::plain("1.0.0", false)]
    #[case::build_metadata("1.0.0+7", true)]
    #[case::colon("1:0", true)]
    fn a_version_that_is_no_label_value_has_a_hash(#[case] version: &str, #[case] is_hashed: bool) {
        let (key, label) = identity_label("orders", version).unwrap();
        assert_eq!(key, "module.warden.koupleless.io/orders");
        assert_eq!((label.starts_with("sha256-"), label == version), (is_hashed, !is_hashed), "{label}");
        assert_eq!(check_label_value(&label), Ok(()));
    }

    #[test]
    fn two_versions_have_two_labels() {
        assert_ne!(identity_label("orders", "1+a"), identity_label("orders", "1+b"));
        assert_ne!(identity_label("orders", &"1".repeat(64)), identity_label("orders", &"1".repeat(65)));
    }

    #[test]
    fn every_jar_has_a_label_and_nothing_else_has() {
        let container = |name: &str, image: &str, version: &str| json!({"name": name, "image": image, "env": [{"name": "BIZ_VERSION", "value": version}]});
        let pod = json!({"spec": {"containers": [
            container("orders", "https://x/orders.jar", "1"),
            container("stock", "https://x/stock.jar", "2"),
            container("proxy", "envoy:1", "3"),
            container("none", "https://x/none.jar", ""),
            container("no label", "https://x/none.jar", "1"),
        ]}});
        let labels = identity_labels(&Workload::new(Kind::Pod, &pod).template());
        let expected = [("module.warden.koupleless.io/orders", "1"), ("module.warden.koupleless.io/stock", "2")];
        assert_eq!(labels, expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    }
}
