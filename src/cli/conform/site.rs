//! The scripted site: its log's positions, and what it shows.

use serde_json::{Value, json};

/// Where the log begins.
const BEGINS: u64 = 4_711;
/// Between heartbeats; short, so that the check is.
pub(super) const HB_MS: u64 = 1_000;

/// What the scripted server says of itself.
#[derive(Debug)]
pub(super) struct Site {
    /// Incarnations of the log so far.
    epochs: u64,
    scopes: u64,
    pos: u64,
    calls: u64,
    sockets: u64,
}

/// What a `welcome` says of `resume`.
#[derive(Clone, Debug)]
pub(super) struct Welcome {
    pub resumed: bool,
    pub why: &'static str,
    /// What became of the commands in `pending`.
    pub commands: Vec<Value>,
}

impl Welcome {
    pub fn anew(why: &'static str) -> Self {
        Self { resumed: false, why, commands: Vec::new() }
    }

    pub fn resumed() -> Self {
        Self { resumed: true, why: "ok", commands: Vec::new() }
    }
}

impl Site {
    pub fn new() -> Self {
        Self { epochs: 1, scopes: 1, pos: BEGINS, calls: 0, sockets: 0 }
    }

    pub fn epoch(&self) -> String {
        format!("7d1f0c52-6a3e-4f0b-9a65-{:012x}", self.epochs)
    }

    pub fn scope(&self) -> String {
        format!("5be0c3a1{:08x}", self.scopes)
    }

    pub fn pos(&self) -> String {
        self.pos.to_string()
    }

    /// Something happens that this client may not see, and then something that it may.
    pub fn advance(&mut self) -> String {
        self.pos += 3;
        self.pos()
    }

    /// Another log, whose positions begin anew.
    pub fn new_epoch(&mut self) {
        self.epochs += 1;
        self.pos = 12;
    }

    pub fn new_scope(&mut self) {
        self.scopes += 1;
    }

    pub fn welcome(&mut self, hello: &Value, how: &Welcome) -> Value {
        self.sockets += 1;
        let now = jiff::Timestamp::now();
        let hour = now + jiff::SignedDuration::from_hours(1);
        let mut frame = json!({
            "t": "welcome", "conn": format!("conform-{}", self.sockets), "epoch": self.epoch(),
            "pos": self.pos(), "resumed": how.resumed, "why": how.why, "scope": self.scope(),
            "hb_ms": HB_MS,
            "limits": { "message_bytes_max": 16384, "subs_max": 16, "queue_bytes_max": 262_144 },
            "auth_exp": micros(hour), "time": micros(now), "health": "enabled",
        });
        if let Some(pending) = hello["pending"].as_array() {
            // What no case speaks of has been carried out.
            let mut commands = how.commands.clone();
            let told: Vec<Value> = commands.iter().map(|command| command["id"].clone()).collect();
            let others = pending.iter().filter(|id| !told.contains(id));
            commands.extend(others.map(|id| json!({ "id": id, "status": "ok", "call_id": "" })));
            frame["commands"] = Value::Array(commands);
        }
        frame
    }

    /// A call rings at the client's telephone; a new one each time.
    pub fn call(&mut self, pos: &str) -> Value {
        self.calls += 1;
        let now = micros(jiff::Timestamp::now());
        let id = format!("0198c0de-0000-7000-8000-{:012x}", self.calls);
        let party =
            |masked: &str| json!({ "masked": masked, "ref": "9f000000000000000000000000000001" });
        let moment = json!({ "pbx_time": now, "observed_at": now, "time_quality": "measured" });
        json!({
            "t": "ev", "pos": pos, "ts": now, "k": "call.delivered",
            "o": {
                "id": id, "rev": 2, "tenant": "conform", "site": "conform",
                "direction": "inbound", "state": "alerting", "from": party("138****8000"),
                "to": party("1001"), "dialed": party("1001"), "trunk": "north", "thread_id": id,
                "started": moment, "alerting": moment, "device": "1001",
            },
        })
    }

    /// The agent of the client.
    pub fn agent(&self, state: &str, rev: u64) -> Value {
        json!({
            "id": "agent1", "rev": rev, "name": "agent1", "device": "1001", "pbx": "virtual",
            "queues": ["support"], "state": state, "since": micros(jiff::Timestamp::now()),
            "work_mode": "auto_in", "changed_by": "agent", "desk": "online",
        })
    }

    /// The agent works after a call until the deadline.
    pub fn wrap_up(&self, pos: &str, call: &str, deadline: jiff::Timestamp) -> Value {
        let mut agent = self.agent("working_after_call", 4);
        agent["wrap_up_deadline"] = json!(micros(deadline));
        agent["last_call_id"] = json!(call);
        agent["changed_by"] = json!("pbx");
        let ts = micros(jiff::Timestamp::now());
        json!({ "t": "ev", "pos": pos, "ts": ts, "k": "agent.working_after_call", "o": agent })
    }
}

/// RFC 3339 with microseconds, as the server writes it.
pub(super) fn micros(at: jiff::Timestamp) -> String {
    format!("{at:.6}")
}
