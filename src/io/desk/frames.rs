//! Frames towards the desk. `ev` frames come ready-made from the hub.

use std::time::Duration;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use trunkline_core::engine::Current;
use trunkline_core::hub::{Frame, Grant, Kept};
use trunkline_core::model::{Command, CommandCode, CommandError, Named as _, Pos, Wall};
use trunkline_core::wire::{
    Codec, DeskFrame, View, agent_to_pb, call_to_pb, pb, result_to_pb, write_frame,
};

/// The frame as a message of its codec.
pub(super) fn message(frame: &DeskFrame, codec: Codec) -> Message {
    written(write_frame(frame, codec), codec)
}

/// A frame that the hub has written in this codec.
pub(super) fn ready(frame: &Frame, codec: Codec) -> Message {
    written(frame.bytes.clone(), codec)
}

/// What is written as JSON is text.
pub(super) fn written(bytes: Bytes, codec: Codec) -> Message {
    match codec {
        Codec::Json => Message::Text(bytes.try_into().unwrap_or_default()),
        Codec::Protobuf => Message::Binary(bytes),
    }
}

pub(super) fn sub_ok(grant: &Grant, pos: Pos) -> DeskFrame {
    sub_stands(&grant.id, grant.view.name(), pos)
}

/// A subscription has ended.
pub(super) fn sub_over(id: &str, pos: Pos) -> DeskFrame {
    sub_stands(id, "none", pos)
}

fn sub_stands(id: &str, view: &str, pos: Pos) -> DeskFrame {
    let (id, view) = (id.to_owned(), view.to_owned());
    DeskFrame::SubOk(pb::SubOk { id, view, pos: pos.to_string() })
}

/// `keep`: all that the desk sees, where more cannot be said of what it had.
pub(super) fn replayed(from: Pos, to: Pos, count: u32, keep: Option<Vec<Kept>>) -> DeskFrame {
    let kept = keep.is_some();
    let pb = |k: Kept| pb::Kept { kind: k.kind.to_owned(), id: k.id };
    let keep = keep.into_iter().flatten().map(pb).collect();
    let (from, to) = (from.to_string(), to.to_string());
    DeskFrame::Replayed(pb::Replayed { from, to, count, keep, kept })
}

pub(super) fn scope(pos: Pos, scope: String) -> DeskFrame {
    DeskFrame::Scope(pb::Scope { pos: pos.to_string(), scope })
}

pub(super) fn auth_ok(expires: Wall) -> DeskFrame {
    DeskFrame::AuthOk(pb::AuthOk { auth_exp: Some(expires.into()) })
}

pub(super) fn auth_expiring(left: Duration) -> DeskFrame {
    let in_ms = u32::try_from(left.as_millis()).unwrap_or(u32::MAX);
    DeskFrame::AuthExpiring(pb::AuthExpiring { in_ms })
}

pub(super) fn hb(pos: Pos, n: u32, health: &str) -> DeskFrame {
    DeskFrame::Hb(pb::Hb { pos: pos.to_string(), n, health: health.to_owned() })
}

pub(super) fn err(reference: &str, code: &str, msg: &str) -> DeskFrame {
    DeskFrame::Err(pb::Err {
        r#ref: reference.to_owned(),
        code: code.to_owned(),
        msg: msg.to_owned(),
        ..pb::Err::default()
    })
}

/// A command was not accepted. `details` holds what its condition was not true of.
pub(super) fn err_cmd(reference: &str, error: &CommandError, current: &Current) -> DeskFrame {
    let retryable = matches!(
        error.code,
        CommandCode::RateLimited
            | CommandCode::SwitchUnavailable
            | CommandCode::NoDesk
            | CommandCode::Internal
    );
    let details = match current {
        Current::None => None,
        Current::Call(call) => Some(pb::err::Details::Call(call_to_pb(call, View::Masked))),
        Current::Agent(agent) => Some(pb::err::Details::Agent(agent_to_pb(agent))),
    };
    DeskFrame::Err(pb::Err {
        r#ref: reference.to_owned(),
        code: error.code.name().to_owned(),
        retryable,
        msg: error.msg.clone(),
        details,
    })
}

/// How a command stands that came before.
pub(super) fn known(command: &Command, pos: Option<Pos>) -> Vec<DeskFrame> {
    let pos = pos.map(|p| p.to_string()).unwrap_or_default();
    let result = command.is_done().then(|| DeskFrame::Result(result_to_pb(command, &pos)));
    let ack = DeskFrame::Ack(pb::Ack { id: command.id.to_string(), pos });
    std::iter::once(ack).chain(result).collect()
}

pub(super) fn goaway(why: &str, after_ms: u32, spread_ms: u32) -> DeskFrame {
    DeskFrame::Goaway(pb::GoAway { why: why.to_owned(), after_ms, spread_ms })
}
