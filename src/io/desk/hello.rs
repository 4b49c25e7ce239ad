//! Messages of the desk.

use serde::Deserialize;
use std::collections::BTreeMap;
use tokio_tungstenite::tungstenite::Message;
use trunkline_core::hub::{FILTER_LABELS, ResumePoint, SubRequest};
use trunkline_core::model::{CommandId, Pos};
use trunkline_core::wire::{DeskFrame, pb, read_frame};

/// Commands that a hello may ask about.
const PENDING_MAX: usize = 64;

/// A message, read.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    Hello(Box<Hello>),
    /// Sign of life, and what the client has applied, if it says so in a way that can be read.
    Heartbeat(Option<Pos>),
    /// Do something.
    Command(Box<pb::Cmd>),
    /// Watch something more.
    Sub(SubRequest),
    /// Watch something no longer.
    Unsub(String),
    /// Another token.
    Refresh(String),
    /// A newer client's: ignored.
    Unknown,
}

/// The first message.
#[derive(Debug, PartialEq)]
pub(super) struct Hello {
    pub(super) token: String,
    pub(super) ticket: String,
    pub(super) client: String,
    pub(super) inst: String,
    pub(super) subs: Vec<SubRequest>,
    pub(super) resume: Option<ResumePoint>,
    /// Commands whose result the desk does not know.
    pub(super) pending: Vec<CommandId>,
    /// It takes `batch` frames.
    pub(super) batch: bool,
}

/// Why a message cannot be read; for the client's developer, without an echo of the message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadMessage(pub(super) String);

#[derive(Deserialize)]
struct Head {
    t: String,
}

/// Read beside the generated types, which drop what they do not know: a list of a filter that
/// this server does not know must be refused, not ignored.
#[derive(Deserialize)]
struct Sub {
    #[serde(default)]
    id: String,
    #[serde(default)]
    topic: String,
    #[serde(default)]
    view: String,
    #[serde(default)]
    filter: Option<BTreeMap<String, Vec<String>>>,
}

#[derive(Deserialize)]
struct Hb {
    pos: String,
}

#[derive(Deserialize)]
struct Subs {
    #[serde(default)]
    subs: Vec<Sub>,
}

impl From<Sub> for SubRequest {
    fn from(sub: Sub) -> Self {
        let filter = sub.filter.unwrap_or_default();
        Self { id: sub.id, topic: sub.topic, view: sub.view, filter }
    }
}

/// Reads a message of either codec.
pub(super) fn read(message: &Message) -> Result<Incoming, BadMessage> {
    match message {
        Message::Binary(bytes) => parse_binary(bytes),
        Message::Text(text) => parse(text),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {
            Ok(Incoming::Unknown)
        }
    }
}

/// Reads a frame in JSON.
pub(super) fn parse(text: &str) -> Result<Incoming, BadMessage> {
    let head: Head = serde_json::from_str(text).map_err(|e| bad("a JSON object with t", &e))?;
    Ok(match head.t.as_str() {
        "hello" => {
            let pb = serde_json::from_str(text).map_err(|e| bad("a hello", &e))?;
            let subs: Subs = serde_json::from_str(text).map_err(|e| bad("a hello", &e))?;
            let subs = subs.subs.into_iter().map(Into::into).collect();
            Incoming::Hello(Box::new(hello(pb, subs)?))
        }
        "hb" => {
            // A client that sends no position that can be read is alive all the same.
            let pos = serde_json::from_str(text).ok().and_then(|hb: Hb| applied(&hb.pos));
            Incoming::Heartbeat(pos)
        }
        "cmd" => {
            let cmd = serde_json::from_str(text).map_err(|e| bad("a cmd", &e))?;
            Incoming::Command(Box::new(cmd))
        }
        "sub" => {
            let sub: Sub = serde_json::from_str(text).map_err(|e| bad("a sub", &e))?;
            Incoming::Sub(sub.into())
        }
        "unsub" => {
            let pb: pb::Unsub = serde_json::from_str(text).map_err(|e| bad("an unsub", &e))?;
            Incoming::Unsub(pb.id)
        }
        "auth.refresh" => {
            let pb: pb::AuthRefresh =
                serde_json::from_str(text).map_err(|e| bad("an auth.refresh", &e))?;
            Incoming::Refresh(pb.token)
        }
        _ => Incoming::Unknown,
    })
}

fn applied(pos: &str) -> Option<Pos> {
    pos.parse().ok().map(Pos)
}

fn bad(what: &str, error: &serde_json::Error) -> BadMessage {
    BadMessage(format!("not {what}: line {}, column {}", error.line(), error.column()))
}

