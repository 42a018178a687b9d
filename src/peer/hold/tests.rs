//! The names and texts of holds.

use rstest::rstest;

use super::*;

/// Each reason once, one leading to the next. The compiler asks for a new one to be put in here.
fn next(hold: &Hold) -> Option<Hold> {
    Some(match hold {
        Hold::NotSynced => Hold::NotLeader,
        Hold::NotLeader => Hold::OwnWriteUnseen,
        Hold::OwnWriteUnseen => Hold::Coalescing,
        Hold::Coalescing => Hold::DepartureDebounce,
        Hold::DepartureDebounce => Hold::MarksUnseen,
        Hold::MarksUnseen => Hold::ControllerBehind,
        Hold::ControllerBehind => Hold::PodsUnseen,
        Hold::PodsUnseen => Hold::ReturnDebounce,
        Hold::ReturnDebounce => Hold::PodsToGo,
        Hold::PodsToGo => Hold::NotKeptApart,
        Hold::NotKeptApart => Hold::MassLoss(MassLoss { lost: 6, of: 10 }),
        Hold::MassLoss(_) => Hold::BaseAtRisk(AtRisk { base: None, in_rollout: false }),
        Hold::BaseAtRisk(_) => Hold::NothingToFollow { workload: "StatefulSet/base".to_owned() },
        Hold::NothingToFollow { .. } => return None,
    })
}

#[rstest]
fn every_reason_has_its_own_name_and_text() {
    let holds: Vec<Hold> = std::iter::successors(Some(Hold::NotSynced), next).collect();
    let apart = |texts: Vec<String>| texts.into_iter().collect::<std::collections::BTreeSet<_>>().len();

    assert_eq!(apart(holds.iter().map(|hold| hold.name().to_owned()).collect()), holds.len());
    assert_eq!(holds.iter().map(Hold::name).collect::<Vec<_>>(), Hold::NAMES);
    assert_eq!(apart(holds.iter().map(Hold::to_string).collect()), holds.len());
    for hold in holds {
        assert_eq!(serde_json::to_value(&hold).unwrap()["reason"], hold.name());
        let is_label = hold.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(is_label && !hold.name().is_empty(), "{hold:?}: {}", hold.name());
        assert!(hold.to_string().contains(' '), "{hold:?}: {hold}");
    }
}

#[rstest]
fn a_missing_workload_is_named() {
    let reason = Hold::NothingToFollow { workload: "StatefulSet/base".to_owned() };

    assert_eq!(reason.to_string(), "there is no StatefulSet/base to follow");
    let reason = Hold::NothingToFollow { workload: "infra/StatefulSet/base".to_owned() };
    assert_eq!(
        reason.to_string(),
        "there is no infra/StatefulSet/base to follow, or it does not consent by the annotation \
         warden.koupleless.io/followers on it or on its Namespace"
    );
}
