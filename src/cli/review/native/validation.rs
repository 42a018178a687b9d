//! Rules of the API server that its schema does not have, after `ValidateDeployment` and `ValidatePodSpec` of Kubernetes.
//!
//! By hand, because only the API server itself has them. Few: those that manifests of modules break. `--server` asks for all.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Expression, Selector, SelectorExt as _};
use serde::Deserialize as _;
use serde_json::Map;

use super::KUBERNETES;
use crate::module::{FieldPath, Kind, Workload};
use crate::policy::Violation;

/// The longest name of a container, which is a label of DNS.
const LABEL_LIMIT: usize = 63;
/// The longest name of an object.
const NAME_LIMIT: usize = 253;

/// What the API server refuses of `workload`, or of its Pods. `is_native`: whether the rules of its kind are Kubernetes' own.
pub(super) fn check(workload: Workload<'_>, is_native: bool) -> Vec<Violation> {
    let mut violations = Vec::new();
    if is_native {
        violations.extend(version(workload));
        violations.extend(selector(workload));
    }
    violations.extend(name(workload));
    violations.extend(containers(workload));
    violations
}

fn version(workload: Workload<'_>) -> Option<Violation> {
    let path = FieldPath::root().field("apiVersion");
    let written = path.get(workload.object())?.as_str()?;
    let served = match workload.kind().group() {
        "" => "v1".to_owned(),
        group => format!("{group}/v1"),
    };
    let problem = format!("{KUBERNETES} serves no {} of {written}", workload.kind());
    (written != served).then(|| Violation::invalid(path, problem, format!("write apiVersion: {served}")))
}

fn selector(workload: Workload<'_>) -> Option<Violation> {
    let path = FieldPath::root().fields(&["spec", "selector"]);
    let labels_path = workload.kind().template_path().fields(&["metadata", "labels"]);
    let template = labels(&labels_path, workload);
    // Labels of others' keys say what a Pod is, not which workload has it.
    let own = template.iter().find(|(key, _)| !key.contains('/')).or_else(|| template.iter().next());
    let remedy = match own {
        Some((key, value)) => format!("write matchLabels: {{{key}: {value:?}}}, which the template has"),
        None => "give the template a label, and write it as matchLabels".to_owned(),
    };
    let Some(written) = path.get(workload.object()) else {
        let problem = "says nothing, and the API server wants to know which Pods are this object's";
        return selects_by_itself(workload.kind()).then(|| Violation::required(path, problem, remedy));
    };
    let selector: Selector = match workload.kind() {
        kind if !selects_by_itself(kind) && kind != Kind::ReplicationController => return None,
        // Where it is empty, the labels of the template are taken.
        Kind::ReplicationController if written.as_object().is_none_or(Map::is_empty) => return None,
        Kind::ReplicationController => labels(&path, workload).into_iter().collect(),
        _ => LabelSelector::deserialize(written).ok()?.try_into().ok()?,
    };
    if selector.selects_all() {
        return Some(Violation::invalid(path, "is empty, and would select every Pod", remedy));
    }
    let unmet: Vec<String> =
        selector.into_iter().filter(|one: &Expression| !one.matches(&template)).map(|one| one.to_string()).collect();
    let unmet = unmet.join(", ");
    let problem = format!("the labels of the template do not match spec.selector, which asks for {unmet}");
    let remedy = format!("give the template labels with {unmet}");
    (!unmet.is_empty()).then(|| Violation::invalid(labels_path, problem, remedy))
}

/// Whether an object of this kind must say which Pods it selects.
fn selects_by_itself(kind: Kind) -> bool {
    matches!(kind, Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet | Kind::ReplicaSet)
}

fn labels(path: &FieldPath, workload: Workload<'_>) -> BTreeMap<String, String> {
    let labels = path.get(workload.object()).and_then(|labels| labels.as_object());
    let texts = labels.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    texts.collect()
}

fn name(workload: Workload<'_>) -> Option<Violation> {
    let metadata = FieldPath::root().field("metadata");
    let name = metadata.field("name");
    let Some(written) = name.get(workload.object()) else {
        let is_generated = metadata.field("generateName").get(workload.object()).is_some();
        let problem = "the object has no name";
        return (!is_generated).then(|| Violation::required(name, problem, "add metadata.name"));
    };
    // Another type is told by its schema.
    let written = written.as_str()?;
    let is_valid = written.len() <= NAME_LIMIT && written.split('.').all(is_dns_label);
    let problem = format!("{written:?} is no name of an object: only a-z, 0-9, - and . are allowed");
    let remedy = format!("call it {:?}", dns_label(written));
    (!is_valid).then(|| Violation::invalid(name, problem, remedy))
}

fn containers(workload: Workload<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for container in workload.template().containers() {
        let (name, image) = (container.name(), container.image());
        if !name.is_empty() && !is_dns_label(name) {
            let problem = format!("{name:?} is no name of a container: at most 63 of a-z, 0-9 and -");
            let remedy =
                format!("build the module with the bizName {0:?}, and call the container {0:?}, too", dns_label(name));
            violations.push(Violation::invalid(container.path().field("name"), problem, remedy));
        }
        if image != image.trim() {
            let problem = format!("image {image:?} begins or ends with a blank, so each of its Pods would be refused");
            violations.push(Violation::invalid(container.path().field("image"), problem, "remove the blank"));
        }
    }
    violations
}

/// RFC 1123, as Kubernetes reads it.
fn is_dns_label(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [text.bytes().next(), text.bytes().last()];
    text.len() <= LABEL_LIMIT
        && ends.into_iter().all(|end| end.is_some_and(is_letter))
        && text.bytes().all(|byte| is_letter(byte) || byte == b'-')
}

/// A label of DNS that reads like `text`: `order-service` for `orderService`.
fn dns_label(text: &str) -> String {
    let mut label = String::new();
    for character in text.chars() {
        if character.is_ascii_uppercase()
            && label.ends_with(|last: char| last.is_ascii_lowercase() || last.is_ascii_digit())
        {
            label.push('-');
        }
        label.push(if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' });
    }
    let label: String = label.trim_matches('-').chars().take(LABEL_LIMIT).collect();
    let label = label.trim_end_matches('-');
    if label.is_empty() { "biz1" } else { label }.to_owned()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("orderService", "order-service")]
    #[case("Biz1", "biz1")]
    #[case("order_service.", "order-service")]
    #[case("购物车", "biz1")]
    fn the_name_that_is_proposed_can_be_taken(#[case] written: &str, #[case] proposed: &str) {
        assert!(!is_dns_label(written));
        assert_eq!(dns_label(written), proposed);
        assert!(is_dns_label(proposed));
    }
}
