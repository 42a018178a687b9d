//! Rules of the API server that its schema does not have, after `ValidateDeployment` and `ValidatePodSpec` of Kubernetes.
//!
//! By hand, because only the API server itself has them. Few: those that manifests of modules break. `--server` asks for all.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Expression, Selector, SelectorExt as _};
use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::KUBERNETES;
use crate::module::{FieldPath, Kind, Workload};
use crate::policy::Violation;

/// How many characters a label of DNS may have, such as the name of a container, and the value of a label of Kubernetes.
const LABEL_LIMIT: usize = 63;

/// How many characters the name of this object may have. Its parts between dots have no limit of their own.
fn name_limit(workload: Workload<'_>) -> usize {
    let manual_selector = FieldPath::root().fields(&["spec", "manualSelector"]);
    match workload.kind() {
        // A CronJob names its Jobs after itself, with 11 characters more.
        Kind::CronJob => LABEL_LIMIT - 11,
        Kind::StatefulSet => LABEL_LIMIT,
        // Its Pods get the name as the value of a label, unless the user selects them.
        Kind::Job if manual_selector.get(workload.object()).and_then(Value::as_bool) != Some(true) => LABEL_LIMIT,
        _ => 253,
    }
}

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
    let remedy = format!("change the labels of the template or the selector so that {unmet} holds");
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
    // The API server takes an empty text for an absent field.
    let written_at = |path: &FieldPath| path.get(workload.object()).filter(|value| value.as_str() != Some(""));
    let Some(written) = written_at(&name) else {
        let is_generated = written_at(&metadata.field("generateName")).is_some();
        let problem = "the object has no name";
        return (!is_generated).then(|| Violation::required(name, problem, "add metadata.name"));
    };
    // Another type is told by its schema.
    let written = written.as_str()?;
    let (length, limit) = (written.len(), name_limit(workload));
    let (is_valid, allowed) = match workload.kind() {
        Kind::StatefulSet => (is_dns_label(written), "a-z, 0-9 and -"),
        _ => (written.split('.').all(is_dns_label), "a-z, 0-9, - and ."),
    };
    if !is_valid {
        let problem =
            format!("{written:?} is not a valid name of this {}: only {allowed} are allowed", workload.kind());
        return Some(Violation::invalid(name, problem, format!("call it {:?}", dns_label(written, limit))));
    }
    let problem =
        format!("the name of this {} is {length} characters long, and at most {limit} are allowed", workload.kind());
    (length > limit).then(|| Violation::invalid(name, problem, "shorten it"))
}

fn containers(workload: Workload<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for container in workload.template().containers() {
        let name = container.name();
        if !name.is_empty() && (!is_dns_label(name) || name.len() > LABEL_LIMIT) {
            let problem = format!(
                "{name:?} is not a valid name of a container: only a-z, 0-9 and - are allowed, at most {LABEL_LIMIT}"
            );
            let label = dns_label(name, LABEL_LIMIT);
            let remedy = format!("build the module with the bizName {label:?}, and call the container {label:?}, too");
            violations.push(Violation::invalid(container.path().field("name"), problem, remedy));
        }
    }
    violations
}

/// Whether `text` has the form of a label of DNS by RFC 1123, of any length.
fn is_dns_label(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [text.bytes().next(), text.bytes().last()];
    ends.into_iter().all(|end| end.is_some_and(is_letter)) && text.bytes().all(|byte| is_letter(byte) || byte == b'-')
}

/// A label of DNS that reads like `text`: `order-service` for `orderService`. Cut to `limit` characters.
fn dns_label(text: &str, limit: usize) -> String {
    let mut label = String::new();
    for character in text.chars() {
        if character.is_ascii_uppercase()
            && label.ends_with(|last: char| last.is_ascii_lowercase() || last.is_ascii_digit())
        {
            label.push('-');
        }
        label.push(if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' });
    }
    let label: String = label.trim_matches('-').chars().take(limit).collect();
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
        assert_eq!(dns_label(written, LABEL_LIMIT), proposed);
        assert!(is_dns_label(proposed));
    }
}
