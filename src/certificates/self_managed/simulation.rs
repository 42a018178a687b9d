//! Runs the plan in a small model: API servers and replicas that observe every change late, and leaders that change.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::BACKDATE;
use super::facts::{Authority, CertificateId, Facts, Leaf, Notes, Rotate, TrustedAuthorities};
use super::observed_history::ObservedHistory;
use super::plan::{Action, plan};
use super::serve::{Served, may_serve};
use crate::certificates::Validity;

/// The shortest lifetime that is permitted: three times what a change takes to settle.
const LEAF: i64 = 3 * SETTLE;
const AUTHORITY: i64 = 3_000;
const SETTLE: i64 = 30;
/// Two and a half lifetimes of an authority.
const END: i64 = 7_500;

/// What the API server holds.
#[derive(Debug, Clone, Default)]
struct Cluster {
    facts: Option<Facts>,
    trusted: Vec<CertificateId>,
}

struct World {
    now: i64,
    /// The cluster at each second.
    history: Vec<Cluster>,
    minted: u32,
    observed: ObservedHistory,
    actions: Vec<Action>,
}

/// A client that observes the cluster `lag` seconds late.
#[derive(Debug, Clone)]
struct Observer {
    lag: usize,
}

#[derive(Debug, Clone)]
enum Disturbance {
    /// Another process becomes the leader. It has no history.
    NewLeader,
    /// A client deletes the Secret, or writes garbage into it.
    SecretLost,
    /// A client empties a caBundle.
    BundleLost,
    /// A user requests a rotation by the annotation.
    Requested(Rotate),
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

impl World {
    fn new() -> Self {
        let history = vec![Cluster::default()];
        Self { now: 0, history, minted: 0, observed: ObservedHistory::default(), actions: Vec::new() }
    }

    fn cluster(&self) -> &Cluster {
        self.history.last().unwrap()
    }

    fn observed_by(&self, observer: &Observer) -> &Cluster {
        &self.history[self.history.len().saturating_sub(1 + observer.lag)]
    }

    fn mint(&mut self, lifetime: i64, limit: Option<Timestamp>) -> (CertificateId, Validity) {
        self.minted += 1;
        let until = at(self.now + lifetime);
        let until = limit.map_or(until, |limit| until.min(limit));
        (CertificateId::of(&self.minted.to_be_bytes()), Validity { from: at(self.now) - BACKDATE, until })
    }

    fn mint_authority(&mut self) -> Authority {
        let (id, validity) = self.mint(AUTHORITY, None);
        Authority { id, validity }
    }

    fn mint_leaf(&mut self, issuer: &Authority) -> Leaf {
        let (id, validity) = self.mint(LEAF, Some(issuer.validity.until));
        Leaf { id, issuer: issuer.id.clone(), validity, has_our_name: true }
    }

    /// Applies the disturbances of this second. Returns whether there were any.
    fn disturb(&mut self, disturbances: &[(i64, Disturbance)]) -> bool {
        let now: Vec<_> = disturbances.iter().filter(|(when, _)| *when == self.now).collect();
        now.iter().for_each(|(_, disturbance)| disturbance.apply_to(self));
        !now.is_empty()
    }

    /// Advances by one second. The leader, which observes the cluster without delay, takes one action at most.
    fn tick(&mut self, backup: &mut Option<Facts>) {
        let mut cluster = self.cluster().clone();
        let situation = self.observed.observe(cluster.facts.clone(), trusted(&cluster), at(self.now));
        if cluster.facts.is_some() {
            backup.clone_from(&cluster.facts);
        }
        let action = plan(&situation, at(self.now), SignedDuration::from_secs(SETTLE));
        match (&action, cluster.facts.as_mut()) {
            (Action::Wait { .. }, _) => {}
            (Action::Create, _) => {
                let authority = self.mint_authority();
                let (signer, leaf) = (authority.id.clone(), self.mint_leaf(&authority));
                cluster.facts = Some(Facts { authorities: vec![authority], signer, leaf, notes: Notes::default() });
            }
            (Action::Restore, _) => cluster.facts.clone_from(backup),
            (Action::TrustBundle, Some(facts)) => cluster.trusted = facts.bundle().into_iter().collect(),
            (Action::AddAuthority, Some(facts)) => {
                let authority = self.mint_authority();
                facts.signer = authority.id.clone();
                facts.authorities.push(authority);
                facts.notes.requested = None;
            }
            (Action::Issue, Some(facts)) => {
                let signer = facts.authority(&facts.signer).unwrap().clone();
                facts.leaf = self.mint_leaf(&signer);
                facts.notes.requested = None;
            }
            (Action::DropAuthorities(old), Some(facts)) => {
                facts.authorities.retain(|authority| !old.contains(&authority.id))
            }
            (action, None) => panic!("{action:?} with nothing stored"),
        }
        if !matches!(action, Action::Wait { .. }) {
            self.actions.push(action);
        }
        self.now += 1;
        self.history.push(cluster);
    }
}

fn trusted(cluster: &Cluster) -> TrustedAuthorities {
    TrustedAuthorities::Known { by_all: cluster.trusted.iter().cloned().collect(), uniform: true }
}

impl Observer {
    fn any() -> impl Strategy<Value = Self> {
        (0..(SETTLE / 2) as usize).prop_map(|lag| Self { lag })
    }
}

impl Disturbance {
    fn harmless() -> impl Strategy<Value = Self> {
        prop_oneof![
            Just(Self::NewLeader),
            Just(Self::Requested(Rotate::Leaf)),
            Just(Self::Requested(Rotate::Authority)),
        ]
    }

    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![Self::harmless(), Just(Self::SecretLost), Just(Self::BundleLost)]
    }

