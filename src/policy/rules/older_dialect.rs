//! Warned: keys that ModuleController has not read since V2.0.

use super::Scene;
use crate::policy::{Fault, Found, Rule};
use crate::vocabulary as keys;

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    for key in [keys::COMPONENT, keys::STRATEGY] {
        let places = [scene.workload.metadata(), scene.template.metadata()];
        if let Some(metadata) = places.iter().find(|metadata| metadata.label(key.older).is_some()) {
            let problem = format!("label {} is not read since V2.0", key.older);
            let remedy = format!("write {} instead", key.current);
            found.note(Rule::OlderDialect, metadata.label_path(key.older), Fault::Invalid, problem, remedy);
            found.or_warn(format!("label {} is not read since V2.0: write {}", key.older, key.current));
        }
    }
}
