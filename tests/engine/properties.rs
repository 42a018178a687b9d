//! What holds for every object, whatever is configured.

use koupleless_warden::module::{FieldPath, Kind};
use koupleless_warden::policy::{NamespaceFacts, Policy, Request, Rule, Severities, Severity, Verdict, Warning};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::generated::{grafted, json, kind, module, namespace, node, policy};
use crate::sample::PLACEMENT;
use crate::scheduler::lets_onto;

fn review(
    policy: &Policy,
    kind: Kind,
    old: Option<&Value>,
    namespace: Option<&NamespaceFacts>,
    object: &Value,
) -> (Value, Verdict) {
    policy.review(Request { kind, old, namespace, limit_ranges: &[], peers: None, revisions: &[] }, object.clone())
}

/// A kind, and something made of it.
fn of_kind<S: Strategy<Value = Value>>(make: impl Fn(Kind) -> S + Copy) -> impl Strategy<Value = (Kind, Value)> {
    kind().prop_flat_map(move |kind| (Just(kind), make(kind)))
}

/// A kind, and two of it.
fn two_of_kind<S: Strategy<Value = Value>>(
    make: impl Fn(Kind) -> S + Copy,
) -> impl Strategy<Value = (Kind, Value, Value)> {
    kind().prop_flat_map(move |kind| (Just(kind), make(kind), make(kind)))
}

/// An object before an update and after it: two of a kind, or an injected one of which only a part became the other's.
fn updates() -> impl Strategy<Value = (Kind, Value, Value)> {
    (two_of_kind(module), 0..4_u8, namespace(), policy()).prop_map(|((kind, one, other), how, namespace, policy)| {
        let old = if how == 0 { one } else { review(&policy, kind, None, namespace.as_ref(), &one).0 };
        let mut new = old.clone();
        let template = kind.template_path();
        let part = match how {
            0 => return (kind, old, other),
            1 => FieldPath::root().field("metadata"),
            2 => template.fields(&["spec", "containers"]),
            _ => template.field("metadata"),
        };
        let part = part.pointer();
        if let (Some(from), Some(to)) = (other.pointer(part.as_str()), new.pointer_mut(part.as_str())) {
            *to = from.clone();
        }
        (kind, old, new)
    })
}

/// Says what of `before` is not in `after` at its place; a null is nothing, lists may have grown at their end.
fn lost(before: &Value, after: Option<&Value>, at: &str) -> Option<String> {
    match (before, after) {
        (Value::Null, _) => None,
        (Value::Object(before), Some(Value::Object(after))) => {
            before.iter().find_map(|(name, value)| lost(value, after.get(name), &format!("{at}/{name}")))
        }
        (Value::Array(before), Some(Value::Array(after))) => {
            let mut elements = before.iter().enumerate();
            elements.find_map(|(index, value)| lost_element(value, after.get(index), &format!("{at}/{index}")))
        }
        (before, Some(after)) if before == after => None,
        (before, after) => Some(format!("{at}: {before} became {after:?}")),
    }
}

/// As [`lost`], for the element of a list, where a null is something.
fn lost_element(before: &Value, after: Option<&Value>, at: &str) -> Option<String> {
    if before.is_null() { (after != Some(before)).then(|| at.to_owned()) } else { lost(before, after, at) }
}

/// The Pod without the seconds that the in-tree plugin gives to tolerations.
fn without_in_tree_seconds(mut pod: Value, seconds: i64) -> Value {
    for toleration in pod["spec"]["tolerations"].as_array_mut().into_iter().flatten() {
        let outage = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
        if toleration["tolerationSeconds"] == seconds && outage.iter().any(|key| toleration["key"] == *key) {
            toleration.as_object_mut().unwrap().remove("tolerationSeconds");
        }
    }
    pod
}

