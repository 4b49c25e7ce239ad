//! A person at a desktop: gives orders, sees their results and what they lead to.

use crate::place::Place;
use crate::support::Desk;
use serde_json::{Value, json};
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(20);

fn token(place: &Place, agent: &str, device: &str, clock: &[&str]) -> String {
    let mint = ["token", "mint", "--subject", agent, "--agent", agent, "--devices", device];
    let minted = place.site.run(&[mint.as_slice(), &["--role", "agent"], clock].concat());
    String::from_utf8(minted.stdout).unwrap().trim().to_owned()
}

/// A desktop of an agent, that at 1001 unless another is named.
pub struct Desktop {
    desk: Desk,
    orders: u32,
    /// Events that were taken.
    taken: usize,
}

impl Desktop {
    pub fn open(place: &Place) -> Self {
        Self::of(place, "alice", "1001")
    }

    /// That of another agent.
    pub fn of(place: &Place, agent: &str, device: &str) -> Self {
        let token = token(place, agent, device, &[]);
        Self::live(Desk::agent(place.site.net.http(), &token, json!([])))
    }

    /// Alice's, at a site whose clock is not the machine's.
    pub fn at(place: &Place, clock: &str) -> Self {
        let token = token(place, "alice", "1001", &["--at", clock]);
        Self::live(Desk::agent(place.site.net.http(), &token, json!([])))
    }

    /// One that is connected and does not answer.
    pub fn frozen(place: &Place, agent: &str, device: &str) -> Self {
        let token = token(place, agent, device, &[]);
        Self::live(Desk::frozen(place.site.net.http(), &token))
    }

    fn live(mut desk: Desk) -> Self {
        desk.expect("welcome", WITHIN, |frame| frame["t"] == "welcome");
        Self { desk, orders: 0, taken: 0 }
    }

    /// Has answered a heartbeat: what it was shown is confirmed.
    pub fn confirms(&mut self) {
        self.desk.expect("a heartbeat", WITHIN, |frame| frame["t"] == "hb");
    }

    /// Gives an order; the next `result` is its own.
    pub fn say(&mut self, op: &str, target: Value, args: Value) -> String {
        self.orders += 1;
        let id = format!("0198c0de-0000-7000-8000-{:012x}", self.orders);
        self.desk.say(json!({"t": "cmd", "id": id, "op": op, "target": target, "args": args}));
        id
    }

    /// The result of an order.
    pub fn result(&mut self, id: &str) -> Value {
        let done = |f: &Value| f["t"] == "result" && f["id"] == id || f["ref"] == id;
        self.desk.expect("a result", WITHIN, done)
    }

    /// Gives an order and hears its result.
    pub fn asks(&mut self, op: &str, target: Value, args: Value) -> Value {
        let id = self.say(op, target, args);
        self.result(&id)
    }

    /// An order about a call that the PBX takes; the order's id.
    #[track_caller]
    pub fn orders(&mut self, op: &str, call: &Value, args: Value) -> String {
        let result = self.asks(op, json!({"call": call["id"]}), args);
        assert_eq!(result["status"], "ok", "{op}: {result}");
        result["id"].as_str().unwrap().to_owned()
    }

    /// The next event of this kind; the entity after it.
    pub fn sees(&mut self, kind: &str) -> Value {
        self.sees_like(kind, |_| true)
    }

    /// The next event of this kind whose entity is like that.
    pub fn sees_like(&mut self, kind: &str, like: impl Fn(&Value) -> bool) -> Value {
        let fits = |f: &Value| f["k"] == kind && like(&f["o"]);
        let old = self.desk.seen()[self.taken..].iter().position(fits);
        let (at, frame) = match old {
            Some(at) => (self.taken + at, self.desk.seen()[self.taken + at].clone()),
            None => {
                let frame = self.desk.expect(kind, WITHIN, fits);
                (self.desk.seen().len() - 1, frame)
            }
        };
        self.taken = at + 1;
        frame["o"].clone()
    }
}
