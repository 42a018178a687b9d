//! Where the Pods of a module are to run, as far as their template does not say so itself.
//!
//! A workload's template stays as its author wrote it. The one exception is the annotation [`keys::PLACEMENT`]: the Pod webhook sees
//! the Pod, and not the workload whose metadata may declare the base. So what the Pods need is resolved when the workload is written,
//! and travels on the template. So does their grace period, which only the workload shows to be its author's or Kubernetes' default.

use serde::{Deserialize, Serialize};

use super::declarations::{DECLARED, declared, spec_says};
use super::selection::Selection;
use super::{NamespaceFacts, Policy, declarations};
use crate::module::{Kind, Metadata, Taint, Template, Workload, check_label_value};
use crate::vocabulary as keys;

/// A base and an environment, as the annotation [`keys::PLACEMENT`] has them: only what the template does not say itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Placement {
    /// The environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<String>,
    /// The name of the base.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The version of the base.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// The cluster of the base.
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    /// The grace period, in seconds; none where the template sets its own, and where none is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    grace: Option<u64>,
}

/// What a placement is resolved from, the nearest first.
#[derive(Debug, Clone)]
pub(super) struct Sources<'a> {
    /// The template. What its pod spec says needs no placement.
    pub(super) template: Template<'a>,
    /// The metadata of the workload. None for Pods: their webhook does not see it.
    pub(super) workload: Option<Metadata<'a>>,
    /// What was resolved from the Namespace and the configuration before. It stays, so that a change of these moves nothing.
    pub(super) resolved: Option<Placement>,
    /// Whether the base is resolved as that of a new workload is, whatever of it was resolved before.
    pub(super) base_anew: bool,
    /// The Namespace.
    pub(super) namespace: Option<&'a NamespaceFacts>,
    /// The configuration.
    pub(super) policy: &'a Policy,
    /// Whether the placement becomes part of the pod spec of the template, as it does for a DaemonSet. Then it has what the
    /// template's own metadata declares, too.
    pub(super) is_derived: bool,
    /// The grace period of Pods for which the author of the workload sets none, in seconds.
    pub(super) grace: Option<u64>,
    /// Whether the template runs without warden ([`runs_as_written`]). It then takes nothing from Namespace and configuration.
    pub(super) runs_as_written: bool,
}

impl Placement {
    /// The annotation on `template`. None if there is none that can be read.
    pub fn of(template: &Template<'_>) -> Option<Self> {
        Self::parse(template.metadata().annotation(keys::PLACEMENT)?)
    }

    /// The annotation with this value. None if it cannot be read.
    pub(super) fn parse(annotation: &str) -> Option<Self> {
        serde_json::from_str(annotation).ok()
    }

    /// The annotation's value; None where there is nothing to say.
    pub(super) fn to_annotation(&self) -> Option<String> {
        // Texts and a number can always be written as JSON.
        (*self != Self::default()).then(|| serde_json::to_string(self).unwrap_or_default())
    }

    /// The value of `key`, one of [`DECLARED`]. None if no Node can have it as a label.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let value = match key {
            keys::ENV => &self.env,
            keys::BASE_NAME => &self.name,
            keys::BASE_VERSION => &self.version,
            keys::BASE_CLUSTER_NAME => &self.cluster,
            _ => &None,
        };
        value.as_deref().filter(|value| check_label_value(value).is_ok())
    }

    /// The grace period of the Pods, in seconds.
    pub(super) fn grace(&self) -> Option<u64> {
        self.grace
    }

    /// Without the values of those `keys` that `drop` says.
    pub(super) fn without(mut self, drop: impl Fn(&str) -> bool) -> Self {
        for key in DECLARED.into_iter().filter(|key| drop(key)) {
            self.set(key, None);
        }
        self
    }

    /// The taints of the vnodes on which Pods of `template` run by this: of each environment that the pod spec chooses, or else of
    /// the one that is placed here.
    pub(super) fn taints<'a>(&'a self, template: &Template<'a>, policy: &'a Policy) -> Vec<Taint<'a>> {
        let mut envs = declarations::chosen_envs(template);
        if envs.is_empty() {
            envs.push(self.get(keys::ENV).unwrap_or(&policy.default_env));
        }
        [Taint::VIRTUAL_NODE].into_iter().chain(envs.into_iter().map(Taint::node_env)).collect()
    }

    /// Whether it says anything about the base.
    fn has_base(&self) -> bool {
        keys::BASE_SELECTION.into_iter().any(|key| self.get(key).is_some())
    }

    fn set(&mut self, key: &str, value: Option<&str>) {
        let place = match key {
            keys::ENV => &mut self.env,
            keys::BASE_NAME => &mut self.name,
            keys::BASE_VERSION => &mut self.version,
            keys::BASE_CLUSTER_NAME => &mut self.cluster,
            _ => return,
        };
        *place = value.map(str::to_owned);
    }

    /// What the Pods of `workload` are placed by: the annotation of the template, or else what the webhook resolves for a Pod without
    /// it. A bare Pod may take all from its Namespace. A Pod that a controller made takes only what would be missing altogether: its
    /// template may be older than what the Namespace declares.
    pub(super) fn of_pods(workload: Workload<'_>, namespace: Option<&NamespaceFacts>, policy: &Policy) -> Self {
        let template = workload.template();
        let resolved = match Self::of(&template) {
            Some(placement) => placement,
            None => {
                let is_bare = workload.kind() == Kind::Pod && !workload.has_controller();
                let resolved = (!is_bare).then(Self::default);
                // Of a Pod that a controller made it cannot be told whether the grace period is its author's.
                let grace = policy.grace_period(workload).filter(|_| is_bare);
                let (template, runs_as_written) = (template.clone(), runs_as_written(&template));
                Sources {
                    template,
                    workload: None,
                    resolved,
                    base_anew: false,
                    namespace,
                    policy,
                    is_derived: false,
                    grace,
                    runs_as_written,
                }
                .resolve()
            }
        };
        // What the template's own metadata declares comes first.
        let own = |key| declared(&template.metadata(), key);
        DECLARED.into_iter().fold(resolved, |mut placement, key| {
            if let Some(value) = own(key) {
                placement.set(key, Some(value));
            }
            placement
        })
    }
}