/// The object without the keys that only warden writes.
fn without_wardens_own(kind: Kind, mut object: Value) -> Value {
    let metadata = kind.template_path().field("metadata");
    let own = |key: &str| key == PLACEMENT || key.starts_with("module.warden.koupleless.io/");
    for map in ["labels", "annotations"] {
        let map = metadata.field(map).pointer();
        if let Some(map) = object.pointer_mut(map.as_str()).and_then(Value::as_object_mut) {
            map.retain(|key, _| !own(key));
        }
    }
    object
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_patch_leads_to_what_is_checked((kind, object) in of_kind(module), namespace in namespace(), policy in policy()) {
        let (injected, verdict) = review(&policy, kind, None, namespace.as_ref(), &object);
        let mut patched = object;
        json_patch::patch(&mut patched, &verdict.patch).unwrap();
        prop_assert_eq!(patched, injected);
    }

    #[test]
    fn the_patch_of_an_update_does_so_too((kind, old, new) in updates(), namespace in namespace(), policy in policy()) {
        let (injected, verdict) = review(&policy, kind, Some(&old), namespace.as_ref(), &new);
        let mut patched = new;
        json_patch::patch(&mut patched, &verdict.patch).unwrap();
        prop_assert_eq!(patched, injected);
    }

    #[test]
    fn a_second_review_finds_nothing_to_do((kind, object) in of_kind(module), namespace in namespace(), policy in policy()) {
        let namespace = namespace.as_ref();
        let (once, _) = review(&policy, kind, None, namespace, &object);
        let (twice, again) = review(&policy, kind, None, namespace, &once);
        prop_assert!(again.patch.0.is_empty(), "{}\n{}", again.patch, once);
        prop_assert_eq!(&twice, &once);
        // nor does an update that changes nothing
        let (_, update) = review(&policy, kind, Some(&once), namespace, &once);
        prop_assert!(update.patch.0.is_empty(), "{}\n{}", update.patch, once);
    }

    #[test]
    fn nor_does_a_second_review_of_an_update((kind, old, new) in updates(), namespace in namespace(), policy in policy()) {
        let namespace = namespace.as_ref();
        let (once, _) = review(&policy, kind, Some(&old), namespace, &new);
        let (_, again) = review(&policy, kind, Some(&old), namespace, &once);
        prop_assert!(again.patch.0.is_empty(), "{}\n{}", again.patch, once);
    }

    #[test]
    fn an_update_that_leaves_template_and_metadata_alone_keeps_the_template(
        (kind, old) in of_kind(module),
        namespace in namespace(),
        policy in policy(),
    ) {
        let new = { let mut new = old.clone(); new["status"] = json!({"observedGeneration": 2}); new };
        prop_assume!(kind != Kind::Pod);
        let (injected, _) = review(&policy, kind, Some(&old), namespace.as_ref(), &new);
        prop_assert_eq!(kind.template_path().get(&injected), kind.template_path().get(&old));
    }

    #[test]
    fn all_that_the_user_wrote_survives((kind, object) in of_kind(module), namespace in namespace(), policy in policy()) {
        let (injected, _) = review(&policy, kind, None, namespace.as_ref(), &object);
        let seconds = policy.default_toleration_seconds;
        let wrote = if kind == Kind::Pod { without_in_tree_seconds(object, seconds) } else { object };
        let wrote = without_wardens_own(kind, wrote);
        let lost = lost(&wrote, Some(&injected), "");
        prop_assert_eq!(lost, None, "{}", injected);
    }

    #[test]
    fn the_same_question_gets_the_same_answer((kind, old, new) in updates(), namespace in namespace(), policy in policy()) {
        let answer = || {
            let (object, verdict) = review(&policy, kind, Some(&old), namespace.as_ref(), &new);
            (object.to_string(), serde_json::to_string(&verdict.patch).unwrap(), format!("{verdict:?}"))
        };
        prop_assert_eq!(answer(), answer());
    }

    #[test]
    fn no_node_is_let_in_that_was_kept_out(
        (kind, object) in of_kind(module),
        namespace in namespace(),
        policy in policy(),
        nodes in prop::collection::vec(node(), 1..20),
    ) {
        let (injected, _) = review(&policy, kind, None, namespace.as_ref(), &object);
        let spec = |object| kind.template_path().field("spec").get(object).cloned().unwrap_or_default();
        let (before, after) = (spec(&object), spec(&injected));
        for (name, labels) in nodes {
            prop_assert!(
                !lets_onto(&after, &name, &labels) || lets_onto(&before, &name, &labels),
                "{name} {labels:?} was kept out by {before}, not by {after}"
            );
        }
    }

    #[test]
    fn any_json_gets_a_verdict(kind in kind(), old in prop::option::of(json()), object in json(), policy in policy()) {
        review(&policy, kind, old.as_ref(), None, &object);
    }

    #[test]
    fn a_module_with_any_json_in_it_gets_one_too((kind, old, new) in two_of_kind(grafted), namespace in namespace(), policy in policy()) {
        for old in [None, Some(&old)] {
            let (injected, verdict) = review(&policy, kind, old, namespace.as_ref(), &new);
            let mut patched = new.clone();
            json_patch::patch(&mut patched, &verdict.patch).unwrap();
            prop_assert_eq!(&patched, &injected);
            // where a field's type is wrong, nothing is done
            let misshapen = verdict.violations.iter().any(|violation| violation.cause.name() == "FieldValueTypeInvalid");
            prop_assert!(!misshapen || verdict.patch.0.is_empty(), "{:?}", verdict);
        }
    }

    #[test]
    fn what_is_configured_decides_how_it_is_told_and_not_what_is_found(
        (kind, old, new) in updates(),
        namespace in namespace(),
        policy in policy(),
    ) {
        let count = |verdict: &Verdict| (verdict.violations.len(), verdict.warnings.len());
        let (object, verdict) = review(&policy, kind, Some(&old), namespace.as_ref(), &new);
        let all = |severity| {
            let severities = Rule::ALL.iter().fold(Severities::default(), |mut severities, rule| {
                // what cannot be lowered stays
                let _ = severities.set(rule, severity);
                severities
            });
            let policy = Policy { severities, ..policy.clone() };
            let request = Request { kind, old: Some(&old), namespace: namespace.as_ref(), limit_ranges: &[], peers: None, revisions: &[] };
            policy.check(request, &object)
        };
        let (strict, lax) = (all(Severity::Deny), all(Severity::Warn));
        prop_assert!(strict.warnings.is_empty(), "{:?}", strict.warnings);
        prop_assert!(lax.violations.len() <= verdict.violations.len(), "{lax:?} {:?}", count(&verdict));
        prop_assert!(verdict.violations.iter().all(|violation| strict.violations.contains(violation)), "{strict:?}");
        for violation in &strict.violations {
            prop_assert!(!violation.field.segments().is_empty() && !violation.remedy.is_empty(), "{violation}");
            let misplaced = [&violation.problem, &violation.remedy].iter().any(|text| text.ends_with('.'));
            prop_assert!(!misplaced, "{violation}");
        }
        for warning in &lax.warnings {
            prop_assert!(warning.text().chars().count() <= Warning::LIMIT, "{warning}");
        }
    }
}
