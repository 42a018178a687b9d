//! How a workload replaces its Pods when the template changes, by the rules of Kubernetes' controllers.

use serde_json::Value;

use super::{FieldPath, Kind, Workload};

/// How a workload replaces its running Pods when the template changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollout {
    /// All old Pods are deleted before the first new one is made (a Deployment's Recreate).
    Recreate,
    /// On each node the old Pod is deleted before the new one is made (a DaemonSet without surge).
    InPlace,
    /// On each node the new Pod is made beside the old one (a DaemonSet with surge).
    Beside,
    /// Old Pods are replaced one by one, and a new one can land on a node that still has an old one (StatefulSet, CronJob).
    OneByOne,
    /// New Pods are made beside the old ones; up to `max_unavailable` old ones may be deleted before (a Deployment's rolling
    /// update).
    Rolling {
        /// `maxUnavailable`, resolved against the replicas as the Deployment controller does.
        max_unavailable: u64,
        /// `maxSurge`, resolved likewise.
        max_surge: u64,
    },
    /// Running Pods are not replaced (Pod, ReplicaSet, ReplicationController, Job).
    Never,
}

impl Rollout {
    /// The rollout of an object of `kind`.
    pub(super) fn of(kind: Kind, object: &Value) -> Self {
        let spec = FieldPath::root().field("spec");
        let at = |fields: &[&'static str]| spec.fields(fields).get(object);
        let rolling = |unavailable: Option<&Value>, surge: Option<&Value>, defaults: [&str; 2]| {
            let replicas = Workload::new(kind, object).replicas();
            let part = |value: Option<&Value>, default: &str, round| {
                value.map_or_else(
                    || resolve(&Value::from(default), replicas, round),
                    |value| resolve(value, replicas, round),
                )
            };
            let [max_unavailable, max_surge] =
                [part(unavailable, defaults[0], Round::Down), part(surge, defaults[1], Round::Up)];
            // With both at zero, the controller takes maxUnavailable as 1, because it could not proceed otherwise.
            let at_least = u64::from(max_surge == 0);
            Self::Rolling { max_unavailable: max_unavailable.max(at_least), max_surge }
        };
        match kind {
            Kind::Pod | Kind::ReplicaSet | Kind::ReplicationController | Kind::Job => Self::Never,
            Kind::StatefulSet | Kind::AdvancedStatefulSet | Kind::CronJob => Self::OneByOne,
            Kind::DaemonSet | Kind::AdvancedDaemonSet => {
                // The number of nodes is unknown here. A percentage only matters as zero or not zero: resolve it against 100.
                match at(&["updateStrategy", "rollingUpdate", "maxSurge"]).map_or(0, |it| resolve(it, 100, Round::Up)) {
                    0 => Self::InPlace,
                    _ => Self::Beside,
                }
            }
            Kind::Deployment => {
                if at(&["strategy", "type"]).and_then(Value::as_str) == Some("Recreate") {
                    return Self::Recreate;
                }
                let [unavailable, surge] =
                    ["maxUnavailable", "maxSurge"].map(|field| at(&["strategy", "rollingUpdate", field]));
                rolling(unavailable, surge, ["25%", "25%"])
            }
            Kind::CloneSet => {
                let [unavailable, surge] = ["maxUnavailable", "maxSurge"].map(|field| at(&["updateStrategy", field]));
                rolling(unavailable, surge, ["20%", "0"])
            }
            Kind::ArgoRollout if Workload::new(kind, object).is_blue_green() => rolling(None, None, ["0", "100%"]),
            Kind::ArgoRollout => {
                let [unavailable, surge] =
                    ["maxUnavailable", "maxSurge"].map(|field| at(&["strategy", "canary", field]));
                rolling(unavailable, surge, ["25%", "25%"])
            }
        }
    }

    /// Whether an old Pod can be deleted before the new one that replaces it must be placed.
    pub fn can_free_a_base_first(self) -> bool {
        match self {
            Self::Rolling { max_unavailable, .. } => max_unavailable > 0,
            Self::Beside => false,
            Self::Recreate | Self::InPlace | Self::OneByOne | Self::Never => true,
        }
    }

    /// Whether the rollout lets a new Pod land on a node that still has an old one.
    pub fn lets_old_and_new_meet(self) -> bool {
        match self {
            Self::Rolling { .. } | Self::OneByOne | Self::Beside => true,
            Self::Recreate | Self::InPlace | Self::Never => false,
        }
    }
}

/// `maxSurge` of a Deployment: how many Pods beyond its replicas it may have during a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MaxSurge {
    /// A number of Pods.
    Pods(u32),
    /// A percentage of the replicas, rounded up.
    Percent(u32),
}

