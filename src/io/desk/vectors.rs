//! The transcripts in `proto/vectors`, which every client plays: this server reads what the desks
//! in them say, and writes what the servers in them say.
#![allow(clippy::unwrap_used)]

use super::frames;
use super::hello::{Incoming, parse};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::Path;
use trunkline_core::model::{EventKind, Named as _, Pos};
use trunkline_core::wire::{frame_to_json, pb};

/// The only transcript in which a server says what no server of this version would.
const STRANGE: &str = "unknown.json";

/// Each step with the name of its file.
fn steps() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/vectors");
    let mut steps = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if !name.ends_with(".json") {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let vector: Value = serde_json::from_str(&text).unwrap();
        for (n, step) in vector["steps"].as_array().unwrap().iter().enumerate() {
            steps.push((format!("{name} step {}", n + 1), step.clone()));
        }
    }
    steps
}

fn frames_of(who: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (place, step) in steps() {
        let Some(frame) = step.get(who) else { continue };
        match frame["t"].as_str() {
            Some("batch") => {
                let items = frame["items"].as_array().unwrap();
                found.extend(items.iter().map(|item| (place.clone(), item.clone())));
            }
            _ => found.push((place, frame.clone())),
        }
    }
    found
}

/// Without members that hold a default value.
fn plain(value: &Value) -> Value {
    let empty = |v: &Value| match v {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Number(n) => n.as_u64() == Some(0),
        Value::String(s) => s.is_empty(),
        Value::Array(a) => a.is_empty(),
        Value::Object(o) => o.is_empty(),
    };
    match value {
        Value::Object(object) => {
            let members = object.iter().map(|(k, v)| (k.clone(), plain(v)));
            Value::Object(members.filter(|(_, v)| !empty(v)).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        other => other.clone(),
    }
}

/// The frame as this server writes it after it has read it.
fn again<T: Serialize + DeserializeOwned>(frame: &Value) -> Value {
    let read: T = serde_json::from_str(&frame.to_string()).unwrap();
    serde_json::from_str(&frame_to_json(frame["t"].as_str().unwrap_or_default(), &read)).unwrap()
}

fn entity<T: Serialize + DeserializeOwned>(frame: &Value) -> Value {
    let read: T = serde_json::from_str(&frame["o"].to_string()).unwrap();
    serde_json::to_value(&read).unwrap()
}

fn ev(frame: &Value) -> Option<Value> {
    let mut written = frame.clone();
    let kind = frame["k"].as_str().unwrap();
    assert!(EventKind::parse_name(kind).is_some(), "{kind} is no kind of event");
    written["o"] = match kind.split('.').next().unwrap() {
        "call" => entity::<pb::Call>(frame),
        "agent" => entity::<pb::Agent>(frame),
        "line" => entity::<pb::Line>(frame),
        "duty" => entity::<pb::Duty>(frame),
        "link" => entity::<pb::Link>(frame),
        "outbound" => entity::<pb::Decision>(frame),
        "system" => entity::<pb::SystemStatus>(frame),
        _ => return None,
    };
    if let Some(detail) = frame.get("d") {
        let read: pb::Detail = serde_json::from_str(&detail.to_string()).unwrap();
        written["d"] = serde_json::to_value(&read).unwrap();
    }
    Some(written)
}

fn text_of(message: &tokio_tungstenite::tungstenite::Message) -> Value {
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

/// What this server's own functions write for the same facts, where they need no more than these.
fn written(frame: &Value) -> Option<Value> {
    let text = |name: &str| frame[name].as_str().unwrap();
    let number = |name: &str| u32::try_from(frame[name].as_u64().unwrap()).unwrap();
    let pos = |name: &str| text(name).parse().map(Pos);
    Some(text_of(&match text("t") {
        "hb" => frames::hb(pos("pos").ok()?, number("n"), text("health")),
        "replayed" if frame.get("kept").is_none() => {
            frames::replayed(pos("from").unwrap(), pos("to").unwrap(), number("count"), None)
        }
        "goaway" => frames::goaway(text("why"), number("after_ms"), number("spread_ms")),
        _ => return None,
    }))
}

#[test]
fn what_the_servers_of_the_transcripts_say_is_what_this_one_writes() {
    let mut compared = 0;
    for (place, frame) in frames_of("server") {
        if place.starts_with(STRANGE) {
            continue;
        }
        let again = match frame["t"].as_str().unwrap() {
            "welcome" => again::<pb::Welcome>(&frame),
            "sub.ok" => again::<pb::SubOk>(&frame),
            "snap" => again::<pb::Snap>(&frame),
            "replayed" => again::<pb::Replayed>(&frame),
            "hb" => again::<pb::Hb>(&frame),
            "goaway" => again::<pb::GoAway>(&frame),
            "ack" => again::<pb::Ack>(&frame),
            "result" => again::<pb::CommandResult>(&frame),
            "err" => {
                let mut written = again::<pb::Err>(&frame);
                written["details"] = frame["details"].clone(); // an entity as it is
                written
            }
            "ev" => ev(&frame).unwrap_or_else(|| panic!("{place}: whose entity is this?")),
            "gone" => again::<pb::Gone>(&frame),
            "scope" => again::<pb::Scope>(&frame),
            "count" => again::<pb::Count>(&frame),
            "auth.expiring" => again::<pb::AuthExpiring>(&frame),
            "auth.ok" => again::<pb::AuthOk>(&frame),
            other => panic!("{place}: no frame is called {other}"),
        };
        assert_eq!(plain(&again), plain(&frame), "{place}");
        if let Some(written) = written(&frame) {
            assert_eq!(written, frame, "{place}");
        }
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn what_the_desks_of_the_transcripts_say_is_understood() {
    let mut hellos = 0;
    for (place, frame) in frames_of("client") {
        let read = parse(&frame.to_string()).unwrap_or_else(|bad| panic!("{place}: {bad:?}"));
        match (frame["t"].as_str().unwrap(), read) {
            ("hello", Incoming::Hello(hello)) => {
                hellos += 1;
                let auth = |name: &str| frame["auth"][name].as_str().unwrap_or_default();
                assert_eq!((&*hello.token, &*hello.ticket), (auth("token"), auth("ticket")));
                let subs: Vec<_> = frame["subs"].as_array().unwrap().iter().collect();
                assert_eq!(hello.subs.len(), subs.len(), "{place}");
                assert!(hello.subs.iter().zip(subs).all(|(a, b)| b["topic"] == a.topic), "{place}");
                let resume = hello.resume.map(|r| (r.epoch, r.pos.to_string(), r.scope));
                let said = frame.get("resume").map(|r| {
                    let text = |name: &str| r[name].as_str().unwrap().to_owned();
                    (text("epoch"), text("pos"), text("scope"))
                });
                assert_eq!(resume, said, "{place}");
                let pending: Vec<_> = hello.pending.iter().map(ToString::to_string).collect();
                let said = frame["pending"].as_array().cloned().unwrap_or_default();
                assert_eq!(said, pending, "{place}");
            }
            ("cmd", Incoming::Command(cmd)) => {
                let text = frame_to_json("cmd", &*cmd);
                let mut written: Value = serde_json::from_str(&text).unwrap();
                // Milliseconds there, microseconds here.
                let end = |v: &Value| v.as_str().unwrap().trim_end_matches(['0', 'Z']).to_owned();
                assert_eq!(end(&written["not_after"]), end(&frame["not_after"]), "{place}");
                written["not_after"] = frame["not_after"].clone();
                assert_eq!(plain(&written), plain(&frame), "{place}");
            }
            ("hb", Incoming::Heartbeat(_)) => {}
            ("sub", Incoming::Sub(sub)) => {
                assert_eq!((&frame["id"], &frame["topic"]), (&sub.id.into(), &sub.topic.into()));
            }
            ("unsub", Incoming::Unsub(id)) => assert_eq!(frame["id"], id, "{place}"),
            ("auth.refresh", Incoming::Refresh(token)) => assert_eq!(frame["token"], token),
            (t, other) => panic!("{place}: {t} was read as {other:?}"),
        }
    }
    assert!(hellos > 30, "{hellos}");
}
