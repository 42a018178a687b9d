//! Refused: values of our own annotations, or of declared bases, that mean nothing. Warned: annotations nobody knows, or that
//! do nothing where they stand.

use super::Scene;
use crate::module::{Follow, Kind, Metadata, check_label_value};
use crate::policy::{Fault, Found, Rule};
use crate::vocabulary as keys;

/// What only a peer Deployment is asked for.
const OF_PEERS: [&str; 2] = [keys::FOLLOW, keys::PEER_PAUSED];
/// What warden wrote under its users' prefix once. Its state has a prefix of its own now, which this rule does not judge.
const WRITTEN_ONCE: [&str; 2] = [keys::PEER_STATE_OLDER, keys::DEPARTED_OLDER];

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    let metadata = scene.workload.metadata();
    check_metadata(&metadata, found);
    check_place(&metadata, scene.workload.is_peer(), found);
    if scene.workload.kind() != Kind::Pod {
        let of_template = scene.template.metadata();
        check_metadata(&of_template, found);
        check_place(&of_template, false, found);
        let here = metadata.annotation(keys::INJECT);
        let template = of_template.annotation(keys::INJECT);
        if here == Some("false") && template != here {
            let problem = format!("{} on the template as well would reach its Pods", keys::INJECT);
            let remedy = "write it onto the template, too";
            found.note(
                Rule::MisplacedAnnotations,
                of_template.annotation_path(keys::INJECT),
                Fault::Invalid,
                problem,
                remedy,
            );
        }
    }
}

fn check_metadata(metadata: &Metadata<'_>, found: &mut Found) {
    for key in metadata.annotation_keys() {
        let value = metadata.annotation(key).unwrap_or_default();
        if let Some((problem, remedy)) = fault(key, value) {
            let warning = format!("{key}: {problem}");
            found.note(Rule::AnnotationValues, metadata.annotation_path(key), Fault::Invalid, problem, remedy);
            found.or_warn(warning);
        } else if key.starts_with(keys::WARDEN_PREFIX) && !is_known(key) {
            let problem = format!("annotation {key} is unknown and does nothing");
            let remedy = "take it off, or spell it as one that warden knows";
            found.note(Rule::UnknownAnnotations, metadata.annotation_path(key), Fault::Invalid, problem, remedy);
        }
    }
}

/// What is wrong with the value of an annotation that means something, and how to mend it.
fn fault(key: &str, value: &str) -> Option<(String, &'static str)> {
    if keys::SWITCHES.contains(&key) {
        let neither = !["true", "false"].contains(&value);
        neither.then(|| (format!("{value:?} is neither \"true\" nor \"false\""), "write one of the two, in quotes"))
    } else if key == keys::FOLLOW {
        // Whose namespace it is decides on nothing that could be wrong.
        let fault = Follow::parse(value, "").err()?;
        Some((
            format!("{value:?} {fault}"),
            "write Deployment/NAME or StatefulSet/NAME, with NAMESPACE/ before it if need be",
        ))
    } else if keys::BASE_SELECTION.contains(&key) || key == keys::ENV {
        let fault = check_label_value(value).err()?;
        Some((format!("{value:?} {fault}, so no base can carry it"), "write the value that the bases carry"))
    } else {
        None
    }
}

fn is_known(key: &str) -> bool {
    keys::SWITCHES.contains(&key) || OF_PEERS.contains(&key) || WRITTEN_ONCE.contains(&key)
}

fn check_place(metadata: &Metadata<'_>, is_peer: bool, found: &mut Found) {
    for key in OF_PEERS.into_iter().filter(|key| !is_peer && metadata.annotation(key).is_some()) {
        let problem = format!("annotation {key} does nothing here: it is for Deployments of strategy peer");
        let remedy = "take it off, or write it onto a Deployment of strategy peer itself";
        found.note(Rule::MisplacedAnnotations, metadata.annotation_path(key), Fault::Invalid, problem, remedy);
    }
}
