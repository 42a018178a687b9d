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

impl Taint<'_> {
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
    pub(super) fn new(value: &'a Value) -> Self {
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

    #[test]
    fn what_warden_writes_tolerates_the_taint() {
        for taint in
            [Taint { key: "k", value: "v", effect: "NoExecute" }, Taint { key: "k", value: "", effect: "NoExecute" }]
        {
            assert!(Toleration::new(&taint.toleration()).tolerates(taint));
        }
    }
}
