//! What a refusal says mends what it refuses, and breaks nothing else: a case of each rule, also of those that only warn until an
//! administrator raises them. tests/scenarios/ways_out walks what the cluster refuses by default.

mod cases;
mod releases;

use koupleless_warden::module::Kind;
use koupleless_warden::policy::{Rule, Severity, Violation};
use serde_json::{Value, json};

use crate::sample::{
    ALLOW_SAME_VERSION, BASE_NAME, BASE_VERSION, Cluster, INJECT, REQUIRED, STRATEGY, edited, module, template_in,
};

type Edit = fn(&mut Value);

struct Case {
    rule: &'static str,
    kind: Kind,
    cluster: Cluster,
    /// The cluster in which it is mended.
    then: Cluster,
    old: Option<Value>,
    broken: Value,
    /// What the remedy says, of which `mended` is made.
    says: &'static [&'static str],
    mended: Value,
}

impl Case {
    fn new(rule: &'static str, kind: Kind, spoil: Edit, says: &'static [&'static str], mend: Edit) -> Self {
        let broken = edited(module(kind), spoil);
        let mended = edited(broken.clone(), mend);
        Self { rule, kind, cluster: Cluster::plain(), then: Cluster::plain(), old: None, broken, says, mended }
    }

    /// A new Deployment.
    fn create(rule: &'static str, spoil: Edit, says: &'static [&'static str], mend: Edit) -> Self {
        Self::new(rule, Kind::Deployment, spoil, says, mend)
    }

    /// An update of what is stored as `given`, whose Pods are Ready.
    fn update(
        rule: &'static str,
        kind: Kind,
        [given, spoil]: [Edit; 2],
        says: &'static [&'static str],
        mend: Edit,
    ) -> Self {
        let stored = Cluster::plain().create(kind, &edited(module(kind), given)).object;
        let ready = json!({"replicas": 3, "readyReplicas": 3, "currentNumberScheduled": 3, "numberReady": 3});
        let old = edited(stored, |object| object["status"] = ready);
        let broken = edited(old.clone(), spoil);
        let mended = edited(broken.clone(), mend);
        Self { old: Some(old), broken, mended, ..Self::new(rule, kind, given, says, given) }
    }

    fn within(self, cluster: Cluster, then: Cluster) -> Self {
        Self { cluster, then, ..self }
    }

    /// What of it is not as it must be.
    fn fault(&self) -> Option<String> {
        let refused = self.violations(&self.cluster, Severity::Deny, &self.broken);
        let without = self.violations(&self.cluster, Severity::Warn, &self.broken);
        let is_fixed = Rule::named(self.rule).unwrap().why_fixed().is_some();
        let is_of_rule = |violation: &&Violation| is_fixed || !without.contains(violation);
        let is_told = |violation: &Violation| self.says.iter().all(|text| violation.remedy.contains(text));
        if !refused.iter().filter(is_of_rule).any(is_told) {
            return Some(format!("{}: {:?} is not in {refused:#?}", self.rule, self.says));
        }
        let mended = self.violations(&self.then, Severity::Deny, &self.mended);
        (!mended.is_empty()).then(|| format!("{}: {:?} leads to {mended:#?}", self.rule, self.says))
    }

    /// What is refused in `cluster`, where the rule has this severity if it can.
    fn violations(&self, cluster: &Cluster, severity: Severity, object: &Value) -> Vec<Violation> {
        let is_fixed = Rule::named(self.rule).unwrap().why_fixed().is_some();
        let cluster = if is_fixed { cluster.clone() } else { cluster.clone().rule(self.rule, severity) };
        let reviewed = match &self.old {
            Some(old) => cluster.update(self.kind, old, object),
            None => cluster.create(self.kind, object),
        };
        reviewed.verdict.violations
    }
}

#[test]
fn every_rule_has_a_way_out() {
    let cases = cases();
    for rule in Rule::ALL {
        assert!(cases.iter().any(|case| case.rule == rule.name()), "{rule} has no case");
    }
    let faults: Vec<String> = cases.iter().filter_map(Case::fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn cases() -> Vec<Case> {
    [cases::all(), releases::all()].into_iter().flatten().collect()
}

fn template(object: &mut Value) -> &mut Value {
    template_in(Kind::Deployment, object)
}

fn container(object: &mut Value) -> &mut Value {
    &mut template(object)["spec"]["containers"][0]
}

fn nothing(_: &mut Value) {}

fn another_jar(object: &mut Value) {
    container(object)["image"] = json!("https://repo.example.com/rebuilt.jar");
}

fn another_template(object: &mut Value) {
    template(object)["metadata"]["annotations"]["restarted"] = json!("today");
}

fn peer(object: &mut Value) {
    object["metadata"]["labels"][STRATEGY] = json!("peer");
}

fn frees_none(object: &mut Value) {
    object["spec"]["strategy"] = json!({"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}});
}

fn frees(object: &mut Value) {
    object["spec"]["strategy"] = json!({"rollingUpdate": {"maxUnavailable": 1}});
}

fn recreates(object: &mut Value) {
    object["spec"]["strategy"] = json!({"type": "Recreate"});
}

fn allows(object: &mut Value) {
    object["metadata"]["annotations"][ALLOW_SAME_VERSION] = json!("true");
}

fn surges(object: &mut Value) {
    object["spec"]["updateStrategy"] = json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
}

fn does_not_surge(object: &mut Value) {
    object["spec"]["updateStrategy"] = json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
}

fn blue_green(object: &mut Value) {
    object["spec"]["strategy"] = json!({"blueGreen": {"activeService": "orders"}});
}

fn canary(object: &mut Value) {
    object["spec"]["strategy"] = json!({"canary": {"maxUnavailable": 1}});
}

fn opted_out(object: &mut Value) {
    frees_none(object);
    template(object)["metadata"]["annotations"][INJECT] = json!("false");
    selects(object);
}

/// By hand.
fn selects(object: &mut Value) {
    let expressions = json!([
        {"key": BASE_NAME, "operator": "In", "values": ["base"]},
        {"key": BASE_VERSION, "operator": "In", "values": ["1.0.0"]},
    ]);
    let spec = &mut template(object)["spec"];
    spec["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] = json!([{"matchExpressions": expressions}]);
    spec["tolerations"] = json!([
        {"key": "schedule.koupleless.io/virtual-node", "operator": "Exists"},
        {"key": "schedule.koupleless.io/node-env", "operator": "Exists"},
    ]);
}

fn opts_in(object: &mut Value) {
    template(object)["metadata"]["annotations"].as_object_mut().unwrap().remove(INJECT);
}

fn no_base(object: &mut Value) {
    template(object)["metadata"]["annotations"] = json!({});
}
