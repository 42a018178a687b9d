use super::*;

const GRACE: Duration = Duration::from_secs(1);

/// A line, and a clock that goes on by a second with everything that happens.
struct Scene {
    line: Line<&'static str>,
    now: Instant,
}

impl Scene {
    fn new() -> Self {
        Self { line: Line::default(), now: Instant::now() }
    }

    fn passes(&mut self, duration: Duration) {
        self.now += duration;
    }

    fn comes(&mut self, name: &'static str) -> u64 {
        self.passes(GRACE);
        self.line.join(name, self.now)
    }

    fn asks(&mut self, number: u64) {
        self.passes(GRACE);
        self.line.change(number, self.now, |doing| {
            doing.asked = true;
            doing.sending += 1;
        });
    }

    fn has_sent(&mut self, number: u64) {
        self.passes(GRACE);
        self.line.change(number, self.now, |doing| {
            doing.sending -= 1;
            doing.answering += 1;
        });
    }

    fn is_answered(&mut self, number: u64) {
        self.passes(GRACE);
        self.line.change(number, self.now, |doing| doing.answering -= 1);
    }

    fn comes_and_is_idle(&mut self, name: &'static str) -> u64 {
        let number = self.comes(name);
        self.asks(number);
        self.has_sent(number);
        self.is_answered(number);
        number
    }

    /// All that leave, in order, until none can.
    fn leave(&mut self) -> Vec<(&'static str, Rank)> {
        std::iter::from_fn(|| self.line.show_one_out(self.now, GRACE)).collect()
    }
}

#[test]
fn the_silent_leave_before_the_idle_and_these_before_those_who_send() {
    let mut scene = Scene::new();
    let sending = scene.comes("sending");
    scene.asks(sending);
    scene.comes_and_is_idle("idle");
    scene.comes_and_is_idle("idle later");
    scene.comes("silent");
    scene.comes("silent later");
    scene.passes(GRACE);
    let order = [
        ("silent", Rank::Silent),
        ("silent later", Rank::Silent),
        ("idle", Rank::Idle),
        ("idle later", Rank::Idle),
        ("sending", Rank::Sending),
    ];
    assert_eq!(scene.leave(), order);
    assert_eq!(scene.line.len(), 0);
}

#[test]
fn who_waits_for_an_answer_stays() {
    let mut scene = Scene::new();
    let busy = scene.comes("busy");
    scene.asks(busy);
    scene.has_sent(busy);
    // Over HTTP/2 it may be sending something else at the same time.
    scene.asks(busy);
    scene.passes(10 * GRACE);
    assert_eq!(scene.leave(), []);
    assert_eq!(scene.line.len(), 1);
}

#[test]
fn who_has_asked_again_has_been_idle_the_shortest() {
    let mut scene = Scene::new();
    let first = scene.comes_and_is_idle("first");
    scene.comes_and_is_idle("second");
    scene.asks(first);
    scene.has_sent(first);
    scene.is_answered(first);
    assert_eq!(scene.leave(), [("second", Rank::Idle), ("first", Rank::Idle)]);
}

#[test]
fn who_has_just_come_leaves_after_the_idle() {
    let mut scene = Scene::new();
    scene.comes_and_is_idle("idle");
    scene.comes("just come");
    assert_eq!(scene.leave(), [("idle", Rank::Idle), ("just come", Rank::Silent)]);
}

#[test]
fn what_is_just_being_sent_is_waited_for() {
    let mut scene = Scene::new();
    let sending = scene.comes("sending");
    scene.asks(sending);
    assert_eq!(scene.leave(), []);
    scene.passes(GRACE);
    assert_eq!(scene.leave(), [("sending", Rank::Sending)]);
}

#[test]
fn who_has_left_is_forgotten() {
    let mut scene = Scene::new();
    let gone = scene.comes_and_is_idle("gone");
    scene.comes_and_is_idle("here");
    scene.line.leave(gone);
    scene.line.leave(gone);
    scene.asks(gone);
    assert_eq!(scene.line.len(), 1);
    assert_eq!(scene.leave(), [("here", Rank::Idle)]);
}
