//! Messages of the desk.

use serde::Deserialize;
use trunkline_core::hub::{ResumePoint, SubRequest};
use trunkline_core::model::{CommandId, Pos};
use trunkline_core::wire::pb;

/// Commands that a hello may ask about.
const PENDING_MAX: usize = 64;

/// A message, read.
#[derive(Debug)]
pub(super) enum Incoming {
    Hello(Box<Hello>),
    /// Sign of life; what it says is for the client's own logs.
    Heartbeat,
    /// Known to the protocol, not served here: answered with UNSUPPORTED.
    /// Do something.
    Command(Box<pb::Cmd>),
    Unserved {
        t: String,
        id: String,
    },
    /// A newer client's: ignored.
    Unknown,
}

/// The first message.
#[derive(Debug)]
pub(super) struct Hello {
    pub(super) token: String,
    pub(super) client: String,
    pub(super) inst: String,
    pub(super) subs: Vec<SubRequest>,
    pub(super) resume: Option<ResumePoint>,
    /// Commands whose result the desk does not know.
    pub(super) pending: Vec<CommandId>,
}

/// Why a message cannot be read; for the client's developer, without an echo of the message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadMessage(pub(super) String);

#[derive(Deserialize)]
struct Head {
    t: String,
    #[serde(default)]
    id: serde_json::Value,
}

pub(super) fn parse(text: &str) -> Result<Incoming, BadMessage> {
    let head: Head = serde_json::from_str(text).map_err(|e| bad("a JSON object with t", &e))?;
    Ok(match head.t.as_str() {
        "hello" => Incoming::Hello(Box::new(hello(text)?)),
        "hb" => Incoming::Heartbeat,
        "cmd" => {
            let cmd = serde_json::from_str(text).map_err(|e| bad("a cmd", &e))?;
            Incoming::Command(Box::new(cmd))
        }
        "sub" | "unsub" | "auth.refresh" => {
            let id = head.id.as_str().unwrap_or_default();
            Incoming::Unserved { t: head.t, id: id.chars().take(64).collect() }
        }
        _ => Incoming::Unknown,
    })
}

fn bad(what: &str, error: &serde_json::Error) -> BadMessage {
    BadMessage(format!("not {what}: line {}, column {}", error.line(), error.column()))
}

fn hello(text: &str) -> Result<Hello, BadMessage> {
    let pb: pb::Hello = serde_json::from_str(text).map_err(|e| bad("a hello", &e))?;
    let client = pb.client.unwrap_or_default();
    let resume = pb.resume.map(resume).transpose()?;
    // What is no id of a command was never accepted: it is not asked for.
    let pending = pb.pending.iter().take(PENDING_MAX).filter_map(|id| id.parse().ok()).collect();
    let sub = |s: pb::Subscription| SubRequest { id: s.id, topic: s.topic, view: s.view };
    Ok(Hello {
        token: pb.auth.unwrap_or_default().token,
        client: format!("{} {}", client.name, client.ver).chars().take(64).collect(),
        inst: client.inst.chars().take(64).collect(),
        subs: pb.subs.into_iter().map(sub).collect(),
        resume,
        pending,
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

    #[test]
    fn reads_a_hello_and_ignores_what_it_does_not_know() {
        let text = r#"{"t":"hello","auth":{"token":"x","ticket":"y"},"caps":["batch"],
            "client":{"name":"n","ver":"1","inst":"i"},"pending":["a"],"later":{"deep":[1]},
            "subs":[{"id":"1","topic":"calls:own","filter":{"kind":["a"]}}],
            "resume":{"epoch":"e","pos":"17"}}"#;
        let Incoming::Hello(hello) = parse(text).unwrap() else { panic!("not a hello") };
        assert_eq!((hello.token.as_str(), hello.client.as_str()), ("x", "n 1"));
        assert_eq!(hello.subs[0].topic, "calls:own");
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
        let Incoming::Unserved { t, id } = parse(r#"{"t":"unsub","id":"7"}"#).unwrap() else {
            panic!("unsub is known")
        };
        assert_eq!((t.as_str(), id.as_str()), ("unsub", "7"));
        let cmd = r#"{"t":"cmd","id":"7","op":"call.hold","target":{"call":"c"},"if":{"rev":3}}"#;
        let Incoming::Command(cmd) = parse(cmd).unwrap() else { panic!("cmd is served") };
        assert_eq!((cmd.op.as_str(), cmd.r#if.unwrap().rev), ("call.hold", Some(3)));
    }

    #[test]
    fn an_error_does_not_echo_the_message() {
        let BadMessage(text) = parse(r#"{"t":"hello","auth":"s3cret"}"#).unwrap_err();
        assert!(!text.contains("s3cret"), "{text}");
    }
}
