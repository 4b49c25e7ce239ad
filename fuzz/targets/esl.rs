//! A FreeSWITCH that says anything: no panic, and nothing is said or sent after the link closed.
//!
//! The first byte says which session it is and how the rest is cut; a recording is played on the
//! lane for events, everything else in turn on both.

use std::time::Duration;
use trunkline_core::model::{Mono, Now, Wall};
use trunkline_core::pbx::esl::{CallOutputs, CallSocket, EslCalls, EslSession, EslSettings};
use trunkline_core::pbx::{ChannelId, Lane, LinkOutputs, Order, OrderId, Session};

/// Plays `data` as what the peer says.
pub fn run(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let settings = EslSettings {
        trunks: vec!["sofia/trunk/*".into()],
        domain: "pbx.example".into(),
        ..EslSettings::default()
    };
    let (mut session, lanes): (EslSession, &[Lane]) = match first % 3 {
        0 => (EslSession::observing(settings), &[Lane::Events]),
        1 => (EslSession::new(settings), &[Lane::Events, Lane::Commands]),
        _ => return calls(EslCalls::new(settings, first & 64 == 0), *first, rest),
    };
    let mut now = Now { mono: Mono(1_000_000_000), wall: Wall(1_790_000_000_000_000) };
    let mut out = LinkOutputs::default();
    if first % 3 > 0 {
        lanes.iter().for_each(|lane| session.connected(now, *lane, &mut out));
    }
    let size = usize::from(first / 3) * 8 + 1;
    for (at, piece) in rest.chunks(size).enumerate() {
        let closed = out.close.is_some();
        out = LinkOutputs { close: out.close.take(), ..LinkOutputs::default() };
        session.received(now, lanes[at % lanes.len()], piece, &mut out);
        if closed {
            assert!(out.sends.is_empty() && out.reports.is_empty());
        }
        let hangup = Order::Hangup { channel: ChannelId("a".into()), q850: 16 };
        if at % 16 == 0 {
            session.order(now, OrderId(at as u64), &hangup, &mut out);
        }
        now.mono = now.mono.after(Duration::from_millis(5));
    }
    for _ in 0..10_000 {
        let Some(due) = session.next_deadline() else { return };
        now.mono = due.max(now.mono);
        session.tick(now, &mut out);
    }
    panic!("deadlines without end");
}

/// Two connections of FreeSWITCH's own, in turn.
fn calls(mut calls: EslCalls, first: u8, data: &[u8]) {
    let mut now = Now { mono: Mono(1_000_000_000), wall: Wall(1_790_000_000_000_000) };
    let mut out = CallOutputs::default();
    let sockets = [CallSocket(1), CallSocket(2)];
    sockets.iter().for_each(|socket| calls.connected(now, *socket, &mut out));
    let mut closed = Vec::new();
    for (at, piece) in data.chunks(usize::from(first / 3) * 8 + 1).enumerate() {
        let socket = sockets[at % sockets.len()];
        closed.extend(std::mem::take(&mut out).closes.into_iter().map(|(socket, _)| socket));
        calls.received(now, socket, piece, &mut out);
        assert!(out.sends.iter().all(|(to, _)| !closed.contains(to)), "nothing after the end");
        let hangup = Order::Hangup { channel: ChannelId("a".into()), q850: 16 };
        if at % 16 == 0 {
            calls.order(now, OrderId(at as u64), &hangup, &mut out);
        }
        now.mono = now.mono.after(Duration::from_millis(5));
    }
    sockets.iter().for_each(|socket| calls.ended(now, *socket, &mut out));
    for _ in 0..10_000 {
        let Some(due) = calls.next_deadline() else { return };
        now.mono = due.max(now.mono);
        calls.tick(now, &mut out);
    }
    panic!("deadlines without end");
}
