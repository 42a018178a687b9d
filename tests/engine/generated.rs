//! Objects, nodes and Namespaces that proptest makes: mostly what users write, sometimes what no user should.

use std::collections::BTreeMap;

use koupleless_warden::module::Kind;
use koupleless_warden::policy::{DefaultBase, NamespaceFacts, Policy, Rule, Severities, Severity};
use proptest::collection::{btree_map, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::sample::{
    BASE_CLUSTER, BASE_NAME, BASE_VERSION, COMPONENT, COMPONENT_OLDER, ENV, IDENTITY, INJECT, NAME, OWN_TOLERATIONS,
    PLACEMENT, REQUIRED, VERSION,
};
use crate::scheduler::Labels;

/// Any kind.
pub(crate) fn kind() -> impl Strategy<Value = Kind> {
    select(&Kind::ALL)
}

/// A module of `kind` whose fields have the types that the API gives them.
pub(crate) fn module(kind: Kind) -> impl Strategy<Value = Value> {
    (metadata(), template(), prop::bool::weighted(0.1)).prop_map(move |(metadata, template, owned)| {
        let mut object = match kind {
            Kind::Pod => template,
            Kind::CronJob => json!({"metadata": metadata, "spec": {"jobTemplate": {"spec": {"template": template}}}}),
            _ => json!({"metadata": metadata, "spec": {"template": template, "replicas": 3}}),
        };
        if owned {
            object["metadata"]["ownerReferences"] = json!([{"kind": "Owner", "name": "o", "controller": true}]);
        }
        object
    })
}

/// Any JSON.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((word(), inner), 0..5).prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

/// A module of `kind` with one or two fields, anywhere in it, of any JSON at all.
pub(crate) fn grafted(kind: Kind) -> impl Strategy<Value = Value> {
    (module(kind), vec((any::<prop::sample::Index>(), json()), 1..3)).prop_map(|(mut object, grafts)| {
        for (place, graft) in grafts {
            let mut pointers = Vec::new();
            collect_pointers(&object, &mut String::new(), &mut pointers);
            let pointer = place.get(&pointers).clone();
            *object.pointer_mut(&pointer).unwrap() = graft;
        }
        object
    })
}

/// What a namespace says.
pub(crate) fn namespace() -> impl Strategy<Value = Option<NamespaceFacts>> {
    let map = || btree_map(select(DECLARED).prop_map(str::to_owned), value(), 0..3);
    weighted(
        0.7,
        (map(), map()).prop_map(|(labels, annotations)| NamespaceFacts { labels, annotations, is_excluded: false }),
    )
}

/// What is configured: what could stand in a file.
pub(crate) fn policy() -> impl Strategy<Value = Policy> {
    let label_value = || weighted(0.5, select(&["a", "1", "1.0.0", "dev"][..]).prop_map(str::to_owned));
    let base = (label_value(), label_value(), label_value()).prop_map(|(name, version, cluster_name)| DefaultBase {
        name,
        version,
        cluster_name,
    });
    let rules = vec((select(Rule::ALL.iter().collect::<Vec<_>>()), select(&[Severity::Warn, Severity::Deny])), 0..8);
    let env = select(&["a", "dev", "prod"][..]);
    let grace = weighted(0.5, select(&[1, 5, 30][..]));
    (env, select(&[60, 300][..]), base, grace, rules).prop_map(
        |(env, default_toleration_seconds, default_base, grace, rules)| {
            let mut severities = Severities::default();
            for (rule, severity) in rules {
                // what cannot be lowered stays
                let _ = severities.set(rule, severity);
            }
            Policy {
                default_env: env.to_owned(),
                default_toleration_seconds,
                default_base,
                grace_period_seconds: grace,
                severities,
            }
        },
    )
}

/// The name and the labels of a node.
pub(crate) fn node() -> impl Strategy<Value = (String, Labels)> {
    let labels = btree_map(select(NODE_KEYS).prop_map(str::to_owned), value(), 0..6);
    (value(), labels.prop_map(BTreeMap::from))
}

const DECLARED: &[&str] = &[BASE_NAME, BASE_VERSION, BASE_CLUSTER, ENV];
const NODE_KEYS: &[&str] = &[BASE_NAME, BASE_VERSION, BASE_CLUSTER, ENV, "rack", "size"];
const KEYS: &[&str] = &[
    BASE_NAME,
    BASE_VERSION,
    BASE_CLUSTER,
    ENV,
    NAME,
    VERSION,
    COMPONENT,
    COMPONENT_OLDER,
    INJECT,
    OWN_TOLERATIONS,
    PLACEMENT,
    IDENTITY,
    "app",
    "rack",
];
const TAINTS: &[&str] = &[
    "",
    "schedule.koupleless.io/virtual-node",
    "schedule.koupleless.io/node-env",
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "dedicated",
];

/// A few values, so that they often meet.
fn value() -> impl Strategy<Value = String> {
    select(&["a", "1", "2", "1.0.0", "dev", "True", "module", "biz1", "false", "no label value", ""][..])
        .prop_map(str::to_owned)
}

/// A member's name: often one that means something.
fn word() -> impl Strategy<Value = String> {
    let fields =
        &["metadata", "spec", "template", "labels", "annotations", "containers", "env", "name", "value", "key"];
    prop_oneof![
        select(&fields[..]).prop_map(str::to_owned),
        select(KEYS).prop_map(str::to_owned),
        value(),
        "[~/\\PC]{0,8}",
    ]
}

/// `members` as an object; now and then a member is null, which is as good as absent.
fn object(members: Vec<(&'static str, impl Strategy<Value = Value> + 'static)>) -> impl Strategy<Value = Value> {
    let members: Vec<_> = members
        .into_iter()
        .map(|(name, member)| {
            prop_oneof![
                4 => member.prop_map(Some),
                3 => Just(None),
                1 => Just(Some(Value::Null)),
            ]
            .prop_map(move |value| value.map(|value| (name.to_owned(), value)))
        })
        .collect();
    members.prop_map(|members| Value::Object(members.into_iter().flatten().collect()))
}

fn text_map() -> impl Strategy<Value = Value> {
    let value = prop_oneof![8 => value().prop_map(Value::from), 1 => Just(Value::Null)];
    vec((select(KEYS), value), 0..4).prop_map(|members| {
        members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>().into()
    })
}

fn metadata() -> impl Strategy<Value = Value> {
    object(vec![("labels", text_map().boxed()), ("annotations", text_map().boxed())])
}

fn module_metadata() -> impl Strategy<Value = Value> {
    (metadata(), select(&[COMPONENT, COMPONENT_OLDER][..])).prop_map(|(mut metadata, component)| {
        metadata["labels"][component] = json!("module");
        metadata
    })
}

fn template() -> impl Strategy<Value = Value> {
    (module_metadata(), spec()).prop_map(|(metadata, spec)| json!({"metadata": metadata, "spec": spec}))
}

fn spec() -> impl Strategy<Value = Value> {
    let optional = object(vec![
        ("tolerations", vec(toleration(), 0..4).prop_map(Value::from).boxed()),
        ("nodeSelector", text_map().boxed()),
        ("affinity", affinity().boxed()),
        ("nodeName", prop_oneof![Just(json!("")), Just(json!("vnode.10.0.0.1.dev"))].boxed()),
        ("fromTheFuture", json().boxed()),
    ]);
    (optional, vec(container(), 0..3)).prop_map(|(mut spec, containers)| {
        spec["containers"] = json!(containers);
        spec
    })
}

fn container() -> impl Strategy<Value = Value> {
    let image = select(&["https://repo.example.com/biz1-1.0.0-ark-biz.jar", "envoy:1", "biz.jar"][..]);
    let env = prop_oneof![
        4 => value().prop_map(|version| json!([{"name": "BIZ_VERSION", "value": version}])),
        1 => Just(json!([{"name": "BIZ_VERSION", "valueFrom": {}}, {"name": "BIZ_VERSION", "value": "1"}])),
        1 => Just(Value::Null),
    ];
    (value(), image, env).prop_map(|(name, image, env)| json!({"name": name, "image": image, "env": env}))
}

fn toleration() -> impl Strategy<Value = Value> {
    object(vec![
        ("key", select(TAINTS).prop_map(Value::from).boxed()),
        ("operator", select(&["", "Equal", "Exists", "Gt"][..]).prop_map(Value::from).boxed()),
        ("value", value().prop_map(Value::from).boxed()),
        ("effect", select(&["", "NoExecute", "NoSchedule"][..]).prop_map(Value::from).boxed()),
        ("tolerationSeconds", select(&[0, 60, 300][..]).prop_map(Value::from).boxed()),
    ])
}

fn requirement(keys: &'static [&'static str]) -> impl Strategy<Value = Value> {
    object(vec![
        ("key", select(keys).prop_map(Value::from).boxed()),
        (
            "operator",
            select(&["In", "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"][..]).prop_map(Value::from).boxed(),
        ),
        ("values", vec(value(), 0..3).prop_map(Value::from).boxed()),
    ])
}

