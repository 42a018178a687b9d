//! Warned: a toleration of the vnodes' own taints that ends. The module is uninstalled when it does.

use super::Scene;
use crate::policy::Findings;
use crate::vocabulary as words;

pub(super) fn check(scene: &Scene<'_>, findings: &mut Findings) {
    for toleration in scene.template.tolerations() {
        let key = toleration.key();
        if let Some(seconds) = toleration.seconds()
            && [words::TAINT_VIRTUAL_NODE, words::TAINT_NODE_ENV].contains(&key)
        {
            findings.warn(format!("toleration of {key} ends after {seconds} s: the module is then uninstalled"));
        }
    }
}
