//! What tests may assume of every call's events, and short ways to say what one call did.

use serde_json::Value;
use std::collections::BTreeMap;

/// The events of one call, in order. Made only after the invariants were checked.
pub struct Story {
    events: Vec<Value>,
}

impl Story {
    /// The one call in these events; everything that is not about a call is left aside.
    pub fn single(events: &[Value]) -> Self {
        let mut all = Self::all(events);
        assert_eq!(all.len(), 1, "one call expected:\n{}", rows(events));
        all.remove(0)
    }

    /// Every call, in order of their first events.
    pub fn all(events: &[Value]) -> Vec<Self> {
        let mut order = Vec::new();
        let mut calls: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for event in events {
            let Some(id) = call_of(event) else { continue };
            if !calls.contains_key(&id) {
                order.push(id.clone());
            }
            calls.entry(id).or_default().push(event.clone());
        }
        let of = |id: &String| Self { events: calls[id].clone() };
        let stories: Vec<Self> = order.iter().map(of).collect();
        stories.iter().for_each(Self::assert_invariants);
        stories
    }

    pub fn kinds(&self) -> Vec<&str> {
        self.events.iter().map(|e| e["k"].as_str().unwrap()).collect()
    }

    /// Kinds without their `call.` and `outbound.`, in one line, as a person would tell it.
    #[track_caller]
    pub fn assert_is(&self, told: &str) -> &Self {
        let told: Vec<&str> = told.split_whitespace().collect();
        let short = |k: &&str| k.trim_start_matches("call.").to_owned();
        let seen: Vec<String> = self.kinds().iter().map(short).collect();
        assert_eq!(seen, told, "\n{}", rows(&self.events));
        self
    }

    /// The call after its last event.
    pub fn call(&self) -> &Value {
        let mut calls =
            self.events.iter().filter(|e| e["k"].as_str().unwrap().starts_with("call."));
        &calls.next_back().expect("an event of the call itself")["o"]
    }

    pub fn of_kind(&self, kind: &str) -> &Value {
        self.events
            .iter()
            .find(|e| e["k"] == kind)
            .unwrap_or_else(|| panic!("no {kind} in\n{}", rows(&self.events)))
    }

    pub fn events(&self) -> &[Value] {
        &self.events
    }

    /// Who ended it and why.
    #[track_caller]
    pub fn assert_ended(&self, released_by: &str, csta: &str) -> &Self {
        let call = self.call();
        let seen = (call["released_by"].as_str(), call["cause"]["csta"].as_str());
        assert_eq!(seen, (Some(released_by), Some(csta)), "{call}");
        self
    }

    #[track_caller]
    pub fn assert_ms(&self, field: &str, around: u64, tolerance: u64) -> &Self {
        let seen = self.call()[field].as_u64();
        let near = seen.is_some_and(|ms| ms.abs_diff(around) <= tolerance);
        assert!(near, "{field} is {seen:?}, not {around} +- {tolerance} ms\n{}", self.call());
        self
    }

    fn assert_invariants(&self) {
        let table = rows(&self.events);
        let count = |kind: &str| self.events.iter().filter(|e| e["k"] == kind).count();
        let last = self.events.last().unwrap();
        if count("call.cleared") > 0 {
            assert_eq!(count("call.cleared"), 1, "cleared once\n{table}");
            assert_eq!(last["k"], "call.cleared", "cleared comes last\n{table}");
            self.assert_every_leg_ends_once(&table);
        }
        let mut revision = 0;
        for event in self.events.iter().filter(|e| e["k"].as_str().unwrap().starts_with("call.")) {
            let rev = event["o"]["rev"].as_u64().unwrap_or(0);
            assert!(rev > revision, "rev grows with each change\n{table}");
            revision = rev;
        }
        for kind in ["call.delivered", "call.established"] {
            let mut legs: Vec<&Value> = Vec::new();
            for event in self.events.iter().filter(|e| e["k"] == kind) {
                let leg = &event["d"]["leg"];
                assert!(!legs.contains(&leg), "{kind} twice on leg {leg}\n{table}");
                legs.push(leg);
            }
        }
        let at = |kind: &str, leg: &Value| {
            let of_leg = |e: &&Value| e["k"] == kind && e["d"]["leg"] == *leg;
            self.events.iter().find(of_leg)?["d"]["pbx_time"].as_str().map(instant)
        };
        for leg in self.events.iter().map(|e| &e["d"]["leg"]).filter(|leg| leg.is_string()) {
            if let (Some(ring), Some(answer)) =
                (at("call.delivered", leg), at("call.established", leg))
            {
                assert!(answer >= ring, "leg {leg} answered before it rang\n{table}");
            }
        }
    }

    fn assert_every_leg_ends_once(&self, table: &str) {
        let cleared = self.events.iter().filter(|e| e["k"] == "call.connection_cleared");
        let mut ended: Vec<&str> = cleared.filter_map(|e| e["d"]["leg"].as_str()).collect();
        ended.sort_unstable();
        let call = &self.events.last().unwrap()["o"];
        // A leg that has no end was never asked (a refused call has no callee yet).
        let legs = call["legs"].as_array().into_iter().flatten();
        let had = legs.filter(|l| l["ended"].is_object()).filter_map(|l| l["id"].as_str());
        let mut had: Vec<&str> = had.collect();
        had.sort_unstable();
        assert!(!had.is_empty(), "a call has a leg\n{table}");
        assert_eq!(ended, had, "every leg ends in exactly one connection_cleared\n{table}");
    }
}

/// An RFC 3339 text as microseconds.
#[track_caller]
pub fn instant(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap_or_else(|e| panic!("{text}: {e}")).as_microsecond()
}

/// A moment's field in microseconds.
#[track_caller]
pub fn moment(value: &Value, field: &str) -> i64 {
    instant(value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}")))
}

fn call_of(event: &Value) -> Option<String> {
    let kind = event["k"].as_str()?;
    let id = match kind.split('.').next()? {
        "call" => event["o"]["id"].as_str(),
        // The request shows the call, the answer shows the decision.
        "outbound" => event["o"]["call_id"].as_str().or(event["o"]["id"].as_str()),
        _ => None,
    };
    id.map(str::to_owned)
}

fn rows(events: &[Value]) -> String {
    let row = |e: &Value| format!("{} {} {}", e["pos"], e["k"], e["d"]);
    events.iter().map(row).collect::<Vec<_>>().join("\n")
}
