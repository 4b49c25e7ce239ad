//! Frames towards the desk. Every member is always written, defaults too: `resumed: false` and
//! `n: 0` are statements, not omissions. `ev` frames come ready-made from the hub.

use serde::Serialize;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use trunkline_core::engine::Current;
use trunkline_core::hub::{Frame, Grant, Kept};
use trunkline_core::model::{Command, CommandCode, CommandError, Named as _, Pos, Wall};
use trunkline_core::wire::{View, agent_to_pb, call_to_pb, frame_to_json, pb, result_to_pb};

#[derive(Serialize)]
pub(super) struct Welcome<'a> {
    pub(super) conn: String,
    pub(super) epoch: String,
    pub(super) pos: String,
    pub(super) resumed: bool,
    pub(super) why: &'a str,
    pub(super) scope: String,
    pub(super) hb_ms: u64,
    pub(super) limits: Limits,
    pub(super) auth_exp: String,
    pub(super) time: String,
    pub(super) health: &'a str,
    /// How the commands stand that the desk asked about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) commands: Vec<pb::CommandResult>,
}

#[derive(Serialize)]
pub(super) struct Limits {
    pub(super) message_bytes_max: usize,
    pub(super) subs_max: usize,
    pub(super) queue_bytes_max: usize,
}

#[derive(Serialize)]
struct SubOk<'a> {
    id: &'a str,
    view: &'a str,
    pos: String,
}

#[derive(Serialize)]
struct Replayed {
    from: String,
    to: String,
    count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keep: Vec<pb::Kept>,
}

#[derive(Serialize)]
struct Scope {
    pos: String,
    scope: String,
}

#[derive(Serialize)]
struct AuthOk {
    auth_exp: String,
}

#[derive(Serialize)]
struct AuthExpiring {
    in_ms: u64,
}

#[derive(Serialize)]
struct Hb<'a> {
    pos: String,
    n: u32,
    health: &'a str,
}

#[derive(Serialize)]
struct Err<'a> {
    r#ref: &'a str,
    code: &'a str,
    retryable: bool,
    msg: &'a str,
}

#[derive(Serialize)]
struct ErrCmd<'a> {
    r#ref: &'a str,
    code: &'a str,
    retryable: bool,
    msg: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct GoAway<'a> {
    why: &'a str,
    after_ms: u32,
    spread_ms: u32,
}

fn text<T: Serialize>(t: &str, body: &T) -> Message {
    Message::text(frame_to_json(t, body))
}

pub(super) fn welcome(body: &Welcome<'_>) -> Message {
    text("welcome", body)
}

pub(super) fn sub_ok(grant: &Grant, pos: Pos) -> Message {
    text("sub.ok", &SubOk { id: &grant.id, view: grant.view.name(), pos: pos.to_string() })
}

/// A subscription has ended.
pub(super) fn sub_over(id: &str, pos: Pos) -> Message {
    text("sub.ok", &SubOk { id, view: "none", pos: pos.to_string() })
}

/// `keep`: all that the desk sees, where more cannot be said of what it had.
pub(super) fn replayed(from: Pos, to: Pos, count: u32, keep: Option<Vec<Kept>>) -> Message {
    let kept = keep.is_some().then_some(true);
    let pb = |k: Kept| pb::Kept { kind: k.kind.to_owned(), id: k.id };
    let keep = keep.into_iter().flatten().map(pb).collect();
    text("replayed", &Replayed { from: from.to_string(), to: to.to_string(), count, kept, keep })
}

pub(super) fn scope(pos: Pos, scope: String) -> Message {
    text("scope", &Scope { pos: pos.to_string(), scope })
}

pub(super) fn auth_ok(expires: Wall) -> Message {
    text("auth.ok", &AuthOk { auth_exp: expires.rfc3339() })
}

pub(super) fn auth_expiring(left: Duration) -> Message {
    let in_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    text("auth.expiring", &AuthExpiring { in_ms })
}

pub(super) fn hb(pos: Pos, n: u32, health: &str) -> Message {
    text("hb", &Hb { pos: pos.to_string(), n, health })
}

