//! Many calls from one address: each is made, held and hung up.

use super::{Dialog, Ua};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Calls that are made at a steady rate.
pub struct Load {
    ua: Ua,
    user: &'static str,
    number: &'static str,
    calls: BTreeMap<String, Call>,
    made: usize,
    name: String,
    repeated: Instant,
}

struct Call {
    dialog: Dialog,
    stage: Stage,
    asked: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Asked,
    Talking,
    Ending,
    Over,
    Refused(String),
}

/// A request without an answer is sent again after this (RFC 3261 timers A and E are finer).
const REPEAT: Duration = Duration::from_millis(1500);

impl Load {
    pub fn new(ua: Ua, user: &'static str, number: &'static str, name: &str) -> Self {
        let name = name.to_owned();
        let (calls, repeated) = (BTreeMap::new(), Instant::now());
        Self { ua, user, number, calls, made: 0, name, repeated }
    }

    /// Makes `count` calls, so many a second; `at` hears the number of each before it is made.
    pub fn make(&mut self, count: usize, per_second: u32, mut at: impl FnMut(usize)) {
        let started = Instant::now();
        for index in 0..count {
            let due = started + Duration::from_secs(1) * index as u32 / per_second;
            while Instant::now() < due {
                self.hear(due.saturating_duration_since(Instant::now()));
            }
            at(index);
            self.call();
        }
    }

    /// Makes `count` calls, so many a second, and hangs each up `hold` later; `at` hears the
    /// number of each before it is made.
    pub fn run(
        &mut self,
        count: usize,
        per_second: u32,
        hold: Duration,
        mut at: impl FnMut(usize),
    ) {
        let started = Instant::now();
        let mut ends: VecDeque<(Instant, String)> = VecDeque::new();
        for index in 0..count {
            let due = started + Duration::from_secs(1) * index as u32 / per_second;
            while Instant::now() < due {
                self.hear(due.saturating_duration_since(Instant::now()));
            }
            at(index);
            let id = self.call();
            ends.push_back((Instant::now() + hold, id));
            self.end_those_due(&mut ends);
        }
        while !ends.is_empty() {
            self.hear(Duration::from_millis(10));
            self.end_those_due(&mut ends);
        }
        self.until(hold.max(Duration::from_secs(30)), |stage| *stage != Stage::Ending);
    }

    fn end_those_due(&mut self, ends: &mut VecDeque<(Instant, String)>) {
        let now = Instant::now();
        while let Some((_, id)) = ends.pop_front_if(|(due, _)| *due <= now) {
            match self.calls[&id].stage {
                Stage::Talking => self.end(&id),
                Stage::Asked => ends.push_back((now + REPEAT, id)),
                Stage::Ending | Stage::Over | Stage::Refused(_) => {}
            }
        }
    }

    fn call(&mut self) -> String {
        self.made += 1;
        let name = format!("{}{}", self.name, self.made);
        let dialog = Dialog::caller(&self.ua, self.user, self.number, &name);
        self.ua.send(&dialog.invite());
        let call = Call { dialog, stage: Stage::Asked, asked: Instant::now() };
        let id = call.dialog.call_id().to_owned();
        self.calls.insert(id.clone(), call);
        id
    }

    fn end(&mut self, id: &str) {
        let call = self.calls.get_mut(id).unwrap();
        let bye = call.dialog.next("BYE", "");
        (call.stage, call.asked) = (Stage::Ending, Instant::now());
        self.ua.send(&bye);
    }

    /// Hears answers for so long; true if something came.
    pub fn hear(&mut self, wait: Duration) -> bool {
        let Some(message) = self.ua.receive(wait.min(Duration::from_millis(20))) else {
            if self.repeated.elapsed() > REPEAT / 4 {
                self.repeated = Instant::now();
                self.repeat();
            }
            return false;
        };
        let Some(call) = self.calls.get_mut(&message.value("Call-ID")) else { return true };
        let status = message.first_line().get(8..11).unwrap_or("").to_owned();
        match (message.value("CSeq").ends_with("INVITE"), status.as_bytes().first()) {
            (_, Some(b'1')) | (_, None) => {}
            (true, Some(b'2')) => {
                if call.stage == Stage::Asked {
                    call.stage = Stage::Talking;
                    call.dialog.confirm(&message);
                }
                self.ua.send(&call.dialog.ack());
            }
            (true, _) => {
                self.ua.send(&call.dialog.ack_refusal(&message));
                if call.stage == Stage::Asked {
                    call.stage = Stage::Refused(status);
                }
            }
            (false, Some(b'2')) => call.stage = Stage::Over,
            (false, _) => call.stage = Stage::Refused(format!("BYE {status}")),
        }
        true
    }

    /// UDP may lose a datagram when a machine is busy: asked again, as a user agent does.
    fn repeat(&mut self) {
        let now = Instant::now();
        for call in self.calls.values_mut().filter(|c| c.asked + REPEAT < now) {
            call.asked = now;
            match call.stage {
                Stage::Asked => {
                    self.ua.send(&call.dialog.invite());
                }
                Stage::Ending => {
                    let bye = call.dialog.again("BYE");
                    self.ua.send(&bye);
                }
                Stage::Talking | Stage::Over | Stage::Refused(_) => {}
            }
        }
    }

    /// Hears until every call was answered or refused.
    pub fn until_answered(&mut self, within: Duration) {
        self.until(within, |stage| *stage != Stage::Asked);
    }

    /// Hangs up every call that is answered, so many a second at most.
    pub fn hang_up(&mut self, per_second: u32, within: Duration) {
        let talking: Vec<String> = self.in_stage(&Stage::Talking);
        let started = Instant::now();
        for (index, id) in talking.iter().enumerate() {
            let due = started + Duration::from_secs(1) * index as u32 / per_second;
            while Instant::now() < due {
                self.hear(due.saturating_duration_since(Instant::now()));
            }
            self.end(id);
        }
        self.until(within, |stage| *stage != Stage::Ending);
    }

    fn until(&mut self, within: Duration, done: impl Fn(&Stage) -> bool) {
        let deadline = Instant::now() + within;
        while !self.calls.values().all(|c| done(&c.stage)) {
            // All that is there, before thousands of calls are looked through again.
            while self.hear(Duration::from_millis(20)) {}
            assert!(Instant::now() < deadline, "calls wait on: {:?}", self.stages());
        }
    }

    fn in_stage(&self, stage: &Stage) -> Vec<String> {
        let such = self.calls.iter().filter(|(_, c)| c.stage == *stage);
        such.map(|(id, _)| id.clone()).collect()
    }

    /// Calls that talk.
    pub fn talking(&self) -> Vec<String> {
        self.in_stage(&Stage::Talking)
    }

    /// Calls that were answered and hung up.
    pub fn over(&self) -> usize {
        self.in_stage(&Stage::Over).len()
    }

    /// Statuses of the calls that were refused.
    pub fn refused(&self) -> Vec<String> {
        let status = |c: &Call| match &c.stage {
            Stage::Refused(status) => Some(status.clone()),
            _ => None,
        };
        self.calls.values().filter_map(status).collect()
    }

    fn stages(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in self.calls.values() {
            *counts.entry(format!("{:?}", call.stage)).or_default() += 1;
        }
        counts
    }
}
