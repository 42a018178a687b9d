//! What is refused, and what is only warned about, one file each. Each says what is by default; how severe a rule is in a
//! cluster is configured.

mod annotations;
mod base_selection;
mod biz_version;
mod dead_keys;
mod identity_labels;
mod jar_file_name;
mod jar_image;
mod older_dialect;
mod overruled;
mod peer_rollout;
mod resources;
mod same_version;
mod several_jars;
mod shape;
mod sidecars;
mod spread;
mod strategy;
mod toleration_seconds;
mod version_in_selector;

use super::{Found, Request};
use crate::module::{Container, Template, Workload};

/// What a rule may look at.
struct Scene<'a> {
    workload: Workload<'a>,
    template: Template<'a>,
    old: Option<Workload<'a>>,
}

type Check = fn(&Scene<'_>, &mut Found);

/// What must hold for a module to run at all, and not to be lost.
const VITAL: [Check; 3] = [biz_version::check_vital, jar_image::check_vital, same_version::check_jar];

/// What a template is held to when its author writes it.
const OF_TEMPLATES: [Check; 15] = [
    biz_version::check,
    jar_image::check,
    identity_labels::check,
    base_selection::check,
    same_version::check,
    peer_rollout::check,
    older_dialect::check,
    spread::check,
    dead_keys::check,
    sidecars::check,
    several_jars::check,
    resources::check,
    toleration_seconds::check,
    jar_file_name::check,
    version_in_selector::check,
];

/// Runs every rule that applies.
///
/// What a controller made is held only to what is vital: its template was somebody's to mend, perhaps before warden was
/// there, and to refuse a Pod that would run is to uninstall a module. A template that an update leaves alone is not looked
/// at again.
pub(super) fn check(request: Request<'_>, workload: Workload<'_>) -> Found {
    let mut found = Found::default();
    let scene =
        Scene { workload, template: workload.template(), old: request.old.map(|old| Workload::new(request.kind, old)) };
    shape::check(&scene, &mut found);
    if !found.is_empty() {
        return found;
    }
    let run = |checks: &[Check], found: &mut Found| checks.iter().for_each(|check| check(&scene, found));
    match (workload.has_controller(), scene.template_changed()) {
        (true, true) => run(&VITAL, &mut found),
        (false, true) => run(&OF_TEMPLATES, &mut found),
        (_, false) => {}
    }
    if !workload.has_controller() {
        annotations::check(&scene, &mut found);
        overruled::check(&scene, &mut found);
        strategy::check(&scene, &mut found);
    }
    found
}

impl<'a> Scene<'a> {
    /// Whether the template is new or another one than before.
    fn template_changed(&self) -> bool {
        self.old.is_none_or(|old| old.template().value() != self.template.value())
    }

    /// The containers that are modules; where none is, all of them, for one of them was meant to be.
    fn meant_as_modules(&self) -> Vec<Container<'a>> {
        let (modules, others): (Vec<_>, Vec<_>) =
            self.template.containers().into_iter().partition(Container::is_module);
        if modules.is_empty() { others } else { modules }
    }
}
