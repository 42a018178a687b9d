//! Candidates over a simulated API server: requests and answers that are late or lost, clocks of different rates, processes
//! that pause or die, a Lease that a person deletes. There are never two leaders.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::LeaseSettings;
use super::candidate::{Answer, Candidate, Now, Request};

/// Microseconds of the simulation's time, which no process knows.
type Micros = u64;

const SECOND: Micros = 1_000_000;
const LEASE: Duration = Duration::from_secs(15);
const RENEW: Duration = Duration::from_secs(10);
const RETRY: Micros = 2 * SECOND;
/// As the election has it: so much of its own time a candidate waits for an answer.
const TIMEOUT: Micros = 3 * SECOND;

/// How a process's clocks go.
#[derive(Debug, Clone, Copy)]
struct Clock {
    /// Thousandths of the world's rate.
    rate: u64,
    /// How wrong the clock on the wall is, in seconds.
    wall: i64,
}

/// What becomes of one request and of the process that sends it.
#[derive(Debug, Clone)]
struct Luck {
    /// How long it travels; none when it is lost.
    there: Option<Micros>,
    /// How long the answer travels; none when it is lost.
    back: Option<Micros>,
    /// How long the process stands still, after all its usual waiting.
    still: Micros,
    /// What happens besides, just before.
    event: Event,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    None,
    /// The process dies and another one starts in its place. What it sent is on its way all the same.
    Death,
    /// A person deletes the Lease.
    Deletion,
}

#[derive(Debug)]
enum Happening {
    Wakes { process: usize, call: u64 },
    Arrives { process: usize, call: u64, request: Request, began: Instant, back: Option<Micros> },
    Answered { process: usize, call: u64, answer: Answer },
}

struct Process {
    candidate: Candidate,
    clock: Clock,
    /// The number of its last request, so that it ignores the answer to a request that it gave up on.
    call: u64,
    /// The uid of the Lease that it observed last.
    seen: Option<String>,
}

struct World {
    now: Micros,
    start: Instant,
    processes: Vec<Process>,
    /// The ends of the terms of processes that died: a writer may outlive its election.
    dead: Vec<Micros>,
    lease: Option<Lease>,
    writes: u64,
    /// What is to come, by time and then in the order of planning.
    agenda: BTreeMap<(Micros, u64), Happening>,
    planned: u64,
    luck: std::vec::IntoIter<Luck>,
    born: u64,
    /// When a leader began to lead, or went on.
    led: Vec<Micros>,
}

impl World {
    fn new(clocks: &[Clock], luck: Vec<Luck>) -> Self {
        let mut world = Self {
            now: 0,
            start: Instant::now(),
            processes: Vec::new(),
            dead: Vec::new(),
            lease: None,
            writes: 0,
            agenda: BTreeMap::new(),
            planned: 0,
            luck: luck.into_iter(),
            born: 0,
            led: Vec::new(),
        };
        for (process, clock) in clocks.iter().enumerate() {
            let newborn = world.newborn(*clock);
            world.processes.push(newborn);
            world.plan(0, Happening::Wakes { process, call: 0 });
        }
        world
    }

    fn newborn(&mut self, clock: Clock) -> Process {
        self.born += 1;
        let settings = LeaseSettings {
            namespace: "n".to_owned(),
            name: "l".to_owned(),
            identity: format!("candidate-{}", self.born),
            lease_duration: LEASE,
            renew_deadline: RENEW,
            retry_period: Duration::from_micros(RETRY),
        };
        Process { candidate: Candidate::new(settings), clock, call: 0, seen: None }
    }

    fn plan(&mut self, after: Micros, happening: Happening) {
        self.planned += 1;
        self.agenda.insert((self.now + after, self.planned), happening);
    }

    /// What a process's own clocks show now.
    fn moment(&self, clock: Clock) -> Now {
        let passed = Duration::from_micros(self.now * clock.rate / 1000);
        let wall = Timestamp::UNIX_EPOCH + SignedDuration::try_from(passed).unwrap();
        Now { monotonic: self.start + passed, wall: wall + SignedDuration::from_secs(clock.wall) }
    }

    /// The end of a process's term in the world's time.
    fn end(&self, process: &Process) -> Option<Micros> {
        let own = process.candidate.term()?.checked_duration_since(self.start)?;
        Some(u64::try_from(own.as_micros()).unwrap() * 1000 / process.clock.rate)
    }

    fn leaders(&self) -> usize {
        let alive = self.processes.iter().filter_map(|process| self.end(process));
        alive.chain(self.dead.iter().copied()).filter(|end| *end > self.now).count()
    }

    /// Lets time pass until `until`; none when there were two leaders at any moment of it.
    fn run(&mut self, until: Micros) -> Option<()> {
        while let Some(next) = self.agenda.first_entry().filter(|next| next.key().0 <= until) {
            self.now = next.key().0;
            match next.remove() {
                Happening::Wakes { process, call } => self.wakes(process, call),
                Happening::Arrives { process, call, request, began, back } => {
                    let answer = self.serve(request, began);
                    if let Some(back) = back {
                        self.plan(back, Happening::Answered { process, call, answer });
                    }
                }
                Happening::Answered { process, call, answer } => self.answered(process, call, answer),
            }
            // A term begins or grows only here, so that it is enough to count here.
            if self.leaders() > 1 {
                return None;
            }
        }
        self.now = until;
        Some(())
    }

    fn wakes(&mut self, process: usize, call: u64) {
        let Process { candidate, clock, call: last, .. } = &self.processes[process];
        if *last == call {
            let request = candidate.begin(self.moment(*clock));
            self.send(process, request);
        }
    }

