//! An object that carries a pod template, and the template.

use serde_json::Value;

use super::affinity::{anti_affinity_terms, demands_label, node_terms};
use super::container::is_filled;
use super::{AntiAffinityTerm, Container, FieldPath, Kind, Management, Metadata, NodeTerm, Rollout, Toleration};
use crate::vocabulary as keys;

/// An object that makes module Pods, or is one.
#[derive(Debug, Clone, Copy)]
pub struct Workload<'a> {
    kind: Kind,
    object: &'a Value,
}

impl<'a> Workload<'a> {
    /// `object` seen as a `kind`.
    pub fn new(kind: Kind, object: &'a Value) -> Self {
        Self { kind, object }
    }

    /// The kind.
    pub fn kind(self) -> Kind {
        self.kind
    }

    /// The raw object.
    pub fn object(self) -> &'a Value {
        self.object
    }

    /// The object's own metadata (of a Pod: the same as its template's).
    pub fn metadata(self) -> Metadata<'a> {
        Metadata::at(self.object, FieldPath::root().field("metadata"))
    }

    /// The name; `generateName` while the API server has not generated one.
    pub fn name(self) -> &'a str {
        let metadata = self.object.get("metadata");
        let text = |field| metadata?.get(field)?.as_str().filter(|name| !name.is_empty());
        text("name").or_else(|| text("generateName")).unwrap_or_default()
    }

    /// The pod template.
    pub fn template(self) -> Template<'a> {
        let path = self.kind.template_path();
        Template { object: self.object, path }
    }

    /// Whether this makes modules: its template has the label of a module, or it has that of a module deployment.
    pub fn is_module(self) -> bool {
        self.template().is_module()
            || (self.kind != Kind::Pod && self.metadata().says(keys::COMPONENT, keys::COMPONENT_MODULE_DEPLOYMENT))
    }

    /// Whether a controller owns this. It would undo changes.
    pub fn has_controller(self) -> bool {
        FieldPath::root()
            .fields(&["metadata", "ownerReferences"])
            .get(self.object)
            .and_then(Value::as_array)
            .is_some_and(|owners| owners.iter().any(|owner| owner.get("controller") == Some(&Value::Bool(true))))
    }

    /// Whether this is a Deployment with strategy peer: one replica per base.
    pub fn is_peer(self) -> bool {
        self.kind == Kind::Deployment && self.metadata().says(keys::STRATEGY, keys::STRATEGY_PEER)
    }

    /// Who keeps the replicas.
    pub fn management(self) -> Management {
        Management::of(self)
    }

    /// Whether this is a peer Deployment whose replicas warden keeps.
    pub fn keeps_replicas(self) -> bool {
        self.management() == Management::Managed
    }

    /// How its Pods are replaced when the template changes.
    pub fn rollout(self) -> Rollout {
        Rollout::of(self.kind, self.object)
    }

    /// The path of the replicas, on kinds that have such a number.
    pub fn replicas_path() -> FieldPath {
        FieldPath::root().fields(&["spec", "replicas"])
    }

    /// The path of `maxUnavailable` in its rolling update, on kinds that have it. A blue-green release has none: that of its
    /// strategy.
    pub fn max_unavailable_path(self) -> FieldPath {
        let path: &[&'static str] = match self.kind {
            Kind::ArgoRollout if self.is_blue_green() => &["strategy", "blueGreen"],
            Kind::ArgoRollout => &["strategy", "canary", "maxUnavailable"],
            Kind::CloneSet => &["updateStrategy", "maxUnavailable"],
            _ => &["strategy", "rollingUpdate", "maxUnavailable"],
        };
        FieldPath::root().field("spec").fields(path)
    }

    /// Whether this is a Rollout that makes all new Pods beside the old ones.
    pub fn is_blue_green(self) -> bool {
        let strategy = FieldPath::root().fields(&["spec", "strategy", "blueGreen"]);
        self.kind == Kind::ArgoRollout && strategy.get(self.object).is_some()
    }

    /// The replicas in the spec; Kubernetes' default of 1 where they are not set.
    pub fn replicas(self) -> u64 {
        Self::replicas_path().get(self.object).and_then(Value::as_u64).unwrap_or(1)
    }

    /// Whether it has Pods, by its status. An object without a status (a manifest) is judged by its spec.
    pub fn has_pods(self) -> bool {
        let status = FieldPath::root().field("status");
        let count = |field| status.field(field).get(self.object).and_then(Value::as_u64).unwrap_or(0);
        let reported =
            status.get(self.object).is_some_and(|status| status.as_object().is_some_and(|it| !it.is_empty()));
        match self.kind {
            Kind::DaemonSet | Kind::AdvancedDaemonSet if reported => {
                count("currentNumberScheduled") + count("numberMisscheduled") > 0
            }
            Kind::CronJob if reported => {
                status.field("active").get(self.object).and_then(Value::as_array).is_some_and(|jobs| !jobs.is_empty())
            }
            Kind::Pod | Kind::Job => true,
            _ if reported => count("replicas") > 0,
            _ => self.replicas() > 0,
        }
    }

    /// Whether this is a DaemonSet of whose nodes some may have a Pod of a former template, by its status.
    pub fn has_former_pods_on_nodes(self) -> bool {
        let number = |path: &[&'static str]| {
            FieldPath::root().fields(path).get(self.object).and_then(Value::as_u64).unwrap_or_default()
        };
        let is_observed = number(&["status", "observedGeneration"]) >= number(&["metadata", "generation"]);
        let is_updated = number(&["status", "updatedNumberScheduled"]) >= number(&["status", "desiredNumberScheduled"]);
        matches!(self.kind, Kind::DaemonSet | Kind::AdvancedDaemonSet) && !(is_observed && is_updated)
    }

    /// Whether this is a Deployment that rolls out no change until it is resumed (`spec.paused`).
    pub fn is_paused(self) -> bool {
        let paused = FieldPath::root().fields(&["spec", "paused"]);
        self.kind == Kind::Deployment && paused.get(self.object) == Some(&Value::Bool(true))
    }

    /// Whether its Pods are those of a DaemonSet's controller: one for each node, whatever their anti-affinity says.
    pub fn is_per_node(self) -> bool {
        let owners =
            FieldPath::root().fields(&["metadata", "ownerReferences"]).get(self.object).and_then(Value::as_array);
        let of_daemon_set = || {
            owners.into_iter().flatten().any(|owner| {
                owner.get("controller") == Some(&Value::Bool(true))
                    && owner.get("kind").and_then(Value::as_str) == Some(Kind::DaemonSet.name())
            })
        };
        self.kind.places_by_template() || (self.kind == Kind::Pod && of_daemon_set())
    }

    /// Whether the selector of its Pods, which is immutable, demands label `key`.
    pub fn selects_by(self, key: &str) -> bool {
        let selector = FieldPath::root().fields(&["spec", "selector"]);
        self.kind != Kind::Pod && selector.get(self.object).is_some_and(|selector| demands_label(selector, key))
    }

    /// Whether one of warden's switches is set to `setting` on the object or on its template.
    pub fn switched(self, switch: &str, setting: &str) -> bool {
        self.metadata().annotation(switch) == Some(setting)
            || self.template().metadata().annotation(switch) == Some(setting)
    }
}

