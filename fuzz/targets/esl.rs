//! A FreeSWITCH that says anything: no panic, and nothing is said or sent after the link closed.
//!
//! The first byte says which session it is and how the rest is cut; a recording is played on the
//! lane for events, everything else in turn on both.

use std::time::Duration;
use trunkline_core::model::{Mono, Now, Wall};
use trunkline_core::pbx::esl::{EslSession, EslSettings};
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
        _ => (EslSession::outbound(settings), &[Lane::Events]),
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
