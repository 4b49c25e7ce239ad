//! The transcripts in `proto/vectors`, which every client plays: this server reads what the desks
//! in them say, and writes what the servers in them say.
#![allow(clippy::unwrap_used)]

use super::frames;
use super::hello::{Incoming, parse, parse_binary};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use std::path::{Path, PathBuf};
use trunkline_core::model::{EventKind, Named as _, Pos};
use trunkline_core::wire::{Codec, DeskFrame, pb, read_frame, write_frame};

#[path = "../../../tests/support/desk_frame.rs"]
mod desk_frame;
use desk_frame::frame_of;

/// The only transcript in which a server says what no server of this version would.
const STRANGE: &str = "unknown.json";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/vectors")
}

/// All transcripts with the names of their files.
fn vectors() -> Vec<(String, Value)> {
    let mut vectors = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if name.ends_with(".json") {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            vectors.push((name, serde_json::from_str(&text).unwrap()));
        }
    }
    vectors
}

/// Each step with the name of its file.
fn steps() -> Vec<(String, Value)> {
    let mut steps = Vec::new();
    for (name, vector) in vectors() {
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

/// Without members that hold a default value; times without zeros at their end.
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
        Value::String(text) => match text.parse::<jiff::Timestamp>() {
            Ok(time) => time.to_string().into(),
            Err(_) => value.clone(),
        },
        other => other.clone(),
    }
}

/// The frame as this server writes it.
fn as_json(frame: &DeskFrame) -> Value {
    serde_json::from_slice(&write_frame(frame, Codec::Json)).unwrap()
}

/// What this server's own functions make of the same facts, where they need no more than these.
fn made(frame: &Value) -> Option<DeskFrame> {
    let text = |name: &str| frame[name].as_str().unwrap();
    let number = |name: &str| u32::try_from(frame[name].as_u64().unwrap()).unwrap();
    let pos = |name: &str| text(name).parse().map(Pos);
    Some(match text("t") {
        "hb" => frames::hb(pos("pos").ok()?, number("n"), text("health")),
        "replayed" if frame.get("kept").is_none() => {
            frames::replayed(pos("from").unwrap(), pos("to").unwrap(), number("count"), None)
        }
        "goaway" => frames::goaway(text("why"), number("after_ms"), number("spread_ms")),
        _ => return None,
    })
}

#[test]
fn what_the_servers_of_the_transcripts_say_is_what_this_one_writes() {
    let mut compared = 0;
    for (place, frame) in frames_of("server") {
        if place.starts_with(STRANGE) {
            continue;
        }
        let read = frame_of(&frame).unwrap_or_else(|| panic!("{place}: which frame is this?"));
        if let DeskFrame::Ev(pb::Ev { event: Some(event) }) = &read {
            assert!(EventKind::parse_name(&event.k).is_some(), "{} is no kind of event", event.k);
        }
        assert_eq!(plain(&as_json(&read)), plain(&frame), "{place}");
        if let Some(made) = made(&frame) {
            assert_eq!((as_json(&made), &made), (frame, &read), "{place}");
        }
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}

/// `proto/vectors/pb`: the frames of each transcript in protobuf, by the number of their step.
#[test]
fn the_protobuf_of_the_transcripts_is_what_this_server_reads_and_writes() {
    let mut compared = 0;
    for (name, vector) in vectors() {
        let mut lines = Vec::new();
        for (n, step) in vector["steps"].as_array().unwrap().iter().enumerate() {
            let Some(json) = step.get("server").or_else(|| step.get("client")) else { continue };
            let Some(frame) = frame_of(json) else {
                assert_eq!(name, STRANGE, "step {}: which frame is this?", n + 1);
                continue;
            };
            let bytes = write_frame(&frame, Codec::Protobuf);
            lines.push(format!("  \"{}\": \"{}\"", n + 1, BASE64.encode(&bytes)));
            let read = read_frame(&bytes).unwrap().unwrap().frame;
            if name != STRANGE {
                assert_eq!(plain(&as_json(&read)), plain(json), "{name} step {}", n + 1);
            }
            compared += 1;
        }
        let made = format!("{{\n{}\n}}\n", lines.join(",\n"));
        let path = folder().join("pb").join(&name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &made).unwrap();
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(there, made, "UPDATE_GOLDEN=1 cargo test -p trunkline --lib vectors");
    }
    assert!(compared > 200, "{compared}");
    let there = std::fs::read_dir(folder().join("pb")).unwrap().count();
    assert_eq!(there, vectors().len(), "proto/vectors/pb has a file of no transcript");
}

#[test]
fn both_forms_of_what_the_desks_say_are_read_alike() {
    let mut compared = 0;
    for (place, json) in frames_of("client") {
        let bytes = write_frame(&frame_of(&json).unwrap(), Codec::Protobuf);
        assert_eq!(parse_binary(&bytes), parse(&json.to_string()), "{place}");
        compared += 1;
    }
    assert!(compared > 60, "{compared}");
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
                assert_eq!(plain(&as_json(&DeskFrame::Cmd(*cmd))), plain(&frame), "{place}");
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
