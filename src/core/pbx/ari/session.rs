//! The session: login, filter, snapshot, signs of life. What comes goes to [`Facts`].

use super::events::Kind;
use super::facts::Facts;
use super::raw::{Event, Head, RestResponse};
use super::rest::{Ask, Asked, Request, words};
use super::settings::{
    ANSWER_BYTES_MAX, AriSettings, EVENT_BYTES_MAX, PING_EVERY, PING_MAX, START_MAX,
};
use super::snapshot::Shot;
use crate::model::{Mono, Now};
use crate::pbx::{
    Close, Lane, LinkOutputs, LinkReport, Method, News, Order, OrderId, OrderResult, PbxIdentity,
    Session,
};
use std::collections::BTreeSet;
use std::time::Duration;

/// What a session counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AriCounters {
    /// Messages of the PBX.
    pub messages: u64,
    /// Messages of a type that is of no use here.
    pub unused: u64,
    /// Messages that are no event.
    pub malformed: u64,
    /// Messages longer than [`EVENT_BYTES_MAX`].
    pub oversized: u64,
}

/// How far the login has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not connected, or asking who is there.
    Starting,
    /// Logged in.
    Up,
}

/// One connection to an Asterisk by ARI. See the module's docs for what it does.
#[derive(Debug)]
pub struct AriSession {
    pub(super) facts: Facts,
    pub(super) asked: Asked,
    pub(super) phase: Phase,
    pub(super) identity: PbxIdentity,
    pub(super) shot: Option<Shot>,
    pub(super) next_ping: Option<Mono>,
    warned: BTreeSet<&'static str>,
    counters: AriCounters,
}

impl AriSession {
    /// A session that logs in, filters and takes a snapshot when it is connected.
    pub fn new(settings: AriSettings) -> Self {
        Self {
            facts: Facts::new(settings),
            asked: Asked::default(),
            phase: Phase::Starting,
            identity: PbxIdentity::default(),
            shot: None,
            next_ping: None,
            warned: BTreeSet::new(),
            counters: AriCounters::default(),
        }
    }

    /// A session that is logged in already and asks nothing: for recorded events.
    pub fn observing(settings: AriSettings) -> Self {
        Self { phase: Phase::Up, ..Self::new(settings) }
    }

    /// What it has counted.
    pub fn counters(&self) -> AriCounters {
        self.counters
    }

    /// Sends a request that must be answered after `wait`.
    pub(super) fn ask(
        &mut self,
        now: Now,
        wait: Duration,
        request: Request,
        ask: Ask,
        out: &mut LinkOutputs,
    ) {
        let over_websocket = self.facts.settings.rest_over_websocket;
        self.asked.ask(request, ask, now.mono.after(wait), over_websocket, out);
    }

    pub(super) fn warn(&mut self, cause: &'static str, text: String, out: &mut LinkOutputs) {
        if self.warned.insert(cause) {
            out.reports.push(LinkReport::News(News::Warning(text)));
        }
    }

    pub(super) fn done(id: OrderId, result: OrderResult, out: &mut LinkOutputs) {
        out.reports.push(LinkReport::News(News::Done(id, result)));
    }

    fn pinged(&mut self, now: Now, status: u16, body: &[u8], out: &mut LinkOutputs) {
        if status == 200 {
            self.next_ping = Some(now.mono.after(PING_EVERY));
        } else {
            let said = words(status, body);
            out.close = Some(Close::Retry(format!("ARI does not answer a ping: {said}")));
        }
    }

    fn answered(&mut self, now: Now, ask: Ask, status: u16, body: &[u8], out: &mut LinkOutputs) {
        match ask {
            Ask::Info => self.greeted(now, status, body, out),
            Ask::Run => self.run_told(now, status, body, out),
            Ask::NameRun(name) => self.run_named(now, name, status, body, out),
            Ask::Filter => self.filtered(now, status, body, out),
            Ask::Ping => self.pinged(now, status, body, out),
            Ask::Step { order, means, rest } => match status {
                200..=299 => {
                    if let Some(fact) = means {
                        self.facts.ordered(*fact, out);
                    }
                    self.next_step(now, order, rest, out);
                }
                0 => Self::done(order, OrderResult::TimedOut, out),
                _ => Self::done(order, OrderResult::Rejected(words(status, body)), out),
            },
            ask => self.listed(now, &ask, status, body, out),
        }
    }

    fn malformed(&mut self, out: &mut LinkOutputs) {
        self.counters.malformed += 1;
        self.warn("malformed", "ARI sent something that is no event".to_owned(), out);
    }

