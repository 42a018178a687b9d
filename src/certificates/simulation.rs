//! The plan in a small world: API servers and replicas that hear of everything late, leaders that come and go.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::BACKDATE;
use super::facts::{Authority, Bundles, CertificateId, Facts, Leaf, Notes, Rotate};
use super::memory::Memory;
use super::plan::{Step, plan};
use super::serve::{Served, may_serve};
use crate::certificates::Validity;

/// As short as is allowed: three times what a change takes to settle.
const LEAF: i64 = 3 * SETTLE;
const AUTHORITY: i64 = 3_000;
const SETTLE: i64 = 30;
/// Two authorities and a half.
const END: i64 = 7_500;

/// What the API server holds.
#[derive(Debug, Clone, Default)]
struct Cluster {
    facts: Option<Facts>,
    trusted: Vec<CertificateId>,
}

struct World {
    now: i64,
    /// What it held at each second.
    history: Vec<Cluster>,
    minted: u32,
    memory: Memory,
    steps: Vec<Step>,
}

/// Somebody who sees the cluster so many seconds late.
#[derive(Debug, Clone)]
struct Observer {
    lag: usize,
}

#[derive(Debug, Clone)]
enum Mishap {
    /// Another process leads from then on, and remembers nothing.
    NewLeader,
    /// Somebody deletes the Secret, or writes garbage into it.
    SecretLost,
    /// Somebody empties a caBundle.
    BundleLost,
    /// Somebody asks for this by the annotation.
    Asked(Rotate),
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

impl World {
    fn new() -> Self {
        let history = vec![Cluster::default()];
        Self { now: 0, history, minted: 0, memory: Memory::default(), steps: Vec::new() }
    }

    fn cluster(&self) -> &Cluster {
        self.history.last().unwrap()
    }

    fn seen_by(&self, observer: &Observer) -> &Cluster {
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

    /// Whether there was any mishap in this second.
    fn suffers(&mut self, mishaps: &[(i64, Mishap)]) -> bool {
        let now: Vec<_> = mishaps.iter().filter(|(when, _)| *when == self.now).collect();
        now.iter().for_each(|(_, mishap)| mishap.befall(self));
        !now.is_empty()
    }

    /// One second: the leader, who sees the cluster as it is, takes a step at most.
    fn tick(&mut self, remembered: &mut Option<Facts>) {
        let mut cluster = self.cluster().clone();
        let situation = self.memory.observe(cluster.facts.clone(), bundles(&cluster), at(self.now));
        if cluster.facts.is_some() {
            remembered.clone_from(&cluster.facts);
        }
        let step = plan(&situation, at(self.now), SignedDuration::from_secs(SETTLE));
        match (&step, cluster.facts.as_mut()) {
            (Step::Wait { .. }, _) => {}
            (Step::Create, _) => {
                let authority = self.mint_authority();
                let (signer, leaf) = (authority.id.clone(), self.mint_leaf(&authority));
                cluster.facts = Some(Facts { authorities: vec![authority], signer, leaf, notes: Notes::default() });
            }
            (Step::Restore, _) => cluster.facts.clone_from(remembered),
            (Step::PutBundles, Some(facts)) => cluster.trusted = facts.bundle().into_iter().collect(),
            (Step::AddAuthority, Some(facts)) => {
                let authority = self.mint_authority();
                facts.signer = authority.id.clone();
                facts.authorities.push(authority);
                facts.notes.asked = None;
            }
            (Step::Issue, Some(facts)) => {
                let signer = facts.authority(&facts.signer).unwrap().clone();
                facts.leaf = self.mint_leaf(&signer);
                facts.notes.asked = None;
            }
            (Step::Drop(old), Some(facts)) => facts.authorities.retain(|authority| !old.contains(&authority.id)),
            (step, None) => panic!("{step:?} with nothing stored"),
        }
        if !matches!(step, Step::Wait { .. }) {
            self.steps.push(step);
        }
        self.now += 1;
        self.history.push(cluster);
    }
}

fn bundles(cluster: &Cluster) -> Bundles {
    Bundles::Are { trusted: cluster.trusted.iter().cloned().collect(), alike: true }
}

impl Observer {
    fn any() -> impl Strategy<Value = Self> {
        (0..(SETTLE / 2) as usize).prop_map(|lag| Self { lag })
    }
}

impl Mishap {
    fn harmless() -> impl Strategy<Value = Self> {
        prop_oneof![Just(Self::NewLeader), Just(Self::Asked(Rotate::Leaf)), Just(Self::Asked(Rotate::Authority)),]
    }

    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![Self::harmless(), Just(Self::SecretLost), Just(Self::BundleLost)]
    }

