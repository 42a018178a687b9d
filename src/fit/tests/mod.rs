//! The rules, one by one.

mod properties;

use rstest::rstest;
use serde_json::{Value, json};

use super::{Demand, Fit, LabelMismatch, Node, NodeTaint, Reason, TermMismatch, Test, Unreadable};
use crate::module::{Kind, Workload};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// What a Pod with this spec demands.
fn demand(spec: &Value) -> Demand {
    let pod = json!({"spec": spec});
    Demand::of(&Workload::new(Kind::Pod, &pod).template())
}

/// A spec whose required node affinity has these terms.
fn with_terms(terms: &Value) -> Value {
    json!({"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}})
}

fn with_expressions(expressions: &Value) -> Value {
    with_terms(&json!([{"matchExpressions": expressions}]))
}

fn node(labels: &[(&str, &str)]) -> Node {
    let labels = labels.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
    Node { name: "vnode.10.0.0.1.dev".to_owned(), labels: labels.collect(), ..Node::default() }
}

/// A node with labels for every operator.
fn a_base() -> Node {
    node(&[("version", "1.0.0"), ("level", "5"), ("empty", "")])
}

fn tainted(taints: &[(&str, &str, &str)]) -> Node {
    let taint = |&(key, value, effect): &(&str, &str, &str)| NodeTaint {
        key: key.to_owned(),
        value: value.to_owned(),
        effect: effect.to_owned(),
    };
    Node { taints: taints.iter().map(taint).collect(), ..a_base() }
}

/// A [`Fit`] with its reasons in words.
#[derive(Debug, Clone, PartialEq, Eq)]
enum InWords {
    Now,
    NotNow(Vec<String>),
    No(String),
}

impl Demand {
    fn judge_in_words(&self, node: &Node) -> InWords {
        match self.judge(node) {
            Fit::Now => InWords::Now,
            Fit::NotNow(reasons) => InWords::NotNow(reasons.iter().map(Reason::to_string).collect()),
            Fit::No(reason) => InWords::No(reason.to_string()),
        }
    }
}

fn no(reason: &str) -> InWords {
    InWords::No(reason.to_owned())
}

fn not_now(reasons: &[&str]) -> InWords {
    InWords::NotNow(reasons.iter().map(|&reason| reason.to_owned()).collect())
}

#[rstest]
#[case::is_in(json!({"key": "version", "operator": "In", "values": ["0.9", "1.0.0"]}))]
#[case::is_in_with_empty_value(json!({"key": "empty", "operator": "In", "values": [""]}))]
#[case::is_not_in(json!({"key": "version", "operator": "NotIn", "values": ["1.1.0"]}))]
#[case::absent_is_not_in(json!({"key": "other", "operator": "NotIn", "values": ["1.1.0"]}))]
#[case::exists(json!({"key": "version", "operator": "Exists"}))]
#[case::exists_though_empty(json!({"key": "empty", "operator": "Exists", "values": []}))]
#[case::does_not_exist(json!({"key": "other", "operator": "DoesNotExist"}))]
#[case::above(json!({"key": "level", "operator": "Gt", "values": ["4"]}))]
#[case::below(json!({"key": "level", "operator": "Lt", "values": ["6"]}))]
fn an_operator_holds(#[case] expression: Value) {
    assert_eq!(demand(&with_expressions(&json!([expression]))).judge_in_words(&a_base()), InWords::Now);
}

#[rstest]
#[case::not_in(
    json!({"key": "version", "operator": "In", "values": ["1.1.0"]}),
    r#"label version is "1.0.0", In ["1.1.0"] is demanded"#
)]
#[case::absent_not_in(
    json!({"key": "other", "operator": "In", "values": ["a", "b"]}),
    r#"label other is absent, In ["a", "b"] is demanded"#
)]
#[case::empty_is_not_absent(
    json!({"key": "other", "operator": "In", "values": [""]}),
    r#"label other is absent, In [""] is demanded"#
)]
#[case::is_in(
    json!({"key": "version", "operator": "NotIn", "values": ["1.0.0", "1.1.0"]}),
    r#"label version is "1.0.0", NotIn ["1.0.0", "1.1.0"] is demanded"#
)]
#[case::not_there(
    json!({"key": "other", "operator": "Exists"}),
    "label other is absent, Exists is demanded"
)]
#[case::there(
    json!({"key": "empty", "operator": "DoesNotExist"}),
    r#"label empty is "", DoesNotExist is demanded"#
)]
#[case::equal_is_not_above(
    json!({"key": "level", "operator": "Gt", "values": ["5"]}),
    r#"label level is "5", Gt 5 is demanded"#
)]
#[case::equal_is_not_below(
    json!({"key": "level", "operator": "Lt", "values": ["5"]}),
    r#"label level is "5", Lt 5 is demanded"#
)]
#[case::numbers_are_not_compared_as_text(
    json!({"key": "level", "operator": "Gt", "values": ["10"]}),
    r#"label level is "5", Gt 10 is demanded"#
)]
#[case::no_number(
    json!({"key": "version", "operator": "Gt", "values": ["0"]}),
    r#"label version is "1.0.0", Gt 0 is demanded"#
)]
#[case::absent_is_no_number(
    json!({"key": "other", "operator": "Lt", "values": ["9"]}),
    "label other is absent, Lt 9 is demanded"
)]
fn an_operator_does_not_hold(#[case] expression: Value, #[case] reason: &str) {
    assert_eq!(demand(&with_expressions(&json!([expression]))).judge_in_words(&a_base()), no(reason));
}