impl Sources<'_> {
    /// The placement that comes of them.
    pub(super) fn resolve(&self) -> Placement {
        let own = self.template.metadata();
        let says = |key: &str| spec_says(&self.template, key) || (!self.is_derived && declared(&own, key).is_some());
        let open: Vec<&str> = DECLARED.into_iter().filter(|key| !says(key)).collect();
        let mut placement = Placement::default();
        for key in &open {
            let of_template = declared(&own, key).filter(|_| self.is_derived);
            let of_workload = || declared(self.workload.as_ref()?, key);
            let before = || self.resolved.as_ref()?.get(key).filter(|_| !self.runs_as_written);
            placement.set(key, of_template.or_else(of_workload).or_else(before));
        }
        if self.runs_as_written {
            return placement;
        }
        placement.grace = self.grace;
        let declares_base = |metadata: &Metadata<'_>| {
            keys::BASE_SELECTION.into_iter().any(|key| metadata.annotation_or_label(key).is_some())
        };
        let selects_nothing = Selection::of(&self.template) == Selection::Nothing;
        let has_base = placement.has_base() || declares_base(&own) || !selects_nothing;
        let is_first = self.base_anew || self.resolved.is_none();
        for key in open {
            let may_take = placement.get(key).is_none() && (is_first || key == keys::ENV || !has_base);
            if may_take {
                let of_namespace = self.namespace.and_then(|namespace| namespace.declared(key));
                let by_default = || (key == keys::ENV).then_some(self.policy.default_env.as_str());
                placement.set(key, of_namespace.or_else(by_default));
            }
        }
        // The name of one base with the version of another may not exist, so the default base applies as a whole.
        let declared_anywhere = placement.has_base()
            || declares_base(&own)
            || self.workload.as_ref().is_some_and(declares_base)
            || self.namespace.is_some_and(declares_base_in);
        if selects_nothing && !declared_anywhere {
            for key in keys::BASE_SELECTION {
                placement.set(key, self.policy.default_base.get(key));
            }
        }
        placement
    }
}

fn declares_base_in(namespace: &NamespaceFacts) -> bool {
    keys::BASE_SELECTION
        .into_iter()
        .any(|key| namespace.annotations.contains_key(key) || namespace.labels.contains_key(key))
}

/// Whether the Pods of `template` run on bases of its own choice without warden: it tolerates both taints of a vnode, and selects its
/// bases.
pub(super) fn runs_as_written(template: &Template<'_>) -> bool {
    let tolerations = template.tolerations();
    let tolerates = |taint| tolerations.iter().any(|toleration| toleration.tolerates(taint));
    // Of which environment does not matter: a toleration names one, or covers all.
    let envs = declarations::chosen_envs(template);
    let tolerates_env = if envs.is_empty() {
        tolerates(Taint::node_env(""))
    } else {
        envs.into_iter().all(|env| tolerates(Taint::node_env(env)))
    };
    tolerates(Taint::VIRTUAL_NODE) && tolerates_env && Selection::of(template) != Selection::Nothing
}
