//! Taints and tolerations, by the rules of Kubernetes.

use serde_json::{Value, json};

use crate::vocabulary as keys;

/// A taint of a Node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taint<'a> {
    /// The key.
    pub key: &'a str,
    /// The value; often empty.
    pub value: &'a str,
    /// The effect.
    pub effect: &'a str,
}

/// A toleration of a template.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Toleration<'a>(&'a Value);

/// The fields of a toleration that decide which taints it covers. `S` is borrowed or owned text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TolerationSpec<S> {
    key: S,
    operator: S,
    value: S,
    effect: S,
}

impl<'a> Taint<'a> {
    /// The taint that every vnode has.
    pub const VIRTUAL_NODE: Taint<'static> =
        Taint { key: keys::TAINT_VIRTUAL_NODE, value: keys::TAINT_VIRTUAL_NODE_VALUE, effect: keys::NO_EXECUTE };

    /// The taint that every vnode of environment `env` has.
    pub fn node_env(env: &'a str) -> Self {
        Self { key: keys::TAINT_NODE_ENV, value: env, effect: keys::NO_EXECUTE }
    }

    /// Kubernetes' own taint `key` without a value, by which Pods are evicted.
    pub fn evicting(key: &'a str) -> Self {
        Self { key, value: "", effect: keys::NO_EXECUTE }
    }

    /// The toleration that warden writes for this taint. It has no seconds, so it lasts as long as the taint.
    pub fn toleration(self) -> Value {
        if self.value.is_empty() {
            json!({"key": self.key, "operator": "Exists", "effect": self.effect})
        } else {
            json!({"key": self.key, "operator": "Equal", "value": self.value, "effect": self.effect})
        }
    }
}

impl<'a> Toleration<'a> {
    /// The raw toleration `value`, seen as one.
    pub fn new(value: &'a Value) -> Self {
        Self(value)
    }

    /// The raw toleration.
    pub fn value(self) -> &'a Value {
        self.0
    }

    /// The key; empty for one that tolerates every key.
    pub fn key(self) -> &'a str {
        self.text("key")
    }

    /// The value that an `Equal` toleration asks for.
    pub fn equals(self) -> Option<&'a str> {
        is_equal(self.text("operator")).then(|| self.text("value"))
    }

    /// `tolerationSeconds`: after these seconds it ends. None where it does not end.
    pub fn seconds(self) -> Option<i64> {
        self.0.get("tolerationSeconds")?.as_i64()
    }

    /// Whether it tolerates `taint`. See [`TolerationSpec::covers`].
    pub fn tolerates(self, taint: Taint<'_>) -> bool {
        self.spec::<&str>().covers(taint)
    }

    /// The fields that decide which taints it covers; `tolerationSeconds` does not.
    pub fn spec<S: From<&'a str>>(self) -> TolerationSpec<S> {
        let text = |field| self.text(field).into();
        TolerationSpec { key: text("key"), operator: text("operator"), value: text("value"), effect: text("effect") }
    }

    /// Whether the whitelist of a Namespace allows it, by the rule of the in-tree plugin PodTolerationRestriction
    /// (`VerifyAgainstWhitelist` in `pkg/util/tolerations`). An empty list allows everything.
    pub fn is_allowed_by(self, whitelist: &'a [Value]) -> bool {
        whitelist.is_empty() || whitelist.iter().map(Self::new).any(|allowed| allowed.is_superset_of(self))
    }

    fn is_superset_of(self, other: Self) -> bool {
        let text = |field| (self.text(field), other.text(field));
        let (key, other_key) = text("key");
        let (effect, other_effect) = text("effect");
        let every_key = key.is_empty() && exists(self.text("operator"));
        let ends_sooner = effect == keys::NO_EXECUTE
            && self.seconds().is_some_and(|limit| other.seconds().is_none_or(|seconds| seconds > limit));
        let same_value = is_equal(other.text("operator")) && self.text("value") == other.text("value");
        self.0 == other.0
            || ((key == other_key || every_key)
                && (effect.is_empty() || effect == other_effect)
                && !ends_sooner
                && (exists(self.text("operator")) || (is_equal(self.text("operator")) && same_value)))
    }

    /// Whether it is exactly what the in-tree plugin DefaultTolerationSeconds, set to `seconds`, adds to every Pod for `key`.
    pub fn is_in_tree_default(self, key: &str, seconds: i64) -> bool {
        self.key() == key
            && exists(self.text("operator"))
            && self.text("effect") == keys::NO_EXECUTE
            && self.seconds() == Some(seconds)
    }

    fn text(self, field: &str) -> &'a str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }
}

