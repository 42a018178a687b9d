//! A mistake, and how a user mends it by what the refusal says.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{BASES, Step};
use crate::manifests::Module;

pub(super) const COMPONENT: &str = "virtual-kubelet.koupleless.io/component";
pub(super) const STRATEGY: &str = "virtual-kubelet.koupleless.io/strategy";
pub(super) const VERSION: &str = "module.koupleless.io/version";
pub(super) const NAME: &str = "module.koupleless.io/name";
pub(super) const INJECT: &str = "warden.koupleless.io/inject";
pub(super) const BASE_NAME: &str = "base.koupleless.io/name";

/// A mistake and the way out of it.
pub(super) struct Case {
    /// The rule that refuses it.
    pub(super) rule: &'static str,
    /// Its workload.
    pub(super) name: String,
    /// The module in it.
    pub(super) module: &'static str,
    /// What runs before, in version 1.0.0; none for a new object.
    pub(super) given: Option<Value>,
    /// What the user does. The last step is refused.
    pub(super) mistake: Vec<Step>,
    /// What of the problem no other rule says.
    pub(super) says: &'static str,
    /// What the user does by the refusal.
    pub(super) way_out: WayOut,
    /// The version that bases have at the end.
    pub(super) ends: &'static str,
    /// On how many bases.
    pub(super) bases: usize,
}

impl Case {
    /// A new object.
    pub(super) fn new(
        rule: &'static str,
        module: &'static str,
        says: &'static str,
        mistake: Step,
        way_out: WayOut,
    ) -> Self {
        let (name, mistake, bases) = (module.to_owned(), vec![mistake], usize::from(BASES));
        Self { rule, name, module, given: None, mistake, says, way_out, ends: "1.0.0", bases }
    }

    /// Where this runs before, and bases have this version at the end.
    pub(super) fn given(self, given: Value, ends: &'static str) -> Self {
        Self { given: Some(given), ends, ..self }
    }
}

pub(super) type WayOut = Box<dyn Fn(&Refusal) -> Result<Vec<Step>> + Send + Sync>;
pub(super) type Mend = fn(&Refusal, &mut Value) -> Result<()>;
pub(super) type Edit = fn(&mut Value);

/// A Deployment on all bases, which takes no old Pod away first.
pub(super) fn deployment(module: &str, version: &str, base: &str) -> Value {
    let mut manifest = Module::new(module, version, base).deployment(u32::from(BASES));
    manifest["spec"]["strategy"] = json!({"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}});
    manifest
}

pub(super) fn edited(mut manifest: Value, edit: impl FnOnce(&mut Value)) -> Value {
    edit(&mut manifest);
    manifest
}

pub(super) fn template(manifest: &mut Value) -> &mut Value {
    &mut manifest["spec"]["template"]
}

pub(super) fn container(manifest: &mut Value) -> &mut Value {
    &mut template(manifest)["spec"]["containers"][0]
}

pub(super) fn jar(module: &str, version: &str) -> String {
    format!("https://repo.example.com/{module}-{version}-ark-biz.jar")
}

/// Gives the module this version and its jar.
pub(super) fn release(manifest: &mut Value, version: &str) {
    let module = container(manifest)["name"].as_str().unwrap_or_default().to_owned();
    container(manifest)["image"] = json!(jar(&module, version));
    container(manifest)["env"] = json!([{"name": "BIZ_VERSION", "value": version}]);
}

pub(super) fn rebuild(manifest: &mut Value) {
    container(manifest)["image"] = json!("https://repo.example.com/rebuilt.jar");
}

pub(super) fn another_template(manifest: &mut Value) {
    template(manifest)["metadata"]["annotations"]["restarted"] = json!("today");
}

pub(super) fn free_a_base(manifest: &mut Value) {
    manifest["spec"]["strategy"] = json!({"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}});
}

/// A manifest that is mended and applied.
pub(super) fn mended(manifest: Value, mend: Mend) -> WayOut {
    Box::new(move |refusal| {
        let mut manifest = manifest.clone();
        mend(refusal, &mut manifest)?;
        Ok(vec![Step::Apply(manifest)])
    })
}

pub(super) struct Corpus<'b> {
    pub(super) base: &'b str,
    pub(super) cases: Vec<Case>,
}

impl Corpus<'_> {
    /// A new Deployment with a mistake.
    pub(super) fn new_one(
        &mut self,
        rule: &'static str,
        module: &'static str,
        says: &'static str,
        spoil: Edit,
        mend: Mend,
    ) {
        let broken = edited(deployment(module, "1.0.0", self.base), spoil);
        self.cases.push(Case::new(rule, module, says, Step::Apply(broken.clone()), mended(broken, mend)));
    }

    /// An update of a running Deployment, which is made as `given` says, with a mistake.
    pub(super) fn update(
        &mut self,
        rule: &'static str,
        module: &'static str,
        says: &'static str,
        [given, spoil]: [Edit; 2],
        ends: &'static str,
        mend: Mend,
    ) {
        let given = edited(deployment(module, "1.0.0", self.base), given);
        let broken = edited(given.clone(), spoil);
        let case = Case::new(rule, module, says, Step::Apply(broken.clone()), mended(broken, mend));
        self.cases.push(case.given(given, ends));
    }
}

pub(super) fn nothing(_: &mut Value) {}

pub(super) fn remove_annotation(manifest: &mut Value, key: &str) -> Result<()> {
    let annotations = template(manifest)["metadata"]["annotations"].as_object_mut().context("there are none")?;
    annotations.remove(key).map(|_| ()).with_context(|| format!("there is no {key}"))
}

/// Required node affinity on these labels.
pub(super) fn required(labels: &Value) -> Value {
    let labels = labels.as_object().into_iter().flatten();
    let expressions: Vec<Value> =
        labels.map(|(key, value)| json!({"key": key, "operator": "In", "values": [value]})).collect();
    let terms = json!([{"matchExpressions": expressions}]);
    json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}})
}

/// Anti-affinity that a user writes by hand. It is only preferred, so that a new Pod may be beside an old one.
pub(super) fn apart(app: &Value) -> Value {
    let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": app}}});
    json!({"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]})
}
