//! A link to Asterisk by ARI and a script of messages, answers, orders and time. Whatever comes: no
//! panic, one result an order, no channel ends twice, and no deadline stands still.
//!
//! A script is a list of lines; the first byte of each says what it does, see `World::step`.

use std::collections::HashSet;
use std::time::Duration;
use trunkline_core::model::{Mono, Now, Pii, Wall};
use trunkline_core::pbx::ari::{AriSession, AriSettings};
use trunkline_core::pbx::{
    ChannelId, Fact, Lane, LinkOutputs, LinkReport, News, Order, OrderId, Session,
};

const STEPS_MAX: usize = 200;

struct World {
    session: AriSession,
    out: LinkOutputs,
    now: Now,
    /// Requests that have no answer.
    open: Vec<u64>,
    orders: u64,
    done: HashSet<OrderId>,
    ended: HashSet<ChannelId>,
}

/// Plays `data`.
pub fn run(data: &[u8]) {
    let Some((&shape, script)) = data.split_first() else { return };
    let settings = AriSettings {
        trunks: vec!["PJSIP/t*".into()],
        context: if shape & 1 == 1 { "c".into() } else { String::new() },
        variables: if shape & 2 == 2 { vec!["V".into()] } else { Vec::new() },
        rest_over_websocket: shape & 4 == 4,
        ..AriSettings::default()
    };
    let session = match shape & 8 {
        8 => AriSession::observing(settings),
        _ => AriSession::new(settings),
    };
    let now = Now { mono: Mono(77_000_000_000), wall: Wall(1_767_600_000_000_000) };
    let mut world = World {
        session,
        out: LinkOutputs::default(),
        now,
        open: Vec::new(),
        orders: 0,
        done: HashSet::new(),
        ended: HashSet::new(),
    };
    world.session.connected(now, Lane::Events, &mut world.out);
    for line in script.split(|byte| *byte == b'\n').take(STEPS_MAX) {
        world.step(line);
        if world.check() {
            return;
        }
    }
    // Silence: every order has its result, or the connection is given up.
    for _ in 0..60 {
        world.pass(Duration::from_secs(1));
        if world.check() {
            return;
        }
    }
    assert_eq!(world.done.len() as u64, world.orders);
}

impl World {
    fn step(&mut self, line: &[u8]) {
        let Some((&what, rest)) = line.split_first() else { return };
        match what {
            // The oldest request is answered: 200, and a body.
            b'+' => self.answer(200, rest),
            // It is refused.
            b'-' => self.answer(404, rest),
            b'!' => self.answer(0, rest),
            // So many tenths of a second pass.
            b'.' => self.pass(Duration::from_millis(100 * rest.len() as u64)),
            b'o' => self.order(rest),
            b'd' => self.session.dropped(self.now, rest.len() as u64, &mut self.out),
            _ => self.session.received(self.now, Lane::Events, line, &mut self.out),
        }
    }

    fn answer(&mut self, status: u16, body: &[u8]) {
        if !self.open.is_empty() {
            let ticket = self.open.remove(0);
            self.session.responded(self.now, ticket, status, body, &mut self.out);
        }
    }

    fn pass(&mut self, wait: Duration) {
        self.now = Now { mono: self.now.mono.after(wait), wall: self.now.wall.after(wait) };
        self.session.tick(self.now, &mut self.out);
        let next = self.session.next_deadline();
        assert!(next.is_none_or(|due| due > self.now.mono), "a deadline stands still");
    }

    fn order(&mut self, rest: &[u8]) {
        let text = String::from_utf8_lossy(rest.get(1..).unwrap_or_default()).into_owned();
        let channel = || ChannelId(text.as_str().into());
        let to = || Pii::new(text.clone());
        let order = match rest.first().copied().unwrap_or_default() {
            b'd' => Order::Dial {
                channel: channel(),
                device: text.clone(),
                to: to(),
                mark: text.clone(),
                purpose: None,
                ring_s: 1,
            },
            b'a' => Order::Answer(channel()),
            b'h' => Order::Hold(channel()),
            b'r' => Order::Retrieve(channel()),
            b't' => Order::TransferBlind { by: channel(), peer: None, to: to() },
            b'e' => Order::Hangup { channel: channel(), q850: 16 },
            b'k' => Order::Dtmf { channel: channel(), digits: text.clone() },
            b'v' => Order::SetData { channel: channel(), key: text.clone(), value: to() },
            _ => Order::Snapshot,
        };
        self.orders += 1;
        self.session.order(self.now, OrderId(self.orders), &order, &mut self.out);
    }

    /// True: the session gave its connection up; the driver answers what orders are left.
    fn check(&mut self) -> bool {
        let out = std::mem::take(&mut self.out);
        self.open.extend(out.requests.iter().map(|request| request.ticket));
        for request in &out.requests {
            assert!(request.path.starts_with('/') && request.path.is_ascii());
        }
        for (_, bytes) in &out.sends {
            assert!(bytes.starts_with(b"{"), "a message is an object");
        }
        for report in out.reports {
            match report {
                LinkReport::News(News::Done(id, _)) => assert!(self.done.insert(id), "{id:?}"),
                LinkReport::Fact(observed) => {
                    if let Fact::Ended(id, _) = observed.fact {
                        assert!(self.ended.insert(id), "a channel ends once");
                    }
                }
                _ => {}
            }
        }
        out.close.is_some()
    }
}