    fn oversized(&mut self, now: Now, bytes: usize, out: &mut LinkOutputs) {
        self.counters.oversized += 1;
        let text = format!("ARI sent an event of {bytes} bytes: more than {EVENT_BYTES_MAX}");
        self.warn("oversized", text.clone(), out);
        self.lost(now, 1, text, out);
    }

    fn lost(&mut self, now: Now, events: u64, why: String, out: &mut LinkOutputs) {
        out.reports.push(LinkReport::News(News::Lost(events, why)));
        if self.phase == Phase::Up && self.next_ping.is_some() {
            self.take_snapshot(now, Vec::new(), out);
        }
    }

    /// A message that is an answer to one of our requests.
    fn rest_response(&mut self, now: Now, bytes: &[u8], out: &mut LinkOutputs) {
        let Ok(answer) = serde_json::from_slice::<RestResponse>(bytes) else {
            return self.malformed(out);
        };
        let ask = answer.request_id.parse().ok().and_then(|ticket| self.asked.take(ticket));
        let Some(ask) = ask else { return };
        let body = match answer.message_body.is_empty() {
            true => answer.reason_phrase,
            false => answer.message_body,
        };
        self.answered(now, ask, answer.status_code, body.as_bytes(), out);
    }
}

/// An answer to a request may be as long as an HTTP answer. What it is stands at its start.
fn is_answer(bytes: &[u8]) -> bool {
    const START: usize = 64;
    let start = &bytes[..bytes.len().min(START)];
    start.windows(14).any(|window| window == b"\"RESTResponse\"")
}

impl Session for AriSession {
    fn connected(&mut self, now: Now, lane: Lane, out: &mut LinkOutputs) {
        if lane == Lane::Events && self.phase == Phase::Starting {
            let request = Request::new(Method::Get, "/asterisk/info");
            self.ask(now, START_MAX, request, Ask::Info, out);
        }
    }

    fn received(&mut self, now: Now, _lane: Lane, bytes: &[u8], out: &mut LinkOutputs) {
        self.counters.messages += 1;
        let answer = self.facts.settings.rest_over_websocket && is_answer(bytes);
        let limit = if answer { ANSWER_BYTES_MAX } else { EVENT_BYTES_MAX };
        if bytes.len() > limit {
            return self.oversized(now, bytes.len(), out);
        }
        let Ok(head) = serde_json::from_slice::<Head<'_>>(bytes) else {
            return self.malformed(out);
        };
        match Kind::of(&head.kind) {
            None => self.counters.unused += 1,
            Some(Kind::RestResponse) => self.rest_response(now, bytes, out),
            Some(Kind::Replaced) => {
                let app = &self.facts.settings.app;
                let why = format!("another client took application {app}");
                out.close = Some(Close::Refused(why));
            }
            // What happens before the link is up is in its first snapshot.
            Some(_) if self.phase == Phase::Starting => {}
            Some(kind) => match serde_json::from_slice::<Event<'_>>(bytes) {
                Ok(event) => self.facts.event(now.mono, kind, &event, out),
                Err(_) => self.malformed(out),
            },
        }
        if self.facts.overflow {
            let text = "Asterisk has more channels than this link follows".to_owned();
            self.warn("overflow", text, out);
        }
    }

    fn responded(
        &mut self,
        now: Now,
        ticket: u64,
        status: u16,
        body: &[u8],
        out: &mut LinkOutputs,
    ) {
        if let Some(ask) = self.asked.take(ticket) {
            self.answered(now, ask, status, body, out);
        }
    }

    fn order(&mut self, now: Now, id: OrderId, order: &Order, out: &mut LinkOutputs) {
        match (self.phase, order) {
            (Phase::Starting, _) => Self::done(id, OrderResult::LinkDown, out),
            (Phase::Up, Order::Snapshot) => self.take_snapshot(now, vec![id], out),
            (Phase::Up, order) => self.carry_out(now, id, order, out),
        }
    }

    fn dropped(&mut self, now: Now, events: u64, out: &mut LinkOutputs) {
        self.lost(now, events, "events came faster than they were handled".to_owned(), out);
    }

    fn tick(&mut self, now: Now, out: &mut LinkOutputs) {
        self.facts.settle(now.mono, out);
        for ask in self.asked.overdue(now.mono) {
            self.answered(now, ask, 0, b"no answer in time", out);
        }
        if self.next_ping.is_some_and(|due| due <= now.mono) {
            self.next_ping = Some(now.mono.after(PING_EVERY + PING_MAX));
            let request = Request::new(Method::Get, "/asterisk/ping");
            self.ask(now, PING_MAX, request, Ask::Ping, out);
        }
    }

    fn next_deadline(&self) -> Option<Mono> {
        let settling = self.facts.next_settling();
        [settling, self.asked.next_due(), self.next_ping].into_iter().flatten().min()
    }
}
