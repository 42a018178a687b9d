//! Taints and tolerations, by the rules of Kubernetes.

use serde_json::{Value, json};

use crate::vocabulary as words;

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

impl Taint<'_> {
    /// The toleration that warden writes for this taint: without seconds, as long as the taint stays.
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

    /// The toleration as it stands.
    pub fn value(self) -> &'a Value {
        self.0
    }

    /// The key; empty for one that tolerates every key.
    pub fn key(self) -> &'a str {
        self.text("key")
    }

    /// The value that an `Equal` toleration asks for.
    pub fn equals(self) -> Option<&'a str> {
        self.is_equal().then(|| self.text("value"))
    }

    /// The seconds after which it ends, if it does.
    pub fn seconds(self) -> Option<i64> {
        self.0.get("tolerationSeconds")?.as_i64()
    }

    /// Whether it tolerates `taint`, by Kubernetes' rule (`ToleratesTaint` in component-helpers): an empty effect and an
    /// empty key match all, `Exists` ignores the value, no operator is `Equal`.
    pub fn tolerates(self, taint: Taint<'_>) -> bool {
        let effect = self.text("effect");
        let key = self.key();
        (effect.is_empty() || effect == taint.effect)
            && if key.is_empty() {
                self.exists()
            } else {
                key == taint.key && (self.exists() || (self.is_equal() && self.text("value") == taint.value))
            }
    }

    /// Whether it is to the letter what the in-tree plugin DefaultTolerationSeconds, set to `seconds`, adds for `key` to every
    /// Pod.
    pub fn is_in_tree_default(self, key: &str, seconds: i64) -> bool {
        self.key() == key
            && self.exists()
            && self.text("effect") == words::NO_EXECUTE
            && self.seconds() == Some(seconds)
    }

    fn exists(self) -> bool {
        self.text("operator") == "Exists"
    }

    fn is_equal(self) -> bool {
        matches!(self.text("operator"), "" | "Equal")
    }

    fn text(self, field: &str) -> &'a str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }
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
