//! Refused: values of our own annotations, or of declared bases, that mean nothing. Warned: annotations nobody knows.

use super::Scene;
use crate::module::{Kind, Metadata, check_label_value};
use crate::policy::{Fault, Findings};
use crate::vocabulary as words;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Findings) {
    check_metadata(&scene.workload.metadata(), findings);
    if scene.workload.kind() != Kind::Pod {
        check_metadata(&scene.template.metadata(), findings);
        let here = scene.workload.metadata().annotation(words::INJECT);
        let template = scene.template.metadata().annotation(words::INJECT);
        if here == Some("false") && template != here {
            findings.warn(format!("{} on the template as well would reach its Pods", words::INJECT));
        }
    }
}

fn check_metadata(metadata: &Metadata<'_>, findings: &mut Findings) {
    for key in metadata.annotation_keys() {
        let value = metadata.annotation(key).unwrap_or_default();
        if words::SWITCHES.contains(&key) {
            if !["true", "false"].contains(&value) {
                let problem = format!("{value:?} is neither \"true\" nor \"false\"");
                findings.refuse(
                    metadata.annotation_path(key),
                    Fault::Invalid,
                    problem,
                    "write one of the two, in quotes",
                );
            }
        } else if key.starts_with(words::WARDEN_PREFIX) {
            findings.warn(format!("annotation {key} is unknown and does nothing"));
        } else if (words::BASE_SELECTION.contains(&key) || key == words::ENV)
            && let Err(fault) = check_label_value(value)
        {
            let problem = format!("{value:?} {fault}, so no base can carry it");
            findings.refuse(
                metadata.annotation_path(key),
                Fault::Invalid,
                problem,
                "write the value that the bases carry",
            );
        }
    }
}
