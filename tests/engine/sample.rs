//! Manifests to start from, and reviews of them.

use koupleless_warden::module::{Follow, Kind, Workload};
use koupleless_warden::policy::{
    CountBases, DefaultBase, LimitRangeFacts, NamespaceFacts, Policy, ReleasedModule, Request, Revision, Rule,
    Severity, TemplateDigest, Verdict,
};
use serde_json::{Value, json};

pub(crate) const COMPONENT: &str = "virtual-kubelet.koupleless.io/component";
pub(crate) const COMPONENT_OLDER: &str = "module-controller.koupleless.io/component";
pub(crate) const STRATEGY: &str = "virtual-kubelet.koupleless.io/strategy";
pub(crate) const ENV: &str = "virtual-kubelet.koupleless.io/env";
pub(crate) const NAME: &str = "module.koupleless.io/name";
pub(crate) const VERSION: &str = "module.koupleless.io/version";
pub(crate) const BASE_NAME: &str = "base.koupleless.io/name";
pub(crate) const BASE_VERSION: &str = "base.koupleless.io/version";
pub(crate) const BASE_CLUSTER: &str = "base.koupleless.io/cluster-name";
pub(crate) const INJECT: &str = "warden.koupleless.io/inject";
pub(crate) const OWN_TOLERATIONS: &str = "warden.koupleless.io/own-tolerations";
pub(crate) const ALLOW_SAME_VERSION: &str = "warden.koupleless.io/allow-same-version";
pub(crate) const PEER_PAUSED: &str = "warden.koupleless.io/peer-paused";
pub(crate) const FOLLOW: &str = "warden.koupleless.io/follow";
pub(crate) const PLACEMENT: &str = "warden.koupleless.io/placement";
/// The identity label of module `biz1`.
pub(crate) const IDENTITY: &str = "module.warden.koupleless.io/biz1";
pub(crate) const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// A pod template with only what its author must say: the module and its base.
pub(crate) fn template() -> Value {
    json!({
        "metadata": {
            "labels": {COMPONENT: "module"},
            "annotations": {BASE_NAME: "base", BASE_VERSION: "1.0.0"},
        },
        "spec": {"containers": [{
            "name": "biz1",
            "image": "https://repo.example.com/biz1-1.0.0-ark-biz.jar",
            "env": [{"name": "BIZ_VERSION", "value": "1.0.0"}],
        }]},
    })
}

/// An object of `kind` around [`template`].
pub(crate) fn module(kind: Kind) -> Value {
    let identity = json!({"name": "orders", "namespace": "shop"});
    let api_version = if kind.group().is_empty() { "v1".to_owned() } else { format!("{}/v1", kind.group()) };
    let mut object = match kind {
        Kind::Pod => template(),
        Kind::CronJob => json!({"spec": {"schedule": "@daily", "jobTemplate": {"spec": {"template": template()}}}}),
        _ => json!({"spec": {"template": template()}}),
    };
    object["apiVersion"] = json!(api_version);
    object["kind"] = json!(kind.name());
    for (key, value) in identity.as_object().unwrap() {
        object["metadata"][key] = value.clone();
    }
    object
}

/// [`module`] of a Deployment, with `edit` made to it.
pub(crate) fn deployment(edit: impl FnOnce(&mut Value)) -> Value {
    edited(module(Kind::Deployment), edit)
}

/// [`module`] of a bare Pod, with `edit` made to it.
pub(crate) fn pod(edit: impl FnOnce(&mut Value)) -> Value {
    edited(module(Kind::Pod), edit)
}

/// `object` with `edit` made to it.
pub(crate) fn edited(mut object: Value, edit: impl FnOnce(&mut Value)) -> Value {
    edit(&mut object);
    object
}

/// The pod template inside `object`.
pub(crate) fn template_in(kind: Kind, object: &mut Value) -> &mut Value {
    kind.template_path().segments().iter().fold(object, |at, segment| &mut at[segment.name().unwrap()])
}

/// The names of JSON objects in the paths of a Deployment that tests change most.
pub(crate) fn template_of(deployment: &mut Value) -> &mut Value {
    template_in(Kind::Deployment, deployment)
}