#[rstest]
#[case::unknown_operator(
    json!({"key": "version", "operator": "Like", "values": ["1"]}),
    r#"version Like ["1"] is not a requirement that Kubernetes knows"#
)]
#[case::in_nothing(
    json!({"key": "version", "operator": "In", "values": []}),
    "version In [] is not a requirement that Kubernetes knows"
)]
#[case::not_in_nothing(
    json!({"key": "version", "operator": "NotIn"}),
    "version NotIn [] is not a requirement that Kubernetes knows"
)]
#[case::exists_with_values(
    json!({"key": "version", "operator": "Exists", "values": ["1.0.0"]}),
    r#"version Exists ["1.0.0"] is not a requirement that Kubernetes knows"#
)]
#[case::above_two(
    json!({"key": "level", "operator": "Gt", "values": ["1", "2"]}),
    r#"level Gt ["1", "2"] is not a requirement that Kubernetes knows"#
)]
#[case::above_no_number(
    json!({"key": "level", "operator": "Gt", "values": ["1.0"]}),
    r#"level Gt ["1.0"] does not compare with an integer"#
)]
#[case::above_more_than_64_bits(
    json!({"key": "level", "operator": "Lt", "values": ["9223372036854775808"]}),
    r#"level Lt ["9223372036854775808"] does not compare with an integer"#
)]
#[case::no_label_value(
    json!({"key": "version", "operator": "In", "values": ["1.0.0", "a b"]}),
    r#"version In ["1.0.0", "a b"]: "a b" is not a label value"#
)]
#[case::no_key(json!({"operator": "DoesNotExist"}), "a requirement has no key")]
fn what_cannot_be_read_matches_nothing(#[case] expression: Value, #[case] why: &str) {
    // Beside one that holds: the term as a whole is void.
    let spec = with_expressions(&json!([{"key": "version", "operator": "Exists"}, expression]));
    assert_eq!(demand(&spec).judge_in_words(&a_base()), no(&format!("a node affinity term matches no node: {why}")));
    assert!(demand(&spec).label_keys().is_empty());
}