/// Reads a frame in protobuf.
pub(super) fn parse_binary(bytes: &[u8]) -> Result<Incoming, BadMessage> {
    let Some(read) = read_frame(bytes).map_err(|e| BadMessage(e.to_string()))? else {
        return Ok(Incoming::Unknown);
    };
    let unknown = read.unknown_lists;
    Ok(match read.frame {
        DeskFrame::Hello(mut pb) => {
            let subs = std::mem::take(&mut pb.subs).into_iter().zip(&unknown);
            let subs = subs.map(|(s, unknown)| SubRequest {
                filter: lists(s.filter, unknown),
                id: s.id,
                topic: s.topic,
                view: s.view,
            });
            let subs = subs.collect();
            Incoming::Hello(Box::new(hello(pb, subs)?))
        }
        DeskFrame::Hb(hb) => Incoming::Heartbeat(applied(&hb.pos)),
        DeskFrame::Cmd(cmd) => Incoming::Command(Box::new(cmd)),
        DeskFrame::Sub(pb) => {
            let filter = lists(pb.filter, unknown.first().map_or(&[], Vec::as_slice));
            Incoming::Sub(SubRequest { id: pb.id, topic: pb.topic, view: pb.view, filter })
        }
        DeskFrame::Unsub(pb) => Incoming::Unsub(pb.id),
        DeskFrame::AuthRefresh(pb) => Incoming::Refresh(pb.token),
        _ => Incoming::Unknown, // a frame of servers
    })
}

/// The lists of a filter by name; those of a later version by number, to be refused.
fn lists(filter: Option<pb::Filter>, unknown: &[u32]) -> BTreeMap<String, Vec<String>> {
    let pb::Filter { kind, team, queue, line, trunk, state, direction, device, agent } =
        filter.unwrap_or_default();
    let lists = [kind, team, queue, line, trunk, state, direction, device, agent];
    let known = FILTER_LABELS.iter().map(|name| (*name).to_owned()).zip(lists);
    let later = unknown.iter().map(|number| (format!("#{number}"), vec![String::new()]));
    known.filter(|(_, list)| !list.is_empty()).chain(later).collect()
}

fn hello(pb: pb::Hello, subs: Vec<SubRequest>) -> Result<Hello, BadMessage> {
    let client = pb.client.unwrap_or_default();
    let resume = pb.resume.map(resume).transpose()?;
    // What is no id of a command was never accepted: it is not asked for.
    let pending = pb.pending.iter().take(PENDING_MAX).filter_map(|id| id.parse().ok()).collect();
    let auth = pb.auth.unwrap_or_default();
    Ok(Hello {
        token: auth.token,
        ticket: auth.ticket,
        client: format!("{} {}", client.name, client.ver).chars().take(64).collect(),
        inst: client.inst.chars().take(64).collect(),
        subs,
        resume,
        pending,
        batch: pb.caps.iter().any(|cap| cap == "batch"),
    })
}