/// Gives the first container another version, and the jar that goes with it.
pub(crate) fn release(deployment: &mut Value, version: &str) {
    let container = &mut template_of(deployment)["spec"]["containers"][0];
    container["image"] = json!(format!("https://repo.example.com/biz1-{version}-ark-biz.jar"));
    container["env"][0]["value"] = json!(version);
}

/// The surroundings of a review.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    policy: Policy,
    namespace: NamespaceFacts,
    limit_ranges: Vec<LimitRangeFacts>,
    bases: Bases,
    pub(crate) revisions: Vec<Revision>,
}

/// What is known of the bases, and of who runs on them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bases {
    /// The number of bases for every module that tolerates their taint.
    pub(crate) count: Option<u32>,
    /// The number of running Pods that are not labelled.
    pub(crate) unlabelled: u32,
    pub(crate) have_memory: Option<bool>,
    /// Whether each workload consents to be followed.
    pub(crate) consent: Option<bool>,
}

impl CountBases for Bases {
    fn replicas(&self, _: Workload<'_>, pod: &Value) -> Option<u32> {
        let tolerations = Workload::new(Kind::Pod, pod).template().tolerations();
        let tolerates = tolerations.iter().any(|it| ["", "schedule.koupleless.io/virtual-node"].contains(&it.key()));
        self.count.map(|bases| if tolerates { bases } else { 0 })
    }

    fn not_kept_apart(&self, _: Workload<'_>) -> u32 {
        self.unlabelled
    }

    fn offer_memory(&self, _: &Value) -> Option<bool> {
        self.have_memory
    }

    fn may_follow(&self, _: &Follow, _: &str) -> Option<bool> {
        self.consent
    }
}

/// The result of a review.
#[derive(Debug)]
pub(crate) struct Reviewed {
    /// The object with everything filled in.
    pub(crate) object: Value,
    /// The Pod that comes of it.
    pub(crate) pod: Value,
    /// What else was decided.
    pub(crate) verdict: Verdict,
}

impl Cluster {
    /// A cluster whose default environment is `dev`, with a Namespace that declares nothing.
    pub(crate) fn plain() -> Self {
        Self {
            policy: Policy::default(),
            namespace: NamespaceFacts::default(),
            limit_ranges: Vec::new(),
            bases: Bases::default(),
            revisions: Vec::new(),
        }
    }

    /// With so many bases for every module.
    pub(crate) fn with_bases(mut self, count: u32) -> Self {
        self.bases.count = Some(count);
        self
    }

    /// With so many running Pods of every module that are not labelled yet.
    pub(crate) fn with_unlabelled(mut self, count: u32) -> Self {
        self.bases.unlabelled = count;
        self
    }

    /// With bases that have memory, or none.
    pub(crate) fn with_memory(mut self, has_memory: bool) -> Self {
        self.bases.have_memory = Some(has_memory);
        self
    }

    /// With workloads that consent to be followed, or do not.
    pub(crate) fn with_consent(mut self, consent: bool) -> Self {
        self.bases.consent = Some(consent);
        self
    }