impl<S: AsRef<str>> TolerationSpec<S> {
    /// Whether `taint` is tolerated, by Kubernetes' rule (`ToleratesTaint` in component-helpers): an empty effect and an
    /// empty key match all, `Exists` ignores the value, no operator is `Equal`. `Gt` and `Lt` match nothing: their feature
    /// gate is off in Kubernetes 1.36.
    pub fn covers(&self, taint: Taint<'_>) -> bool {
        let [key, operator, value, effect] = [&self.key, &self.operator, &self.value, &self.effect].map(AsRef::as_ref);
        (effect.is_empty() || effect == taint.effect)
            && if key.is_empty() {
                exists(operator)
            } else {
                key == taint.key && (exists(operator) || (is_equal(operator) && value == taint.value))
            }
    }
}

fn exists(operator: &str) -> bool {
    operator == "Exists"
}

fn is_equal(operator: &str) -> bool {
    matches!(operator, "" | "Equal")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(json!({"operator": "Exists"}), true)]
    #[case(json!({"key": "k", "operator": "Exists"}), true)]
    #[case(json!({"key": "k", "value": "v"}), true)]
    #[case(json!({"key": "k", "operator": "Equal", "value": "v", "effect": "NoExecute"}), true)]
    #[case(json!({"key": "k", "value": "other"}), false)]
    #[case(json!({"key": "other", "operator": "Exists"}), false)]
    #[case(json!({"key": "k", "operator": "Exists", "effect": "NoSchedule"}), false)]
    #[case(json!({}), false)]
    #[case(json!({"key": "k", "operator": "Gt", "value": "v"}), false)]
    fn a_toleration_covers_a_taint(#[case] toleration: Value, #[case] covers: bool) {
        let taint = Taint { key: "k", value: "v", effect: "NoExecute" };
        assert_eq!(Toleration::new(&toleration).tolerates(taint), covers, "{toleration}");
    }

    #[rstest]
    #[case::the_same(json!({"key": "k", "value": "v"}), true)]
    #[case::every_value(json!({"key": "k", "operator": "Exists"}), true)]
    #[case::every_key(json!({"operator": "Exists"}), true)]
    #[case::another_value(json!({"key": "k", "operator": "Equal", "value": "w"}), false)]
    #[case::another_key(json!({"key": "l", "operator": "Exists"}), false)]
    #[case::another_effect(json!({"key": "k", "operator": "Exists", "effect": "NoSchedule"}), false)]
    #[case::that_ends(json!({"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}), false)]
    fn a_whitelist_allows_a_toleration(#[case] allowed: Value, #[case] allows: bool) {
        let toleration = json!({"key": "k", "operator": "Equal", "value": "v", "effect": "NoExecute"});
        let whitelist = [json!({"key": "other", "operator": "Exists"}), allowed];
        assert_eq!(Toleration::new(&toleration).is_allowed_by(&whitelist), allows);
        assert!(Toleration::new(&toleration).is_allowed_by(&[]));
    }

    #[test]
    fn what_warden_writes_tolerates_the_taint() {
        for taint in
            [Taint { key: "k", value: "v", effect: "NoExecute" }, Taint { key: "k", value: "", effect: "NoExecute" }]
        {
            assert!(Toleration::new(&taint.toleration()).tolerates(taint));
        }
    }
}
