//! Warned: spreading over a topology that vnodes do not have.

use super::Scene;
use crate::policy::{Fault, Found, Rule};
use crate::vocabulary as keys;

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    for (field, topology) in scene.template.spread_topologies() {
        if topology != keys::HOSTNAME {
            let problem = format!("no base has {topology}");
            let remedy = format!("spread over {} instead", keys::HOSTNAME);
            found.note(Rule::TopologySpread, field, Fault::Invalid, problem, remedy);
            found.or_warn(format!("no base has {topology}: spread over {} instead", keys::HOSTNAME));
        }
    }
}