    /// With the namespace labelled.
    pub(crate) fn labelled(mut self, key: &str, value: &str) -> Self {
        self.namespace.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With the namespace annotated.
    pub(crate) fn annotated(mut self, key: &str, value: &str) -> Self {
        self.namespace.annotations.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With a LimitRange in the namespace, which has these `limits`.
    pub(crate) fn limited(mut self, name: &str, limits: Value) -> Self {
        let spec = serde_json::from_value(json!({"limits": limits})).unwrap();
        self.limit_ranges.extend(LimitRangeFacts::of(name, &spec));
        self
    }

    /// With another default environment.
    pub(crate) fn default_env(mut self, env: &str) -> Self {
        self.policy.default_env = env.to_owned();
        self
    }

    /// With a base for modules of which nothing else says one.
    pub(crate) fn default_base(mut self, name: &str, version: Option<&str>) -> Self {
        let version = version.map(str::to_owned);
        self.policy.default_base = DefaultBase { name: Some(name.to_owned()), version, cluster_name: None };
        self
    }

    /// With another severity for the rule of this name.
    pub(crate) fn rule(mut self, rule: &str, severity: Severity) -> Self {
        self.policy.severities.set(Rule::named(rule).unwrap(), severity).unwrap();
        self
    }

    /// With a grace period for modules that set none, in seconds.
    pub(crate) fn grace_period(mut self, seconds: u64) -> Self {
        self.policy.grace_period_seconds = Some(seconds);
        self
    }

    /// With an API server whose in-tree tolerations end after other seconds.
    pub(crate) fn default_toleration_seconds(mut self, seconds: i64) -> Self {
        self.policy.default_toleration_seconds = seconds;
        self
    }

    /// With a revision of the workload that has the template of `object`, which was stored.
    pub(crate) fn revision(mut self, kind: Kind, object: &Value) -> Self {
        let template = kind.template_path();
        let number = i64::try_from(self.revisions.len()).unwrap() + 1;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let annotations = object["metadata"]["annotations"].as_object().into_iter().flatten();
        let declares = |key: &&String| [BASE_NAME, BASE_VERSION, BASE_CLUSTER, ENV].contains(&key.as_str());
        self.revisions.push(Revision {
            number,
            digest: TemplateDigest::of(template.get(object)),
            placement: template.fields(&["metadata", "annotations"]).key(PLACEMENT).get(object).and_then(text),
            declared: annotations
                .filter(|(key, _)| declares(key))
                .filter_map(|(key, value)| Some((key.clone(), text(value)?)))
                .collect(),
            modules: ReleasedModule::all_of(&Workload::new(kind, object).template()),
            ready: Some(1),
        });
        self
    }

    /// Reviews `object` as a new one.
    pub(crate) fn create(&self, kind: Kind, object: &Value) -> Reviewed {
        self.review(kind, None, object)
    }

    /// Reviews `object` as an update of `old`.
    pub(crate) fn update(&self, kind: Kind, old: &Value, object: &Value) -> Reviewed {
        self.review(kind, Some(old), object)
    }

    fn review(&self, kind: Kind, old: Option<&Value>, object: &Value) -> Reviewed {
        let namespace = Some(&self.namespace);
        let (limit_ranges, peers) = (&*self.limit_ranges, Some(&self.bases as &dyn CountBases));
        let request = Request { kind, old, namespace, limit_ranges, peers, revisions: &self.revisions };
        let (object, verdict) = self.policy.review(request, object.clone());
        let pod = self.policy.pod_of(request, &object);
        Reviewed { object, pod, verdict }
    }
}

/// Reviews `object` as a new one in a plain cluster.
pub(crate) fn create(kind: Kind, object: &Value) -> Reviewed {
    Cluster::plain().create(kind, object)
}

/// Reviews `deployment` as an update of `old` in a plain cluster.
pub(crate) fn update(old: &Value, deployment: &Value) -> Reviewed {
    Cluster::plain().update(Kind::Deployment, old, deployment)
}

/// What the cluster stores when `deployment` is created in it.
pub(crate) fn stored(deployment: &Value) -> Value {
    create(Kind::Deployment, deployment).object
}

impl Reviewed {
    /// The pod template that came out.
    pub(crate) fn template(&self, kind: Kind) -> Value {
        kind.template_path().get(&self.object).cloned().unwrap_or_default()
    }

    /// The placement on the template; null where there is none.
    pub(crate) fn placement(&self, kind: Kind) -> Value {
        let annotation = self.template(kind)["metadata"]["annotations"][PLACEMENT].clone();
        annotation.as_str().map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
    }

    /// The paths that the patch touches.
    pub(crate) fn patched(&self) -> Vec<String> {
        self.verdict.patch.0.iter().map(|operation| operation.path().to_string()).collect()
    }

    /// The violations as `field: cause`.
    pub(crate) fn refused(&self) -> Vec<String> {
        let violations = self.verdict.violations.iter();
        violations.map(|violation| format!("{}: {:?}", violation.field, violation.cause)).collect()
    }

    /// The texts of the warnings.
    pub(crate) fn warned(&self) -> Vec<&str> {
        self.verdict.warnings.iter().map(|warning| warning.text()).collect()
    }

    /// Whether some warning has `part` in it.
    pub(crate) fn warns_of(&self, part: &str) -> bool {
        self.warned().iter().any(|warning| warning.contains(part))
    }
}