fn affinity() -> impl Strategy<Value = Value> {
    let term = object(vec![
        ("matchExpressions", vec(requirement(NODE_KEYS), 0..3).prop_map(Value::from).boxed()),
        ("matchFields", vec(requirement(&["metadata.name"]), 0..2).prop_map(Value::from).boxed()),
    ]);
    let nodes = object(vec![("nodeSelectorTerms", vec(term, 0..3).prop_map(Value::from).boxed())]);
    let selector = || {
        object(vec![
            ("matchLabels", text_map().boxed()),
            ("matchExpressions", vec(requirement(KEYS), 0..2).prop_map(Value::from).boxed()),
        ])
    };
    let pods = object(vec![
        ("labelSelector", selector().boxed()),
        ("namespaceSelector", selector().boxed()),
        (
            "topologyKey",
            select(&["kubernetes.io/hostname", "topology.kubernetes.io/zone"][..]).prop_map(Value::from).boxed(),
        ),
        ("matchLabelKeys", vec(select(KEYS).prop_map(str::to_owned), 0..2).prop_map(Value::from).boxed()),
    ]);
    object(vec![
        ("nodeAffinity", object(vec![(REQUIRED, nodes.boxed())]).boxed()),
        ("podAntiAffinity", object(vec![(REQUIRED, vec(pods, 0..3).prop_map(Value::from).boxed())]).boxed()),
    ])
}

fn collect_pointers(value: &Value, at: &mut String, found: &mut Vec<String>) {
    found.push(at.clone());
    let length = at.len();
    let mut visit = |name: &str, inner: &Value| {
        at.push('/');
        at.push_str(&name.replace('~', "~0").replace('/', "~1"));
        collect_pointers(inner, at, found);
        at.truncate(length);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, inner)| visit(name, inner)),
        Value::Array(list) => list.iter().enumerate().for_each(|(index, inner)| visit(&index.to_string(), inner)),
        _ => {}
    }
}
