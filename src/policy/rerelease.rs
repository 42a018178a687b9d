//! Modules that a change releases again under the version they have.
//!
//! A base knows a module by name and version alone: what it has installed under them it does not install again. Such a release works
//! only because new Pods are kept off bases with an old one, so an old Pod must be deleted first. What comes of it decides which rule
//! it breaks.

use std::collections::BTreeMap;

use serde_json::Value;

use super::rules::Context;
use super::{ReleasedModule, Revision, TemplateDigest};
use crate::module::{Container, JarName, Kind, Rollout, Template, Workload, jar_of_url};
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
    /// No base has the module, none is to have it, or its Pods end by themselves.
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
    let mut before = released_before(context);
    let modules = context.template.containers().into_iter().filter(Container::is_module);
    modules
        .filter_map(|module| {
            let version = module.literal_version()?;
            let before = before.remove(module.name()).filter(|known| known.version.as_deref() == Some(version))?;
            Some(Rerelease { module, version, before })
        })
        // Whatever changes in its image, ModuleController uninstalls the module and installs it again.
        .filter(|rerelease| !is_bare_pod || rerelease.before.image != rerelease.module.image())
        .collect()
}

/// Those of them of which this comes.
pub(super) fn rereleases_with<'a>(context: &Context<'a>, consequence: Consequence) -> Vec<Rerelease<'a>> {
    let mut all = rereleases(context);
    all.retain(|rerelease| rerelease.consequence(context) == consequence);
    all
}

/// The modules of the template that the workload rolled out last, by their names: that of the newest revision when it is resumed after
/// a pause.
pub(super) fn released_before(context: &Context<'_>) -> BTreeMap<String, ReleasedModule> {
    let Some(old) = context.old else { return BTreeMap::new() };
    let modules = match context.newest_revision().filter(|_| old.is_paused()) {
        Some(newest) => newest.modules.clone(),
        None => ReleasedModule::all_of(&old.template()),
    };
    modules.into_iter().map(|module| (module.name.clone(), module)).collect()
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

    /// What else must be changed so that it works under this version and ends, each as an instruction. Empty where it does.
    pub(super) fn needs(&self, context: &Context<'_>) -> Vec<String> {
        let rollout = context.workload.rollout();
        if rollout == Rollout::Beside {
            return vec!["set maxSurge to 0 and maxUnavailable to 1".to_owned()];
        }
        let mut needs = Vec::new();
        if rollout.lets_old_and_new_meet() && !context.is_injected() {
            needs.push(format!("remove annotation {} from the template", keys::INJECT));
        }
        if rollout.lets_old_and_new_meet() && context.not_kept_apart() > 0 {
            needs.push("try again in some seconds, when all running Pods are labelled".to_owned());
        }
        if !rollout.can_free_a_base_first() {
            needs.push(frees_a_base(context.workload).to_owned());
        }
        needs
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
        } else if context.workload.kind() == Kind::CronJob {
            Consequence::Nothing
        } else if rollout.can_free_a_base_first() {
            Consequence::EachBaseGoesWithout
        } else if self.must_be_placed(context) {
            Consequence::Blocked
        } else {
            Consequence::MayNotBePlaced
        }
    }

    /// Whether it is useless unless it reaches bases that run the module.
    fn must_be_placed(&self, context: &Context<'_>) -> bool {
        (self.jar_changed() && context.was_ever_ready()) || context.workload.is_peer()
    }

    fn jar_changed(&self) -> bool {
        jar_of_url(&self.before.image) != jar_of_url(self.module.image())
    }
}

/// What makes a rollout of this kind delete an old Pod before the new one is placed.
pub(super) fn frees_a_base(workload: Workload<'_>) -> &'static str {
    match workload.kind() {
        Kind::Deployment => "set maxUnavailable to 1, or the strategy to Recreate without rollingUpdate",
        _ if workload.is_blue_green() => "release by strategy canary with maxUnavailable 1",
        _ => "set maxUnavailable to 1",
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

    /// The longest grace period that is not warned about, in seconds.
    pub(super) fn short_grace_period(&self) -> u64 {
        self.policy.grace_period_seconds.unwrap_or_default().max(keys::SHORT_GRACE_PERIOD)
    }

    /// How many running Pods lack the labels by which they are kept apart.
    pub(super) fn not_kept_apart(&self) -> u32 {
        self.request.peers.map_or(0, |peers| peers.not_kept_apart(self.workload))
    }

    /// Whether the write changes only what `kubectl rollout restart` does.
    pub(super) fn is_restart(&self) -> bool {
        let without_time = |template: Option<&Value>| {
            let mut template = template.cloned().unwrap_or_default();
            let annotations = template.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
            let time = annotations.and_then(|annotations| annotations.remove(keys::RESTARTED_AT));
            (TemplateDigest::of(Some(&template)), time)
        };
        let Some(old) = self.old else { return false };
        let ((old, before), (new, after)) = (without_time(old.template().value()), without_time(self.template.value()));
        old == new && after.is_some() && before != after
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
    /// The modules in `template`. None where it is not labelled as a module: ModuleController ignores its Pods.
    pub fn all_of(template: &Template<'_>) -> Vec<Self> {
        if !template.is_module() {
            return Vec::new();
        }
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
        JarName::of(&self.image, &self.name, self.version.as_deref())
    }
}
