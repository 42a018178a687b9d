//! Warned: a strategy that does not exist; the Deployment is none that follows the bases.

use super::Scene;
use crate::policy::{Fault, Found, Rule};
use crate::vocabulary as keys;

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    let metadata = scene.workload.metadata();
    for key in keys::STRATEGY.all() {
        if let Some(value) = metadata.label(key).filter(|value| *value != keys::STRATEGY_PEER) {
            let problem = format!("label {key} knows only {:?}, nothing comes of {value:?}", keys::STRATEGY_PEER);
            let remedy = format!("write {:?}, or leave the label out", keys::STRATEGY_PEER);
            found.note(Rule::UnknownStrategy, metadata.label_path(key), Fault::Invalid, problem, remedy);
        }
    }
}
