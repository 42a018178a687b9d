//! Warned: a toleration of the vnodes' own taints that ends. The module is uninstalled when it does.

use super::Scene;
use crate::policy::{Fault, Found, Rule};
use crate::vocabulary as keys;

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    let list = scene.template.tolerations_path();
    for (index, toleration) in scene.template.tolerations().into_iter().enumerate() {
        let key = toleration.key();
        if let Some(seconds) = toleration.seconds()
            && [keys::TAINT_VIRTUAL_NODE, keys::TAINT_NODE_ENV].contains(&key)
        {
            let problem = format!("toleration of {key} ends after {seconds} s: the module is then uninstalled");
            let field = list.index(index).field("tolerationSeconds");
            found.note(Rule::TolerationSeconds, field, Fault::Invalid, problem, "leave the seconds out");
        }
    }
}
