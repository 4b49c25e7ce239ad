//! Frames towards the desk. Every member is always written, defaults too: `resumed: false` and
//! `n: 0` are statements, not omissions. `ev` frames come ready-made from the hub.

use serde::Serialize;
use std::sync::Arc;
use tokio_tungstenite::tungstenite::Message;
use trunkline_core::engine::Current;
use trunkline_core::hub::{Frame, Grant, SubSnap};
use trunkline_core::model::{
    Agent, Call, Command, CommandCode, CommandError, Duty, Line, Link, Named as _, Pos,
};
use trunkline_core::wire::{
    View, agent_to_pb, call_to_pb, duty_to_pb, frame_to_json, line_to_pb, link_to_pb, pb,
    result_to_pb,
};

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

pub(super) fn replayed(from: Pos, to: Pos, count: u32) -> Message {
    text("replayed", &Replayed { from: from.to_string(), to: to.to_string(), count })
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
        CommandCode::RateLimited | CommandCode::SwitchUnavailable | CommandCode::Internal
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

/// The pages of one subscription's cut: first the gap summary if there is one, then the state.
pub(super) struct Pages {
    sub: String,
    pos: Pos,
    view: View,
    bytes_max: usize,
    gap: Option<std::vec::IntoIter<Arc<Call>>>,
    calls: Option<std::vec::IntoIter<Arc<Call>>>,
    /// Members `lines`, `duties`, `agents` and `links` of the last page; empty for other topics.
    lines: String,
    /// Encoded, but did not fit on the page before.
    spilt: Option<String>,
    page: u32,
}

impl Pages {
    pub(super) fn new(snap: SubSnap, pos: Pos, bytes_max: usize) -> Self {
        Self {
            sub: serde_json::Value::from(snap.sub).to_string(),
            pos,
            view: snap.view,
            bytes_max,
            gap: Some(snap.gap.into_iter()).filter(|gap| gap.len() > 0),
            calls: Some(snap.calls.into_iter()),
            lines: lines_of(&snap.lines, &snap.duties)
                + &agents_of(&snap.agents)
                + &links_of(&snap.links),
            spilt: None,
            page: 0,
        }
    }

    fn page_of(&mut self, is_gap: bool) -> Option<Message> {
        let source = if is_gap { &mut self.gap } else { &mut self.calls };
        let calls = source.as_mut()?;
        let mut out = format!(
            "{{\"t\":\"snap\",\"sub\":{},\"pos\":\"{}\",\"page\":{},\"gap\":{is_gap},\"objs\":[",
            self.sub, self.pos, self.page
        );
        let (head, view) = (out.len(), self.view);
        let tail_bytes = "],\"last\":false}".len();
        loop {
            let encode = || {
                let call = calls.next()?;
                serde_json::to_string(&call_to_pb(&call, view)).ok()
            };
            let Some(object) = self.spilt.take().or_else(encode) else {
                *source = None;
                break;
            };
            if out.len() > head && out.len() + object.len() + 1 + tail_bytes > self.bytes_max {
                self.spilt = Some(object);
                break;
            }
            if out.len() > head {
                out.push(',');
            }
            out.push_str(&object);
        }
        let last = source.is_none();
        self.page = if last { 0 } else { self.page + 1 };
        if last && !is_gap {
            out.push(']');
            out.push_str(&self.lines);
            out.push_str(",\"last\":true}");
        } else {
            out.push_str(if last { "],\"last\":true}" } else { "],\"last\":false}" });
        }
        Some(Message::text(out))
    }
}

/// Lines are few (one a carrier), so that they need no pages of their own.
fn lines_of(lines: &[Arc<Line>], duties: &[Arc<Duty>]) -> String {
    if lines.is_empty() && duties.is_empty() {
        return String::new();
    }
    let list = |rows: Vec<String>| rows.join(",");
    let lines = list(lines.iter().filter_map(|l| json(&line_to_pb(l))).collect());
    let duties = list(duties.iter().filter_map(|d| json(&duty_to_pb(d))).collect());
    format!(",\"lines\":[{lines}],\"duties\":[{duties}]")
}

/// A site has some hundred agents at most, of half a kilobyte each.
fn agents_of(agents: &[Arc<Agent>]) -> String {
    if agents.is_empty() {
        return String::new();
    }
    let agents: Vec<String> = agents.iter().filter_map(|a| json(&agent_to_pb(a))).collect();
    format!(",\"agents\":[{}]", agents.join(","))
}

/// Links are as few as lines.
fn links_of(links: &[Arc<Link>]) -> String {
    if links.is_empty() {
        return String::new();
    }
    let links: Vec<String> = links.iter().filter_map(|l| json(&link_to_pb(l))).collect();
    format!(",\"links\":[{}]", links.join(","))
}

fn json<T: Serialize>(message: &T) -> Option<String> {
    serde_json::to_string(message).ok()
}

impl Iterator for Pages {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        self.page_of(true).or_else(|| self.page_of(false))
    }
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
    use trunkline_core::hub::Topic;
    use trunkline_core::model::Wall;

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
        let grant = Grant { id: "1".into(), topic: Topic::CallsOwn, view: View::Masked };
        same::<pb::SubOk>(&sub_ok(&grant, Pos(7)));
        same::<pb::Replayed>(&replayed(Pos(1), Pos(2), 3));
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

    #[test]
    fn a_snapshot_without_calls_still_closes_the_cut() {
        let snap = SubSnap {
            sub: "a\"b".into(),
            view: View::Masked,
            calls: Vec::new(),
            gap: Vec::new(),
            lines: Vec::new(),
            duties: Vec::new(),
            links: Vec::new(),
            agents: Vec::new(),
        };
        let pages: Vec<_> = Pages::new(snap, Pos(7), 1000).collect();
        assert_eq!(pages.len(), 1);
        let read: pb::Snap = serde_json::from_str(pages[0].to_text().unwrap()).unwrap();
        assert_eq!((read.sub.as_str(), read.pos.as_str(), read.last), ("a\"b", "7", true));
    }
}