/// A pod template: the `metadata` and `spec` of the Pods that are made from it, or of the Pod itself.
#[derive(Debug, Clone)]
pub struct Template<'a> {
    object: &'a Value,
    path: FieldPath,
}

impl<'a> Template<'a> {
    /// The template's metadata.
    pub fn metadata(&self) -> Metadata<'a> {
        Metadata::at(self.object, self.path.field("metadata"))
    }

    /// The path of the pod spec.
    pub fn spec_path(&self) -> FieldPath {
        self.path.field("spec")
    }

    /// The whole template.
    pub fn value(&self) -> Option<&'a Value> {
        self.path.get(self.object)
    }

    /// Whether its Pods are modules, in any dialect.
    pub fn is_module(&self) -> bool {
        self.metadata().says(keys::COMPONENT, keys::COMPONENT_MODULE)
    }

    /// The containers, in order.
    pub fn containers(&self) -> Vec<Container<'a>> {
        self.containers_in("containers")
    }

    /// The init containers, in order. ModuleController ignores them, and the scheduler does not.
    pub fn init_containers(&self) -> Vec<Container<'a>> {
        self.containers_in("initContainers")
    }

    fn containers_in(&self, field: &'static str) -> Vec<Container<'a>> {
        let path = self.spec_path().field(field);
        let list = path.get(self.object).and_then(Value::as_array);
        list.into_iter().flatten().enumerate().map(|(index, value)| Container::new(value, path.index(index))).collect()
    }

    /// The container that is a module; None unless exactly one is.
    pub fn single_module(&self) -> Option<Container<'a>> {
        let mut modules = self.containers().into_iter().filter(Container::is_module);
        let first = modules.next()?;
        modules.next().is_none().then_some(first)
    }

    /// The path of the tolerations.
    pub fn tolerations_path(&self) -> FieldPath {
        self.spec_path().field("tolerations")
    }

    /// The tolerations, in order.
    pub fn tolerations(&self) -> Vec<Toleration<'a>> {
        let list = self.tolerations_path().get(self.object).and_then(Value::as_array);
        list.into_iter().flatten().map(Toleration::new).collect()
    }

    /// The value that `nodeSelector` demands for `key`.
    pub fn node_selector(&self, key: &str) -> Option<&'a str> {
        self.spec_path().field("nodeSelector").key(key).get(self.object)?.as_str()
    }

    /// The keys in `nodeSelector`.
    pub fn node_selector_keys(&self) -> Vec<&'a str> {
        let selector = self.spec_path().field("nodeSelector").get(self.object);
        let map = selector.and_then(Value::as_object);
        map.into_iter().flat_map(|map| map.keys().map(String::as_str)).collect()
    }

    /// The node to which the Pod is bound, if it is.
    pub fn node_name(&self) -> Option<&'a str> {
        let name = self.spec_path().field("nodeName").get(self.object)?.as_str()?;
        (!name.is_empty()).then_some(name)
    }

    /// The path of the terms of the required node affinity.
    pub fn node_terms_path(&self) -> FieldPath {
        self.required_nodes_path().field("nodeSelectorTerms")
    }

    /// The terms of the required node affinity; None where there is no such affinity. Terms are ORed, so an affinity without a
    /// term matches no node.
    pub fn node_terms(&self) -> Option<Vec<NodeTerm<'a>>> {
        node_terms(self.object, &self.required_nodes_path())
    }

    fn required_nodes_path(&self) -> FieldPath {
        self.spec_path().fields(&["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"])
    }

    /// The topologies over which its Pods are spread, each with its path: by required and preferred anti-affinity, and by
    /// spread constraints.
    pub fn spread_topologies(&self) -> Vec<(FieldPath, &'a str)> {
        let anti_affinity = self.spec_path().fields(&["affinity", "podAntiAffinity"]);
        let preferred = anti_affinity.field("preferredDuringSchedulingIgnoredDuringExecution");
        let required = self.topologies(&self.anti_affinity_path(), &[]);
        let preferred = self.topologies(&preferred, &["podAffinityTerm"]);
        let constraints = self.topologies(&self.spec_path().field("topologySpreadConstraints"), &[]);
        [required, preferred, constraints].concat()
    }

    /// The topologies in which its Pods must be together with others, each with its path: by required pod affinity. A node without
    /// the label takes no such Pod.
    pub fn required_topologies(&self) -> Vec<(FieldPath, &'a str)> {
        let required =
            self.spec_path().fields(&["affinity", "podAffinity", "requiredDuringSchedulingIgnoredDuringExecution"]);
        self.topologies(&required, &[])
    }

    /// The topology keys of the terms in `list`, each with its path.
    fn topologies(&self, list: &FieldPath, inside: &[&'static str]) -> Vec<(FieldPath, &'a str)> {
        let elements = list.get(self.object).and_then(Value::as_array).into_iter().flatten();
        let path = |index| list.index(index).fields(inside).field("topologyKey");
        let paths = elements.enumerate().map(|(index, _)| path(index));
        paths.filter_map(|path| path.get(self.object)?.as_str().map(|topology| (path.clone(), topology))).collect()
    }

    /// The path of the grace period.
    pub fn grace_period_path(&self) -> FieldPath {
        self.spec_path().field("terminationGracePeriodSeconds")
    }

    /// The grace period of its Pods, in seconds; Kubernetes' default where none is set.
    pub fn grace_period(&self) -> u64 {
        self.grace_period_path().get(self.object).and_then(Value::as_u64).unwrap_or(keys::DEFAULT_GRACE_PERIOD)
    }

    /// What it says that ModuleController sends to no base: to a base, a module is a jar. Each once, as fields are named; all probes
    /// as one. What the API server itself adds to a Pod is not among them.
    pub fn unused_fields(&self) -> Vec<&'static str> {
        let spec = self.spec_path();
        let containers = self.containers();
        let in_containers = |fields: &[&str]| containers.iter().any(|it| fields.iter().any(|field| it.says(field)));
        // The volume of the service account's token is added to every Pod.
        let is_users = |volume: &&Value| !volume["name"].as_str().unwrap_or_default().starts_with("kube-api-access-");
        let volumes = spec.field("volumes").get(self.object).and_then(Value::as_array);
        let unused = [
            ("initContainers", is_filled(spec.field("initContainers").get(self.object))),
            ("volumes", volumes.is_some_and(|volumes| volumes.iter().any(|it| is_users(&it)))),
            ("probes", in_containers(&["livenessProbe", "readinessProbe", "startupProbe"])),
            ("envFrom", in_containers(&["envFrom"])),
            ("lifecycle", in_containers(&["lifecycle"])),
        ];
        unused.into_iter().filter(|(_, says)| *says).map(|(field, _)| field).collect()
    }

    /// The path of the terms of the required pod anti-affinity.
    pub fn anti_affinity_path(&self) -> FieldPath {
        self.spec_path().fields(&["affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution"])
    }

    /// The terms of the required pod anti-affinity; they are ANDed.
    pub fn anti_affinity(&self) -> Vec<AntiAffinityTerm<'a>> {
        anti_affinity_terms(self.object, &self.anti_affinity_path())
    }
}
