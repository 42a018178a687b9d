//! Warned: a declaration that the pod spec overrules. Also where only the declaration came: the template says what counts.

use super::Scene;
use crate::policy::sources::{chosen_envs, single_demand};
use crate::policy::{Fault, Found, Rule, Sources};
use crate::vocabulary as keys;

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    let sources = Sources::of(scene.workload, None);
    let of_base = keys::BASE_SELECTION.map(|key| (key, single_demand(&scene.template, key).into_iter().collect()));
    let of_env = (keys::ENV, chosen_envs(&scene.template));
    for (key, demanded) in of_base.into_iter().chain([of_env]) {
        if let Some((declared, declared_at)) = sources.on_object(key)
            && !demanded.is_empty()
            && !demanded.contains(&declared)
        {
            let demanded = demanded.join(", ");
            let problem = format!("{key} is declared {declared}; the pod spec demands {demanded}, which wins");
            let remedy = "declare what the pod spec demands, or take one of the two away";
            found.note(Rule::OverruledDeclarations, declared_at, Fault::Invalid, problem, remedy);
        }
    }
}