pub(super) fn err(reference: &str, code: &str, msg: &str) -> Message {
    text("err", &Err { r#ref: reference, code, retryable: false, msg })
}

/// A command was not accepted. `details` holds what its condition was not true of.
pub(super) fn err_cmd(reference: &str, error: &CommandError, current: &Current) -> Message {
    let retryable = matches!(
        error.code,
        CommandCode::RateLimited
            | CommandCode::SwitchUnavailable
            | CommandCode::NoDesk
            | CommandCode::Internal
    );
    let details = match current {
        Current::None => None,
        Current::Call(call) => serde_json::to_value(call_to_pb(call, View::Masked)).ok(),
        Current::Agent(agent) => serde_json::to_value(agent_to_pb(agent)).ok(),
    };
    let (code, msg) = (error.code.name(), error.msg.as_str());
    text("err", &ErrCmd { r#ref: reference, code, retryable, msg, details })
}

/// How a command stands that came before.
pub(super) fn known(command: &Command, pos: Option<Pos>) -> Vec<Message> {
    let pos = pos.map(|p| p.to_string()).unwrap_or_default();
    let ack = pb::Ack { id: command.id.to_string(), pos: pos.clone() };
    let mut said = vec![text("ack", &ack)];
    if command.is_done() {
        said.push(text("result", &result_to_pb(command, &pos)));
    }
    said
}

pub(super) fn goaway(why: &str, after_ms: u32, spread_ms: u32) -> Message {
    text("goaway", &GoAway { why, after_ms, spread_ms })
}

/// `None` cannot happen: frames are made from JSON text.
pub(super) fn ev(frame: &Frame) -> Option<Message> {
    frame.bytes.clone().try_into().ok().map(Message::Text)
}

/// Name of a reason as the wire has it.
pub(super) fn why_name(why: trunkline_core::hub::Why) -> &'static str {
    why.name()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::Value;
    use trunkline_core::hub::{Filter, Gone, GrantView, Topic};

    /// Read by the generated type and written again, a frame has lost nothing but defaults.
    fn same<T>(message: &Message)
    where
        T: Serialize + serde::de::DeserializeOwned,
    {
        let text = message.to_text().unwrap();
        let read: T = serde_json::from_str(text).unwrap();
        let mut ours: Value = serde_json::from_str(text).unwrap();
        let ours = ours.as_object_mut().unwrap();
        ours.remove("t");
        assert_eq!(Value::Object(ours.clone()), serde_json::to_value(&read).unwrap(), "{text}");
    }

    #[test]
    fn frames_are_those_of_the_proto_files() {
        let (topic, view) = (Topic::CallsOwn, GrantView::Masked);
        let grant = Grant { id: "1".into(), topic, view, filter: Filter::default() };
        same::<pb::SubOk>(&sub_ok(&grant, Pos(7)));
        same::<pb::SubOk>(&sub_over("1", Pos(7)));
        same::<pb::Replayed>(&replayed(Pos(1), Pos(2), 3, None));
        let keep = Some(vec![Kept { kind: "call", id: "c".into() }]);
        same::<pb::Replayed>(&replayed(Pos(1), Pos(2), 3, keep));
        same::<pb::Scope>(&scope(Pos(1), "s".into()));
        same::<pb::AuthOk>(&auth_ok(Wall(1_767_580_200_000_000)));
        same::<pb::AuthExpiring>(&auth_expiring(Duration::from_secs(60)));
        let gone = Gone { kind: "call", id: "c".into(), why: "scope" };
        same::<pb::Gone>(&ev(&Frame::gone(&gone, Pos(3))).unwrap());
        same::<pb::Hb>(&hb(Pos(1), 2, "enabled"));
        same::<pb::GoAway>(&goaway("drain", 1, 2));
        let body = Err { r#ref: "1", code: "UNSUPPORTED", retryable: true, msg: "m" };
        same::<pb::Err>(&text("err", &body));
        let limits = Limits { message_bytes_max: 1, subs_max: 2, queue_bytes_max: 3 };
        same::<pb::Welcome>(&welcome(&Welcome {
            conn: "c".into(),
            epoch: "e".into(),
            pos: "1".into(),
            resumed: true,
            why: "ok",
            scope: "s".into(),
            hb_ms: 10_000,
            limits,
            auth_exp: Wall(1_767_580_200_000_000).rfc3339(),
            time: Wall(1_767_580_200_000_001).rfc3339(),
            health: "enabled",
            commands: vec![pb::CommandResult {
                id: "c".into(),
                status: "unseen".into(),
                ..pb::CommandResult::default()
            }],
        }));
    }
}