#[rstest]
#[case::is_it(json!({"key": "metadata.name", "operator": "In", "values": ["vnode.10.0.0.1.dev"]}), InWords::Now)]
#[case::is_not_another(json!({"key": "metadata.name", "operator": "NotIn", "values": ["vnode.10.0.0.2.dev"]}), InWords::Now)]
#[case::is_another(
    json!({"key": "metadata.name", "operator": "In", "values": ["vnode.10.0.0.2.dev"]}),
    no(r#"the node's name is "vnode.10.0.0.1.dev", In ["vnode.10.0.0.2.dev"] is demanded"#)
)]
#[case::is_the_one_not_wanted(
    json!({"key": "metadata.name", "operator": "NotIn", "values": ["vnode.10.0.0.1.dev"]}),
    no(r#"the node's name is "vnode.10.0.0.1.dev", NotIn ["vnode.10.0.0.1.dev"] is demanded"#)
)]
#[case::two_names(
    json!({"key": "metadata.name", "operator": "In", "values": ["vnode.10.0.0.1.dev", "b"]}),
    no(
        "a node affinity term matches no node: \
         metadata.name In [\"vnode.10.0.0.1.dev\", \"b\"] is not a requirement that Kubernetes knows"
    )
)]
#[case::another_field(
    json!({"key": "spec.unschedulable", "operator": "In", "values": ["false"]}),
    no(
        "a node affinity term matches no node: \
         spec.unschedulable In [\"false\"] is not a requirement that Kubernetes knows"
    )
)]
fn fields_are_the_name(#[case] field: Value, #[case] fit: InWords) {
    assert_eq!(demand(&with_terms(&json!([{"matchFields": [field]}]))).judge_in_words(&a_base()), fit);
}

fn exists(key: &str) -> Value {
    json!({"matchExpressions": [{"key": key, "operator": "Exists"}]})
}

#[rstest]
#[case::no_affinity(json!({}), InWords::Now)]
#[case::null(json!({"affinity": {"nodeAffinity": {REQUIRED: null}}}), InWords::Now)]
#[case::no_terms(with_terms(&json!([])), no("the required node affinity has no term, which matches no node"))]
#[case::terms_missing(
    json!({"affinity": {"nodeAffinity": {REQUIRED: {}}}}),
    no("the required node affinity has no term, which matches no node")
)]
#[case::empty_term(with_terms(&json!([{}])), no("a node affinity term is empty, which matches no node"))]
#[case::empty_term_beside_another(with_terms(&json!([{}, exists("level")])), InWords::Now)]
#[case::one_of_two(with_terms(&json!([exists("a"), exists("version")])), InWords::Now)]
#[case::none_of_two(
    with_terms(&json!([exists("a"), {}])),
    no(
        "none of 2 node affinity terms holds: label a is absent, Exists is demanded; \
         or a node affinity term is empty, which matches no node"
    )
)]
#[case::none_of_many(
    with_terms(&json!([exists("a"), exists("b"), exists("c"), exists("d"), exists("e")])),
    no(
        "none of 5 node affinity terms holds: label a is absent, Exists is demanded; \
         or label b is absent, Exists is demanded; or label c is absent, Exists is demanded; or 2 more"
    )
)]
#[case::unreadable_beside_another(
    with_terms(&json!([{"matchExpressions": [{"key": "level", "operator": "Gt", "values": ["x"]}]}, exists("level")])),
    InWords::Now
)]
#[case::all_in_a_term(
    with_terms(&json!([{
        "matchExpressions": [{"key": "level", "operator": "Exists"}],
        "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}],
    }])),
    no(r#"the node's name is "vnode.10.0.0.1.dev", In ["b"] is demanded"#)
)]
#[case::preferred_is_a_wish(
    json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 1, "preference": exists("a")},
    ]}}}),
    InWords::Now
)]
fn terms_are_ored_and_what_is_inside_is_anded(#[case] spec: Value, #[case] fit: InWords) {
    assert_eq!(demand(&spec).judge_in_words(&a_base()), fit);
}

#[rstest]
#[case::selector(json!({"nodeSelector": {"version": "1.0.0", "empty": ""}}), InWords::Now)]
#[case::another_value(
    json!({"nodeSelector": {"version": "1.1.0"}}),
    no(r#"label version is "1.0.0", In ["1.1.0"] is demanded"#)
)]
#[case::absent(json!({"nodeSelector": {"a": ""}}), no(r#"label a is absent, In [""] is demanded"#))]
#[case::name(json!({"nodeName": "vnode.10.0.0.1.dev"}), InWords::Now)]
#[case::no_name(json!({"nodeName": ""}), InWords::Now)]
#[case::another_name(
    json!({"nodeName": "b"}),
    no(r#"the node's name is "vnode.10.0.0.1.dev", nodeName "b" is demanded"#)
)]
#[case::name_skips_no_selector(
    json!({"nodeName": "vnode.10.0.0.1.dev", "nodeSelector": {"version": "2"}}),
    no(r#"label version is "1.0.0", In ["2"] is demanded"#)
)]
fn selector_and_name(#[case] spec: Value, #[case] fit: InWords) {
    assert_eq!(demand(&spec).judge_in_words(&a_base()), fit);
}

