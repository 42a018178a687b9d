//! Modules that a change releases again under the version they have.
//!
//! On one base, installing a version that is already installed does nothing, and deleting the old Pod then uninstalls it:
//! `kubectl` shows every Pod Ready while every base is empty. Such a release can work only where old and new Pods are kept
//! off one base and an old Pod may be deleted before its replacement is placed. What comes of it decides which rule it
//! breaks.

use super::rules::Context;
use crate::module::{Container, Rollout, Workload, identity};
use crate::vocabulary as keys;

/// A module that is released under the version it has.
pub(super) struct Rerelease<'a> {
    /// The container of the module, in the new template.
    pub(super) module: Container<'a>,
    /// The version, old and new.
    pub(super) version: &'a str,
    old: Workload<'a>,
    jar_changed: bool,
}

/// What comes of such a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consequence {
    /// No old Pod meets a new one, because there are no old or no new Pods.
    Nothing,
    /// The jar changed, and no base would install it.
    JarIgnored,
    /// A new Pod can land on a base with an old one, and the module is then uninstalled from it.
    PodsMeet,
    /// It works, and each base is without the module for a while.
    EachBaseGoesWithout,
    /// The new Pods can never be placed, though this must reach the bases: the jar changed, or every base runs the module.
    Blocked,
    /// The new Pods can never be placed where every base has an old one.
    MayNotBePlaced,
}

/// The modules that the write in `context` releases again. Empty where running Pods are not replaced.
pub(super) fn rereleases<'a>(context: &Context<'a>) -> Vec<Rerelease<'a>> {
    let Some(old) = context.old.filter(|_| context.workload.rollout() != Rollout::Never) else {
        return Vec::new();
    };
    let before = old.template().containers();
    let modules = context.template.containers().into_iter().filter(Container::is_module);
    modules
        .filter_map(|module| {
            let before = before.iter().find(|container| container.name() == module.name())?;
            let version = module.literal_version().filter(|version| before.literal_version() == Some(version))?;
            Some(Rerelease { old, version, jar_changed: before.image() != module.image(), module })
        })
        .collect()
}

impl Rerelease<'_> {
    /// Whether the jar changed, and neither a snapshot version nor an annotation allows that.
    pub(super) fn ignores_the_jar(&self, context: &Context<'_>) -> bool {
        let allowed =
            self.version.ends_with(keys::SNAPSHOT) || context.workload.switched(keys::ALLOW_SAME_VERSION, "true");
        self.jar_changed && !allowed
    }

    /// What comes of it.
    pub(super) fn consequence(&self, context: &Context<'_>) -> Consequence {
        let rollout = context.workload.rollout();
        if self.ignores_the_jar(context) {
            Consequence::JarIgnored
        } else if context.workload.replicas() == 0 || !self.old.has_pods() {
            Consequence::Nothing
        } else if rollout.lets_old_and_new_meet() && !self.pods_are_kept_apart(context) {
            Consequence::PodsMeet
        } else if rollout.can_free_a_base_first() {
            Consequence::EachBaseGoesWithout
        } else if self.jar_changed || context.workload.is_peer() {
            Consequence::Blocked
        } else {
            Consequence::MayNotBePlaced
        }
    }

    /// Whether no new Pod can land on a base with an old one: both have the labels of name and version, and the anti-affinity
    /// of the new ones matches the labels of the old ones.
    fn pods_are_kept_apart(&self, context: &Context<'_>) -> bool {
        let old = self.old.template().metadata();
        let new = context.template.metadata();
        let on_old: Vec<_> = identity(self.module.name(), self.version)
            .into_iter()
            .filter(|(key, value)| old.label(key) == Some(value))
            .collect();
        let known = [keys::MODULE_NAME, keys::MODULE_VERSION]
            .iter()
            .all(|key| on_old.iter().any(|(label, value)| label == key && new.label(key) == Some(value)));
        known && context.template.anti_affinity().iter().any(|term| term.keeps_apart(&on_old))
    }
}
