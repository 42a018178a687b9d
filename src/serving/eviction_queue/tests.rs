use super::*;

const GRACE: Duration = Duration::from_secs(1);

/// A queue, and a clock that advances by a second with every event.
struct Scene {
    queue: EvictionQueue<&'static str>,
    now: Instant,
}

impl Scene {
    fn new() -> Self {
        Self { queue: EvictionQueue::default(), now: Instant::now() }
    }

    fn advance(&mut self, duration: Duration) {
        self.now += duration;
    }

    fn connect(&mut self, name: &'static str) -> u64 {
        self.advance(GRACE);
        self.queue.add(name, self.now)
    }

    fn begin_request(&mut self, id: u64) {
        self.advance(GRACE);
        self.queue.update(id, self.now, |activity| {
            activity.had_request = true;
            activity.receiving += 1;
        });
    }

    fn complete_body(&mut self, id: u64) {
        self.advance(GRACE);
        self.queue.update(id, self.now, |activity| {
            activity.receiving -= 1;
            activity.answering += 1;
        });
    }

    fn answer(&mut self, id: u64) {
        self.advance(GRACE);
        self.queue.update(id, self.now, |activity| activity.answering -= 1);
    }

    fn connect_and_become_idle(&mut self, name: &'static str) -> u64 {
        let id = self.connect(name);
        self.begin_request(id);
        self.complete_body(id);
        self.answer(id);
        id
    }

    /// Evicts in order, until no connection can be evicted.
    fn evict_all(&mut self) -> Vec<(&'static str, EvictionRank)> {
        std::iter::from_fn(|| self.queue.evict(self.now, GRACE)).collect()
    }
}

#[test]
fn silent_connections_go_before_idle_ones_and_these_before_senders() {
    let mut scene = Scene::new();
    let sending = scene.connect("sending");
    scene.begin_request(sending);
    scene.connect_and_become_idle("idle");
    scene.connect_and_become_idle("idle later");
    scene.connect("silent");
    scene.connect("silent later");
    scene.advance(GRACE);
    let order = [
        ("silent", EvictionRank::Silent),
        ("silent later", EvictionRank::Silent),
        ("idle", EvictionRank::Idle),
        ("idle later", EvictionRank::Idle),
        ("sending", EvictionRank::Sending),
    ];
    assert_eq!(scene.evict_all(), order);
    assert_eq!(scene.queue.len(), 0);
}

#[test]
fn a_connection_that_waits_for_an_answer_stays() {
    let mut scene = Scene::new();
    let busy = scene.connect("busy");
    scene.begin_request(busy);
    scene.complete_body(busy);
    // Over HTTP/2 another request may be arriving at the same time.
    scene.begin_request(busy);
    scene.advance(10 * GRACE);
    assert_eq!(scene.evict_all(), []);
    assert_eq!(scene.queue.len(), 1);
}

#[test]
fn a_new_request_moves_a_connection_to_the_end_of_the_idle_ones() {
    let mut scene = Scene::new();
    let first = scene.connect_and_become_idle("first");
    scene.connect_and_become_idle("second");
    scene.begin_request(first);
    scene.complete_body(first);
    scene.answer(first);
    assert_eq!(scene.evict_all(), [("second", EvictionRank::Idle), ("first", EvictionRank::Idle)]);
}

#[test]
fn a_new_connection_goes_after_the_idle_ones() {
    let mut scene = Scene::new();
    scene.connect_and_become_idle("idle");
    scene.connect("new");
    assert_eq!(scene.evict_all(), [("idle", EvictionRank::Idle), ("new", EvictionRank::Silent)]);
}

#[test]
fn a_request_has_the_grace_period_to_arrive() {
    let mut scene = Scene::new();
    let sending = scene.connect("sending");
    scene.begin_request(sending);
    assert_eq!(scene.evict_all(), []);
    scene.advance(GRACE);
    assert_eq!(scene.evict_all(), [("sending", EvictionRank::Sending)]);
}

#[test]
fn a_closed_connection_is_forgotten() {
    let mut scene = Scene::new();
    let gone = scene.connect_and_become_idle("gone");
    scene.connect_and_become_idle("here");
    scene.queue.remove(gone);
    scene.queue.remove(gone);
    scene.begin_request(gone);
    assert_eq!(scene.queue.len(), 1);
    assert_eq!(scene.evict_all(), [("here", EvictionRank::Idle)]);
}