    fn send(&mut self, process: usize, request: Request) {
        let fair = Luck { there: Some(1000), back: Some(1000), still: 0, event: Event::None };
        let luck = self.luck.next().unwrap_or(fair);
        // Only a Lease that all have observed is deleted, and no process starts while there is none: see the limits in the
        // module's description.
        let all_know = self.processes.iter().all(|process| process.seen == self.uid());
        if matches!(luck.event, Event::Deletion) && all_know {
            self.lease = None;
        }
        let clock = self.processes[process].clock;
        let began = self.moment(clock).monotonic;
        let call = self.processes[process].call + 1;
        if let Some(there) = luck.there {
            self.plan(there, Happening::Arrives { process, call, request, began, back: luck.back });
        }
        if matches!(luck.event, Event::Death) && self.lease.is_some() {
            self.dead.extend(self.end(&self.processes[process]));
            let call = call + 1;
            self.processes[process] = Process { call, ..self.newborn(clock) };
            self.plan(luck.still, Happening::Wakes { process, call });
        } else {
            self.processes[process].call = call;
            let timeout = TIMEOUT * 1000 / clock.rate + luck.still;
            self.plan(timeout, Happening::Answered { process, call, answer: Answer::Failed });
        }
    }

    fn uid(&self) -> Option<String> {
        self.lease.as_ref().and_then(|lease| lease.metadata.uid.clone())
    }

    /// What the API server does.
    fn serve(&mut self, request: Request, began: Instant) -> Answer {
        let version = |lease: &Lease| (lease.metadata.uid.clone(), lease.metadata.resource_version.clone());
        let mut lease = match (request, &self.lease) {
            (Request::Get, lease) => return Answer::Observed(lease.clone()),
            (Request::Create(lease), None) => lease,
            (Request::Replace(lease), Some(current)) if version(&lease) == version(current) => lease,
            (Request::Create(_) | Request::Replace(_), _) => return Answer::Conflict,
        };
        self.writes += 1;
        lease.metadata.resource_version = Some(self.writes.to_string());
        lease.metadata.uid.get_or_insert(format!("uid-{}", self.writes));
        self.lease = Some(lease.clone());
        Answer::Written { lease, began }
    }

    fn answered(&mut self, process: usize, call: u64, answer: Answer) {
        let now = self.moment(self.processes[process].clock);
        let subject = &mut self.processes[process];
        if subject.call != call {
            return;
        }
        subject.call += 1;
        match &answer {
            Answer::Observed(Some(lease)) | Answer::Written { lease, .. } => subject.seen = lease.metadata.uid.clone(),
            Answer::Observed(None) | Answer::Conflict | Answer::Failed => {}
        }
        let written = matches!(answer, Answer::Written { .. });
        let next = subject.candidate.answered(answer, now);
        let call = subject.call;
        if written && subject.candidate.left(now.monotonic).is_some() {
            self.led.push(self.now);
        }
        match next {
            Some(request) => self.send(process, request),
            None => self.plan(RETRY, Happening::Wakes { process, call }),
        }
    }
}

fn rarely_long(usual: Range<Micros>, long: Range<Micros>) -> impl Strategy<Value = Micros> {
    prop_oneof![6 => usual, 1 => long]
}

fn luck() -> impl Strategy<Value = Luck> {
    let travel = || {
        let time = rarely_long(0..SECOND, 0..40 * SECOND);
        prop_oneof![1 => Just(None), 8 => time.prop_map(Some)]
    };
    let event = prop_oneof![20 => Just(Event::None), 1 => Just(Event::Death), 1 => Just(Event::Deletion)];
    (travel(), travel(), rarely_long(0..SECOND, 0..40 * SECOND), event).prop_map(|(there, back, still, event)| Luck {
        there,
        back,
        still,
        event,
    })
}

fn clock() -> impl Strategy<Value = Clock> {
    // The fastest against the slowest is less than the lease duration against the renew deadline.
    (850_u64..1150, -100_000_i64..100_000).prop_map(|(rate, wall)| Clock { rate, wall })
}

proptest! {
    #[test]
    fn there_are_never_two_leaders_and_one_in_the_end(
        clocks in prop::collection::vec(clock(), 2..4),
        luck in prop::collection::vec(luck(), 0..150),
    ) {
        // Given candidates with any clocks, when any bad luck happens, then never two lead
        let mut world = World::new(&clocks, luck);
        while world.luck.len() > 0 {
            let until = world.now + SECOND;
            prop_assert!(world.run(until).is_some(), "two leaders at {} µs", world.now);
        }
        // When it is over, and the last that stood still or is on its way has come
        let until = world.now + 160 * SECOND;
        prop_assert!(world.run(until).is_some(), "two leaders at {} µs", world.now);
        // Then one leads
        prop_assert_eq!(world.leaders(), 1);
    }
}

#[test]
fn one_leads_without_a_break_and_another_takes_over_when_it_dies() {
    // Given two candidates
    let clock = Clock { rate: 1000, wall: 0 };
    let mut world = World::new(&[clock, clock], Vec::new());
    // When nothing happens for a minute
    world.run(60 * SECOND).unwrap();
    // Then one leads without a break
    assert_eq!(world.leaders(), 1);
    assert!(world.led.windows(2).all(|pair| pair[1] - pair[0] < 3 * SECOND), "{:?}", world.led);
    // When it dies
    let leader = (0..2).find(|&p| world.end(&world.processes[p]).is_some()).unwrap();
    let (died, before) = (world.now, world.led.len());
    world.processes[leader].call += 1;
    world.run(120 * SECOND).unwrap();
    // Then the other leads, not before the lease has run out, and soon after
    let took_over = world.led[before] - died;
    assert!((10 * SECOND..18 * SECOND).contains(&took_over), "{took_over}");
    assert_eq!(world.leaders(), 1);
}
