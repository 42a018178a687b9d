//! Modules that a change releases again under the version they have.
//!
//! A base knows a module by name and version alone: what it has installed under them it does not install again. Such a release works
//! only because new Pods are kept off bases with an old one, so an old Pod must be deleted first. What comes of it decides which rule
//! it breaks.

use super::rules::Context;
use super::{ReleasedModule, Revision};
use crate::module::{Container, JarName, Kind, Rollout, Template};
use crate::vocabulary as keys;

/// A module that is released under the version it has.
pub(super) struct Rerelease<'a> {
    /// The container of the module, in the new template.
    pub(super) module: Container<'a>,
    /// The version, old and new.
    pub(super) version: &'a str,
    before: ReleasedModule,
}

/// What comes of such a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consequence {
    /// No base has the module, or none is to have it.
    Nothing,
    /// The jar changed, which is a mistake unless it is said not to be one.
    AnotherJar,
    /// A new Pod can land on a base with an old one, and the module is then uninstalled from it.
    PodsMeet,
    /// A DaemonSet with surge makes the new Pod of each node beside the old one.
    PodsMeetOnEveryNode,
    /// It works, and each base is without the module for a while.
    EachBaseGoesWithout,
    /// The new Pods can never be placed, though this must reach the bases: the jar changed, or every base runs the module.
    Blocked,
    /// The new Pods can never be placed where every base has an old one.
    MayNotBePlaced,
}

/// The modules that the write in `context` releases again. Empty where running Pods are not replaced.
///
/// Of a Pod itself, only the image can change. ModuleController then uninstalls and installs the module in place. Of a Pod that a
/// controller made, that was judged on its workload: OpenKruise changes Pods in place.
pub(super) fn rereleases<'a>(context: &Context<'a>) -> Vec<Rerelease<'a>> {
    let is_bare_pod = context.workload.kind() == Kind::Pod && !context.workload.has_controller();
    let replaces = context.workload.rollout() != Rollout::Never || is_bare_pod;
    if !replaces || context.workload.is_paused() {
        return Vec::new();
    }
    let before = released_before(context);
    let modules = context.template.containers().into_iter().filter(Container::is_module);
    modules
        .filter_map(|module| {
            let version = module.literal_version()?;
            let known =
                |known: &&ReleasedModule| known.name == module.name() && known.version.as_deref() == Some(version);
            let before = before.iter().find(known)?.clone();
            Some(Rerelease { module, version, before })
        })
        .filter(|rerelease| !is_bare_pod || rerelease.jar_changed())
        .collect()
}

/// The modules of the template that the workload rolled out last: that of the newest revision when it is resumed after a pause.
pub(super) fn released_before(context: &Context<'_>) -> Vec<ReleasedModule> {
    let Some(old) = context.old else { return Vec::new() };
    if let Some(newest) = context.newest_revision().filter(|_| old.is_paused()) {
        return newest.modules.clone();
    }
    ReleasedModule::all_of(&old.template())
}

impl Rerelease<'_> {
    /// Whether the jar changed, and neither a snapshot version nor an annotation allows that.
    pub(super) fn is_mistaken_jar(&self, context: &Context<'_>) -> bool {
        let allowed =
            self.version.ends_with(keys::SNAPSHOT) || context.workload.switched(keys::ALLOW_SAME_VERSION, "true");
        self.jar_changed() && !allowed && !self.mends(context)
    }

    /// Whether the new jar mends what could not work: its file name has the version, and that of the old one has not.
    fn mends(&self, context: &Context<'_>) -> bool {
        let agrees = |jar: Option<JarName<'_>>| jar.is_some_and(|jar| jar.version == self.version);
        let old = self.before.jar();
        (agrees(self.module.jar_name()) && old.is_some_and(|jar| jar.version != self.version))
            || !context.was_ever_ready()
    }

    /// What comes of it.
    pub(super) fn consequence(&self, context: &Context<'_>) -> Consequence {
        let rollout = context.workload.rollout();
        let has_no_pods = context.workload.replicas() == 0 || context.old.is_some_and(|old| !old.has_pods());
        if has_no_pods && context.workload.kind() != Kind::CronJob {
            Consequence::Nothing
        } else if self.is_mistaken_jar(context) {
            Consequence::AnotherJar
        } else if rollout == Rollout::Beside {
            Consequence::PodsMeetOnEveryNode
        } else if rollout.lets_old_and_new_meet() && !context.keeps_pods_apart() {
            Consequence::PodsMeet
        } else if rollout.can_free_a_base_first() {
            Consequence::EachBaseGoesWithout
        } else if (self.jar_changed() && context.was_ever_ready()) || context.workload.is_peer() {
            Consequence::Blocked
        } else {
            Consequence::MayNotBePlaced
        }
    }

    fn jar_changed(&self) -> bool {
        self.before.image != self.module.image()
    }
}

impl Context<'_> {
    /// The revision that the workload rolled out last; none where that is not known.
    pub(super) fn newest_revision(&self) -> Option<&Revision> {
        self.request.revisions.iter().max_by_key(|revision| revision.number)
    }

    /// Whether new Pods are kept off bases whose Pods have the same module and version: not where injection is switched off, and not
    /// while running Pods lack the labels by which they are.
    fn keeps_pods_apart(&self) -> bool {
        self.is_injected() && self.not_kept_apart() == 0
    }

    /// Whether warden completes its Pods.
    pub(super) fn is_injected(&self) -> bool {
        self.template.metadata().annotation(keys::INJECT) != Some("false")
    }

    /// How many running Pods lack the labels by which they are kept apart.
    pub(super) fn not_kept_apart(&self) -> u32 {
        self.request.peers.map_or(0, |peers| peers.not_kept_apart(self.workload))
    }

    /// Whether some Pod of the template that was rolled out last was ever Ready. True where that is not known.
    fn was_ever_ready(&self) -> bool {
        let Some(old) = self.old else { return true };
        let status = |pointer: &str| old.object().pointer(pointer);
        let ready_now =
            status("/status/readyReplicas").or(status("/status/numberReady")).and_then(|it| it.as_u64()).unwrap_or(0);
        let of_newest = self.newest_revision().and_then(|newest| newest.ready).map_or(ready_now, u64::from);
        // The Deployment controller says of a template whose Pods were all available once that it is complete, for good.
        let is_complete = status("/status/conditions").and_then(|it| it.as_array()).is_some_and(|conditions| {
            conditions.iter().any(|it| it["type"] == "Progressing" && it["reason"] == "NewReplicaSetAvailable")
        });
        let is_reported = ["/status/replicas", "/status/currentNumberScheduled"].iter().any(|it| status(it).is_some());
        !is_reported || of_newest > 0 || is_complete
    }
}

impl ReleasedModule {
    /// The modules in `template`.
    pub fn all_of(template: &Template<'_>) -> Vec<Self> {
        let modules = template.containers().into_iter().filter(Container::is_module);
        modules
            .map(|module| Self {
                name: module.name().to_owned(),
                version: module.literal_version().map(str::to_owned),
                image: module.image().to_owned(),
            })
            .collect()
    }

    /// Name and version by the file name of its jar.
    pub(super) fn jar(&self) -> Option<JarName<'_>> {
        JarName::of(&self.image)
    }
}