#[test]
fn selector_and_affinity_are_both_demanded() {
    let mut spec = with_terms(&json!([exists("a")]));
    spec["nodeSelector"] = json!({"version": "1.0.0"});
    assert_eq!(demand(&spec).judge_in_words(&a_base()), no("label a is absent, Exists is demanded"));
    assert_eq!(demand(&spec).judge_in_words(&node(&[("version", "1.0.0"), ("a", "")])), InWords::Now);
    assert_eq!(
        demand(&spec).judge_in_words(&node(&[("a", "")])),
        no(r#"label version is absent, In ["1.0.0"] is demanded"#)
    );
}

const ENV: (&str, &str, &str) = ("schedule.koupleless.io/node-env", "prod", "NoExecute");
const DEDICATED: (&str, &str, &str) = ("dedicated", "", "NoSchedule");
const NOT_READY: [(&str, &str, &str); 2] =
    [("node.kubernetes.io/not-ready", "", "NoSchedule"), ("node.kubernetes.io/not-ready", "", "NoExecute")];
const UNREACHABLE: [(&str, &str, &str); 2] =
    [("node.kubernetes.io/unreachable", "", "NoSchedule"), ("node.kubernetes.io/unreachable", "", "NoExecute")];
const CORDON: (&str, &str, &str) = ("node.kubernetes.io/unschedulable", "", "NoSchedule");

#[rstest]
#[case::evicts(&[ENV], no("no toleration for taint schedule.koupleless.io/node-env=prod:NoExecute"))]
#[case::keeps_new_ones_off(&[DEDICATED], not_now(&["no toleration for taint dedicated:NoSchedule"]))]
#[case::is_a_wish(&[("dedicated", "", "PreferNoSchedule")], InWords::Now)]
#[case::evicting_wins(&[DEDICATED, ENV], no("no toleration for taint schedule.koupleless.io/node-env=prod:NoExecute"))]
#[case::not_ready(&NOT_READY, not_now(&["not ready"]))]
#[case::unreachable(&UNREACHABLE, not_now(&["unreachable"]))]
#[case::cordoned(&[CORDON], not_now(&["cordoned"]))]
#[case::cordoned_so_that_it_evicts(&[("node.kubernetes.io/unschedulable", "", "NoExecute")], not_now(&["cordoned"]))]
#[case::several(&[UNREACHABLE[0], CORDON, UNREACHABLE[1]], not_now(&["unreachable", "cordoned"]))]
#[case::not_ready_and_wrong(&[NOT_READY[1], ENV], no("no toleration for taint schedule.koupleless.io/node-env=prod:NoExecute"))]
fn a_taint_that_is_not_tolerated(#[case] taints: &[(&str, &str, &str)], #[case] fit: InWords) {
    assert_eq!(demand(&json!({})).judge_in_words(&tainted(taints)), fit);
}

#[rstest]
#[case::equal(json!({"key": "schedule.koupleless.io/node-env", "value": "prod", "effect": "NoExecute"}), InWords::Now)]
#[case::for_a_while(
    json!({"key": ENV.0, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}),
    InWords::Now
)]
#[case::everything(json!({"operator": "Exists"}), InWords::Now)]
#[case::other_value(
    json!({"key": ENV.0, "operator": "Equal", "value": "dev"}),
    no("no toleration for taint schedule.koupleless.io/node-env=prod:NoExecute")
)]
#[case::other_effect(
    json!({"key": ENV.0, "operator": "Exists", "effect": "NoSchedule"}),
    no("no toleration for taint schedule.koupleless.io/node-env=prod:NoExecute")
)]
fn a_toleration(#[case] toleration: Value, #[case] fit: InWords) {
    assert_eq!(demand(&json!({"tolerations": [toleration]})).judge_in_words(&tainted(&[ENV])), fit);
}