fn resume(resume: pb::Resume) -> Result<ResumePoint, BadMessage> {
    let pos = resume
        .pos
        .parse()
        .map_err(|_| BadMessage("resume.pos is the decimal string of a position".to_owned()))?;
    Ok(ResumePoint { epoch: resume.epoch, pos: Pos(pos), scope: resume.scope })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use trunkline_core::wire::{Codec, write_frame};

    #[test]
    fn reads_a_hello_and_ignores_what_it_does_not_know() {
        let text = r#"{"t":"hello","auth":{"token":"x","ticket":"y"},"caps":["batch"],
            "client":{"name":"n","ver":"1","inst":"i"},"pending":["a"],"later":{"deep":[1]},
            "subs":[{"id":"1","topic":"calls:own","filter":{"kind":["a"]}}],
            "resume":{"epoch":"e","pos":"17"}}"#;
        let Incoming::Hello(hello) = parse(text).unwrap() else { panic!("not a hello") };
        assert_eq!((hello.token.as_str(), hello.client.as_str()), ("x", "n 1"));
        assert_eq!((hello.ticket.as_str(), hello.batch), ("y", true));
        assert_eq!(hello.subs[0].topic, "calls:own");
        assert_eq!(hello.subs[0].filter["kind"], ["a"]);
        let resume = hello.resume.unwrap();
        assert_eq!((resume.epoch.as_str(), resume.pos), ("e", Pos(17)));
    }

    #[test]
    fn tells_bad_from_unknown() {
        for text in ["", "[]", "{}", "nonsense", r#"{"t":1}"#, r#"{"t":"hello","subs":1}"#] {
            assert!(parse(text).is_err(), "{text}");
        }
        let pos = r#"{"t":"hello","resume":{"epoch":"e","pos":"-1"}}"#;
        assert!(parse(pos).is_err());
        assert!(matches!(parse(r#"{"t":"new.thing"}"#).unwrap(), Incoming::Unknown));
        let Incoming::Unsub(id) = parse(r#"{"t":"unsub","id":"7"}"#).unwrap() else {
            panic!("unsub is served")
        };
        assert_eq!(id, "7");
        let sub = r#"{"t":"sub","id":"8","topic":"queue:q","filter":{"later":["x"]}}"#;
        let Incoming::Sub(sub) = parse(sub).unwrap() else { panic!("sub is served") };
        assert_eq!((sub.topic.as_str(), &sub.filter["later"][0]), ("queue:q", &"x".to_owned()));
        let Incoming::Refresh(token) = parse(r#"{"t":"auth.refresh","token":"x"}"#).unwrap() else {
            panic!("auth.refresh is served")
        };
        assert_eq!(token, "x");
        assert!(parse(r#"{"t":"sub","id":"8","filter":{"queue":"q"}}"#).is_err());
        let cmd = r#"{"t":"cmd","id":"7","op":"call.hold","target":{"call":"c"},"if":{"rev":3}}"#;
        let Incoming::Command(cmd) = parse(cmd).unwrap() else { panic!("cmd is served") };
        assert_eq!((cmd.op.as_str(), cmd.r#if.unwrap().rev), ("call.hold", Some(3)));
    }

    #[test]
    fn a_heartbeat_tells_what_was_applied_or_is_a_sign_of_life_alone() {
        for (text, expected) in [
            (r#"{"t":"hb","pos":"4720","n":1}"#, Some(Pos(4720))),
            (r#"{"t":"hb","pos":4720}"#, None),
            (r#"{"t":"hb","pos":"-1"}"#, None),
            (r#"{"t":"hb"}"#, None),
        ] {
            let Incoming::Heartbeat(pos) = parse(text).unwrap() else { panic!("{text}") };
            assert_eq!(pos, expected, "{text}");
        }
    }

    #[test]
    fn filters_have_the_lists_of_the_proto_file() {
        let all: BTreeMap<_, _> = FILTER_LABELS.iter().map(|name| (*name, vec![*name])).collect();
        let text = serde_json::to_string(&all).unwrap();
        let read: pb::Filter = serde_json::from_str(&text).unwrap();
        let named = lists(Some(read.clone()), &[]);
        assert!(named.iter().all(|(name, values)| *values == [name.as_str()]), "{named:?}");
        assert_eq!(named.len(), FILTER_LABELS.len());
        let again: BTreeMap<String, Vec<String>> =
            serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert!(again.keys().map(String::as_str).eq(all.keys().copied()), "{again:?}");
    }

    fn binary(frame: DeskFrame) -> Result<Incoming, BadMessage> {
        parse_binary(&write_frame(&frame, Codec::Protobuf))
    }

    #[test]
    fn a_list_of_a_later_version_is_not_passed_over() {
        // Subscription { id: "1", filter: { 12: "x" } } of a hello, and the same of a sub.
        let sub = &[0x0a, 1, b'1', 0x22, 3, 0x62, 1, b'x'];
        let hello = [&[0x0a, 10, 0x1a, 8], &sub[..]].concat();
        let Incoming::Hello(hello) = parse_binary(&hello).unwrap() else { panic!("a hello") };
        assert_eq!(hello.subs[0].filter.keys().collect::<Vec<_>>(), ["#12"]);
        let sub = [&[0x72, 8], &sub[..]].concat();
        let Incoming::Sub(sub) = parse_binary(&sub).unwrap() else { panic!("a sub") };
        assert_eq!((sub.id.as_str(), sub.filter.len()), ("1", 1));
    }

    #[test]
    fn tells_bad_from_unknown_in_protobuf() {
        for bytes in [&b"\x0a"[..], b"\x0a\x03abc", b"\x0a\x04\x0a\x02\x0a\x05", b"nonsense"] {
            assert!(parse_binary(bytes).is_err(), "{bytes:?}");
        }
        let resume = pb::Resume { epoch: "e".into(), pos: "-1".into(), scope: String::new() };
        let hello = pb::Hello { resume: Some(resume), ..pb::Hello::default() };
        assert!(binary(DeskFrame::Hello(hello)).is_err());
        let of_servers = DeskFrame::Scope(pb::Scope::default());
        assert!(matches!(binary(of_servers).unwrap(), Incoming::Unknown));
        assert!(matches!(parse_binary(b"\xfa\x01\x01x").unwrap(), Incoming::Unknown));
    }

    #[test]
    fn an_error_does_not_echo_the_message() {
        let BadMessage(text) = parse_binary(b"\x0a\x0a\x0a\x08\x0a\x06s3cr\xff\xff").unwrap_err();
        assert!(!text.contains("s3cr"), "{text}");
        let BadMessage(text) = parse(r#"{"t":"hello","auth":"s3cret"}"#).unwrap_err();
        assert!(!text.contains("s3cret"), "{text}");
    }
}