    fn befall(&self, world: &mut World) {
        let mut cluster = world.cluster().clone();
        match self {
            Self::NewLeader => world.memory = Memory::default(),
            Self::SecretLost => cluster.facts = None,
            Self::BundleLost => cluster.trusted.clear(),
            Self::Asked(what) => {
                if let Some(facts) = &mut cluster.facts {
                    facts.notes.asked = Some(*what);
                }
            }
        }
        *world.history.last_mut().unwrap() = cluster;
    }
}

fn mishaps(of: impl Strategy<Value = Mishap>) -> impl Strategy<Value = Vec<(i64, Mishap)>> {
    proptest::collection::vec((100..END, of), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every API server trusts what every replica serves, at every moment after the first certificate has settled.
    #[test]
    fn no_handshake_ever_fails(
        mishaps in mishaps(Mishap::harmless()),
        api_servers in proptest::collection::vec(Observer::any(), 1..3),
        replicas in proptest::collection::vec(Observer::any(), 1..3),
    ) {
        let mut world = World::new();
        let mut remembered = None;
        let mut served: Vec<Option<(Served, CertificateId)>> = vec![None; replicas.len()];
        while world.now < END {
            world.suffers(&mishaps);
            world.tick(&mut remembered);
            for (replica, served) in replicas.iter().zip(&mut served) {
                let seen = world.seen_by(replica);
                let Some(facts) = &seen.facts else { continue };
                let leaf = &facts.leaf;
                let now = served.as_ref().map(|(served, _)| served);
                if may_serve(now, leaf, &bundles(seen), at(world.now)) {
                    let serves = Served { id: leaf.id.clone(), validity: leaf.validity };
                    *served = Some((serves, leaf.issuer.clone()));
                }
            }
            if world.now > SETTLE {
                for api_server in &api_servers {
                    for (served, issuer) in served.iter().flatten() {
                        prop_assert!(served.validity.holds_at(at(world.now)), "{} {served:?}", world.now);
                        let trusted = &world.seen_by(api_server).trusted;
                        prop_assert!(trusted.contains(issuer), "{}: {issuer:?} not in {trusted:?}", world.now);
                    }
                }
            }
        }
        // It rotates, and cleans up after itself.
        prop_assert!(world.steps.iter().filter(|step| **step == Step::AddAuthority).count() >= 2);
        prop_assert!(world.steps.iter().filter(|step| **step == Step::Issue).count() >= 10);
        let last = world.cluster().facts.clone().unwrap();
        prop_assert!(last.authorities.len() <= 2, "{last:?}");
    }

    /// Whatever happens to what is stored, it is whole again within seconds, and nothing is written without a cause.
    #[test]
    fn what_is_lost_comes_back(mishaps in mishaps(Mishap::any())) {
        let mut world = World::new();
        let mut remembered = None;
        let mut lost_at = 0;
        while world.now < END {
            if world.suffers(&mishaps) {
                lost_at = world.now;
            }
            world.tick(&mut remembered);
            if world.now > lost_at + 3 {
                let cluster = world.cluster();
                let facts = cluster.facts.as_ref();
                prop_assert!(facts.is_some_and(|facts| cluster.trusted.contains(&facts.leaf.issuer)), "{}", world.now);
            }
        }
        prop_assert!(world.steps.len() < 200, "{} steps: {:?}", world.steps.len(), &world.steps[..50]);
    }

    /// A leader that sleeps until the time the plan says misses nothing.
    #[test]
    fn until_the_time_it_says_there_is_nothing_to_do(mishaps in mishaps(Mishap::harmless())) {
        let mut world = World::new();
        let mut remembered = None;
        let mut quiet_until = None;
        while world.now < END {
            if world.suffers(&mishaps) {
                quiet_until = None;
            }
            let facts = world.cluster().facts.clone();
            let situation = world.memory.observe(facts, bundles(world.cluster()), at(world.now));
            let step = plan(&situation, at(world.now), SignedDuration::from_secs(SETTLE));
            if let Some(until) = quiet_until {
                let quiet = matches!(step, Step::Wait { .. }) || at(world.now) >= until;
                prop_assert!(quiet, "{}: {step:?} before {until}", world.now);
            }
            quiet_until = match step {
                Step::Wait { until } => Some(until.unwrap_or(Timestamp::MAX)),
                _ => None,
            };
            world.tick(&mut remembered);
        }
    }
}
