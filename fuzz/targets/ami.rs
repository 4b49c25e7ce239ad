//! An Asterisk that says anything: no panic, the same reports however its bytes arrive, nothing
//! said or sent after the link closed, and every order answered once at most.
//!
//! The first byte says which session it is and how the rest is cut.

use std::collections::HashSet;
use std::time::Duration;
use trunkline_core::model::{Mono, Now, Pii, Wall};
use trunkline_core::pbx::{
    AmiSession, AmiSettings, ChannelId, Lane, LinkOutputs, LinkReport, News, Order, OrderId,
    Session,
};

const START: Now = Now { mono: Mono(1_000_000_000), wall: Wall(1_790_000_000_000_000) };

/// Plays `data` as what the peer says.
pub fn run(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let size = usize::from(first / 2) * 8 + 1;
    if first % 2 == 0 {
        assert_eq!(observed(rest, size), observed(rest, rest.len().max(1)));
    } else {
        converse(rest, size);
    }
}

fn settings() -> AmiSettings {
    AmiSettings { trunks: vec!["PJSIP/carrier*".into()], ..AmiSettings::new("cti", "secret") }
}

fn observed(stream: &[u8], size: usize) -> Vec<LinkReport> {
    let mut session = AmiSession::observing(settings());
    let mut out = LinkOutputs::default();
    for piece in stream.chunks(size) {
        session.received(START, Lane::Events, piece, &mut out);
    }
    assert!(out.sends.is_empty(), "an observer sends nothing");
    out.reports
}

/// The session logs in, and is given orders as time passes.
fn converse(stream: &[u8], size: usize) {
    let mut session = AmiSession::new(settings());
    let (mut now, mut out) = (START, LinkOutputs::default());
    let mut answered = HashSet::new();
    session.connected(now, Lane::Events, &mut out);
    for (at, piece) in stream.chunks(size).enumerate() {
        let closed = out.close.is_some();
        session.received(now, Lane::Events, piece, &mut out);
        if closed {
            assert!(out.sends.is_empty() && out.reports.is_empty());
        }
        if at % 16 == 0 {
            session.order(now, OrderId(at as u64), &order(at), &mut out);
        }
        settle(&mut out, &mut answered);
        now.mono = now.mono.after(Duration::from_millis(5));
    }
    for _ in 0..10_000 {
        let Some(due) = session.next_deadline() else { return };
        now.mono = due.max(now.mono);
        session.tick(now, &mut out);
        settle(&mut out, &mut answered);
    }
    panic!("deadlines without end");
}

fn order(at: usize) -> Order {
    let channel = ChannelId("1.1".into());
    match at / 16 % 4 {
        0 => Order::Hangup { channel, q850: 16 },
        1 => Order::Consult { by: channel, to: Pii::new("1002".to_owned()) },
        2 => Order::Dtmf { channel, digits: "12".into() },
        _ => Order::Snapshot,
    }
}

/// Each action is one block; each order has one answer.
fn settle(out: &mut LinkOutputs, answered: &mut HashSet<OrderId>) {
    for (_, action) in out.sends.drain(..) {
        let text = String::from_utf8(action).expect("actions are text");
        assert!(text.starts_with("Action: ") && text.ends_with("\r\n\r\n"));
        assert_eq!(text.matches("\r\n\r\n").count(), 1, "{text}");
    }
    for report in out.reports.drain(..) {
        if let LinkReport::News(News::Done(id, _)) = report {
            assert!(answered.insert(id), "{id:?} was answered before");
        }
    }
}