#[test]
fn a_module_that_outlasts_an_outage_is_not_scheduled_in_one() {
    let outlasts = |key| json!({"key": key, "operator": "Exists", "effect": "NoExecute"});
    let spec = json!({"tolerations": [outlasts(NOT_READY[0].0), outlasts(UNREACHABLE[0].0)]});
    assert_eq!(demand(&spec).judge_in_words(&tainted(&UNREACHABLE)), not_now(&["unreachable"]));
    assert_eq!(demand(&spec).judge_in_words(&tainted(&UNREACHABLE[1..])), InWords::Now);
}

#[rstest]
#[case::not_tolerated(json!([]), not_now(&["cordoned"]))]
#[case::tolerated(json!([{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]), InWords::Now)]
#[case::for_another_effect(
    json!([{"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoExecute"}]),
    not_now(&["cordoned"])
)]
fn a_cordon(#[case] tolerations: Value, #[case] fit: InWords) {
    // The taint that belongs to it may be there already, or not yet.
    for taints in [&[][..], &[CORDON]] {
        let node = Node { unschedulable: true, ..tainted(taints) };
        assert_eq!(demand(&json!({"tolerations": tolerations})).judge_in_words(&node), fit);
    }
}

#[test]
fn a_wrong_node_is_wrong_however_it_is_tainted() {
    let spec = json!({"nodeSelector": {"version": "2"}});
    let node = Node { unschedulable: true, ..tainted(&UNREACHABLE) };
    assert_eq!(demand(&spec).judge_in_words(&node), no(r#"label version is "1.0.0", In ["2"] is demanded"#));
}

#[test]
fn it_says_what_it_reads() {
    let mut spec = with_terms(&json!([
        exists("b"),
        {"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}, {"key": "b", "operator": "Exists"}]},
    ]));
    spec["nodeSelector"] = json!({"c": "1"});
    assert_eq!(demand(&spec).label_keys().into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(!demand(&spec).judges_by_name());
    spec["nodeName"] = json!("b");
    assert!(demand(&spec).judges_by_name());
    let name = json!({"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["b"]}]});
    assert!(demand(&with_terms(&json!([exists("b"), name]))).judges_by_name());
}

#[test]
fn a_reason_is_data() {
    let node = tainted(&[DEDICATED, UNREACHABLE[0]]);
    let of_selector = demand(&json!({"nodeSelector": {"version": "2"}}));
    let test = Test::In(vec!["2".to_owned()]);
    let version = LabelMismatch { key: "version", demanded: &test, value: Some("1.0.0") };
    assert_eq!(of_selector.judge(&node), Fit::No(Reason::NodeSelector(version)));
    let of_terms = demand(&with_terms(&json!([
        {},
        {"matchExpressions": [{"operator": "Exists"}]},
        {"matchExpressions": [{"key": "version", "operator": "In", "values": ["2"]}]},
    ])));
    let terms = [TermMismatch::Empty, TermMismatch::Unreadable(&Unreadable::NoKey), TermMismatch::Label(version)];
    assert_eq!(of_terms.judge(&node), Fit::No(Reason::NodeAffinity(terms.to_vec())));
    let of_name = demand(&json!({"nodeName": "b"}));
    assert_eq!(of_name.judge(&node), Fit::No(Reason::NodeName { demanded: "b", name: "vnode.10.0.0.1.dev" }));
    let of_nothing = demand(&json!({}));
    assert_eq!(of_nothing.judge(&node), Fit::NotNow(vec![Reason::Taint(&node.taints[0]), Reason::Unreachable]));
}

#[test]
fn the_answer_reads_as_a_sentence() {
    let node = tainted(&[DEDICATED, UNREACHABLE[0]]);
    let says = |spec: Value| demand(&spec).judge(&node).to_string();
    assert_eq!(says(json!({})), "takes no new Pod now: no toleration for taint dedicated:NoSchedule, unreachable");
    assert_eq!(says(json!({"nodeSelector": {"a": "1"}})), r#"does not fit: label a is absent, In ["1"] is demanded"#);
    assert_eq!(says(json!({"tolerations": [{"operator": "Exists"}]})), "fits");
}