    fn apply_to(&self, world: &mut World) {
        let mut cluster = world.cluster().clone();
        match self {
            Self::NewLeader => world.observed = ObservedHistory::default(),
            Self::SecretLost => cluster.facts = None,
            Self::BundleLost => cluster.trusted.clear(),
            Self::Requested(what) => {
                if let Some(facts) = &mut cluster.facts {
                    facts.notes.requested = Some(*what);
                }
            }
        }
        *world.history.last_mut().unwrap() = cluster;
    }
}

fn disturbances(of: impl Strategy<Value = Disturbance>) -> impl Strategy<Value = Vec<(i64, Disturbance)>> {
    proptest::collection::vec((100..END, of), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// After the first certificate has settled, every API server trusts what every replica serves, at any time.
    #[test]
    fn no_handshake_ever_fails(
        disturbances in disturbances(Disturbance::harmless()),
        api_servers in proptest::collection::vec(Observer::any(), 1..3),
        replicas in proptest::collection::vec(Observer::any(), 1..3),
    ) {
        let mut world = World::new();
        let mut backup = None;
        let mut served: Vec<Option<(Served, CertificateId)>> = vec![None; replicas.len()];
        while world.now < END {
            world.disturb(&disturbances);
            world.tick(&mut backup);
            for (replica, served) in replicas.iter().zip(&mut served) {
                let observed = world.observed_by(replica);
                let Some(facts) = &observed.facts else { continue };
                let leaf = &facts.leaf;
                let now = served.as_ref().map(|(served, _)| served);
                if may_serve(now, leaf, &trusted(observed), at(world.now)) {
                    let serves = Served { id: leaf.id.clone(), validity: leaf.validity };
                    *served = Some((serves, leaf.issuer.clone()));
                }
            }
            if world.now > SETTLE {
                for api_server in &api_servers {
                    for (served, issuer) in served.iter().flatten() {
                        prop_assert!(served.validity.contains(at(world.now)), "{} {served:?}", world.now);
                        let trusted = &world.observed_by(api_server).trusted;
                        prop_assert!(trusted.contains(issuer), "{}: {issuer:?} not in {trusted:?}", world.now);
                    }
                }
            }
        }
        // Authorities and certificates were rotated, and old authorities dropped.
        prop_assert!(world.actions.iter().filter(|action| **action == Action::AddAuthority).count() >= 2);
        prop_assert!(world.actions.iter().filter(|action| **action == Action::Issue).count() >= 10);
        let last = world.cluster().facts.clone().unwrap();
        prop_assert!(last.authorities.len() <= 2, "{last:?}");
    }

    /// Whatever is lost is restored within seconds, and nothing is written without a cause.
    #[test]
    fn what_is_lost_is_restored(disturbances in disturbances(Disturbance::any())) {
        let mut world = World::new();
        let mut backup = None;
        let mut lost_at = 0;
        while world.now < END {
            if world.disturb(&disturbances) {
                lost_at = world.now;
            }
            world.tick(&mut backup);
            if world.now > lost_at + 3 {
                let cluster = world.cluster();
                let facts = cluster.facts.as_ref();
                prop_assert!(facts.is_some_and(|facts| cluster.trusted.contains(&facts.leaf.issuer)), "{}", world.now);
            }
        }
        prop_assert!(world.actions.len() < 200, "{} actions: {:?}", world.actions.len(), &world.actions[..50]);
    }

    /// A leader that sleeps until the time in `Wait` misses no action.
    #[test]
    fn no_action_is_due_before_the_time_in_wait(disturbances in disturbances(Disturbance::harmless())) {
        let mut world = World::new();
        let mut backup = None;
        let mut quiet_until = None;
        while world.now < END {
            if world.disturb(&disturbances) {
                quiet_until = None;
            }
            let facts = world.cluster().facts.clone();
            let situation = world.observed.observe(facts, trusted(world.cluster()), at(world.now));
            let action = plan(&situation, at(world.now), SignedDuration::from_secs(SETTLE));
            if let Some(until) = quiet_until {
                let is_quiet = matches!(action, Action::Wait { .. }) || at(world.now) >= until;
                prop_assert!(is_quiet, "{}: {action:?} before {until}", world.now);
            }
            quiet_until = match action {
                Action::Wait { until } => Some(until.unwrap_or(Timestamp::MAX)),
                _ => None,
            };
            world.tick(&mut backup);
        }
    }
}