impl MaxSurge {
    /// `maxSurge` in a Deployment's `spec`: Kubernetes' default of 25 % where it is not set, zero with strategy Recreate.
    pub fn of(spec: &Value) -> Self {
        let strategy = FieldPath::root().field("strategy");
        if strategy.field("type").get(spec).and_then(Value::as_str) == Some("Recreate") {
            return Self::Pods(0);
        }
        let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        match strategy.fields(&["rollingUpdate", "maxSurge"]).get(spec) {
            None => Self::Percent(25),
            Some(value) => percent(value).map_or_else(
                || Self::Pods(number(value.as_u64().unwrap_or_default())),
                |percent| Self::Percent(number(percent)),
            ),
        }
    }

    /// The number of Pods for a Deployment with `replicas`.
    pub fn at(self, replicas: u32) -> u32 {
        match self {
            Self::Pods(pods) => pods,
            Self::Percent(percent) => {
                let hundredfold = u64::from(replicas) * u64::from(percent);
                u32::try_from(hundredfold.div_ceil(100)).unwrap_or(u32::MAX)
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Round {
    Up,
    Down,
}

/// A number, or a percentage of `whole`. Zero for anything else, which the API server refuses.
fn resolve(value: &Value, whole: u64, round: Round) -> u64 {
    match percent(value) {
        None if value.is_string() => value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default(),
        Some(percent) => {
            let hundredfold = whole.saturating_mul(percent);
            match round {
                Round::Up => hundredfold.div_ceil(100),
                Round::Down => hundredfold / 100,
            }
        }
        None => value.as_u64().unwrap_or_default(),
    }
}

fn percent(value: &Value) -> Option<u64> {
    value.as_str()?.strip_suffix('%')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::default_of_one(json!({"replicas": 1}), 0, 1)]
    #[case::default_of_four(json!({"replicas": 4}), 1, 1)]
    #[case::default_of_five(json!({"replicas": 5}), 1, 2)]
    #[case::number(json!({"replicas": 4, "strategy": {"rollingUpdate": {"maxUnavailable": 2}}}), 2, 1)]
    #[case::percent_rounds_down(json!({"replicas": 5, "strategy": {"rollingUpdate": {"maxUnavailable": "30%"}}}), 1, 2)]
    #[case::both_zero(json!({"replicas": 5, "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 0}}}), 1, 0)]
    #[case::zero(json!({"replicas": 5, "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}}), 0, 1)]
    fn a_rolling_update_is_resolved_as_the_controller_does(
        #[case] spec: Value,
        #[case] max_unavailable: u64,
        #[case] max_surge: u64,
    ) {
        let object = json!({"spec": spec});
        assert_eq!(Rollout::of(Kind::Deployment, &object), Rollout::Rolling { max_unavailable, max_surge });
    }

    #[rstest]
    #[case::default(json!({}), [0, 1, 2, 3])]
    #[case::number(json!({"strategy": {"rollingUpdate": {"maxSurge": 2}}}), [2, 2, 2, 2])]
    #[case::all(json!({"strategy": {"rollingUpdate": {"maxSurge": "100%"}}}), [0, 4, 8, 9])]
    #[case::recreate(json!({"strategy": {"type": "Recreate"}}), [0, 0, 0, 0])]
    fn a_surge_is_resolved_for_any_number_of_replicas(#[case] spec: Value, #[case] surges: [u32; 4]) {
        assert_eq!([0, 4, 8, 9].map(|replicas| MaxSurge::of(&spec).at(replicas)), surges);
    }

    #[test]
    fn recreate_and_daemon_sets_free_the_base_first() {
        let recreate = json!({"spec": {"strategy": {"type": "Recreate"}}});
        assert!(Rollout::of(Kind::Deployment, &recreate).can_free_a_base_first());
        assert!(Rollout::of(Kind::DaemonSet, &json!({})).can_free_a_base_first());
        let surge = json!({"spec": {"updateStrategy": {"rollingUpdate": {"maxSurge": "10%"}}}});
        assert_eq!(Rollout::of(Kind::DaemonSet, &surge), Rollout::Beside);
    }
}
