//! Connections that FreeSWITCH opens to us, one for each call that its dialplan hands to
//! `socket HOST:PORT async full`.
//!
//! All of them feed one model, because a transfer joins calls of several. A channel that has the
//! variable `trunkline_next` is sent on to that number as soon as its call is followed; any other
//! waits for an order.

use super::connection::{Connection, Seen, Task};
use super::event::EslEvent;
use super::frame::Frame;
use super::jobs::{Jobs, Purpose, program, verdict};
use super::model::{Model, id_in};
use super::names;
use super::settings::EslSettings;
use crate::model::{Mono, Now};
use crate::pbx::{
    ChannelId, Close, Fact, LinkReport, News, Observed, Order, OrderId, OrderResult, PbxIdentity,
    Snapshot,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Bytes of one event.
const EVENT_BYTES_MAX: usize = 1024 * 1024;
/// A command has its result within this time.
const RESULT_MAX: Duration = Duration::from_secs(10);
/// Channels of one call whose events are asked for by name.
const FOLLOWED_MAX: usize = 32;
/// Events that are remembered: two connections whose calls have met tell the same.
const SEEN_MAX: usize = 256;
const NO_LINK: &str = "FreeSWITCH connects to us for its calls only: this needs `address`";

/// A connection, as its driver numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallSocket(pub u64);

/// Effects, in order within each list; the driver empties it after each call.
#[derive(Debug, Default)]
pub struct CallOutputs {
    /// Bytes to send.
    pub sends: Vec<(CallSocket, Vec<u8>)>,
    /// Connections to give up, and why. Nothing more is to be told of them.
    pub closes: Vec<(CallSocket, Close)>,
    /// Facts and news, in order.
    pub reports: Vec<LinkReport>,
}

#[derive(Debug)]
struct Socket {
    connection: Connection,
    jobs: Jobs,
    /// The channel that the dialplan handed over.
    own: Option<ChannelId>,
    /// Where it is to go.
    next: Option<String>,
    /// All channels that its events were about.
    channels: BTreeSet<ChannelId>,
}

/// The connections of one FreeSWITCH.
pub struct EslCalls {
    model: Model,
    /// What they say is told; otherwise connections of ours tell the same.
    tells: bool,
    sockets: BTreeMap<CallSocket, Socket>,
    identity: PbxIdentity,
    seen: VecDeque<u64>,
    count: u64,
}

impl EslCalls {
    /// No connection so far. `tells`: nothing else tells what happens at this FreeSWITCH.
    pub fn new(settings: EslSettings, tells: bool) -> Self {
        Self {
            model: Model::new(settings),
            tells,
            sockets: BTreeMap::new(),
            identity: PbxIdentity::default(),
            seen: VecDeque::with_capacity(SEEN_MAX),
            count: 0,
        }
    }

    /// Connections are taken from now on: the link is up, and no call is followed.
    pub fn listening(&self, out: &mut CallOutputs) {
        self.up(out);
    }

    /// FreeSWITCH has opened a connection.
    pub fn connected(&mut self, now: Now, socket: CallSocket, out: &mut CallOutputs) {
        self.count += 1;
        let task = Task::Call { events: self.tells };
        let mut connection = Connection::new(task, EVENT_BYTES_MAX);
        if let Some(text) = connection.opened(now.mono) {
            out.sends.push((socket, text.into()));
        }
        let jobs = Jobs::prefixed(format!("tl-{}-{}-", now.wall.0, self.count));
        let (own, next, channels) = (None, None, BTreeSet::new());
        self.sockets.insert(socket, Socket { connection, jobs, own, next, channels });
    }

    /// Bytes came, cut anywhere.
    pub fn received(&mut self, now: Now, socket: CallSocket, bytes: &[u8], out: &mut CallOutputs) {
        if let Some(one) = self.sockets.get_mut(&socket) {
            one.connection.push(bytes);
        }
        let mut sends = Vec::new();
        while let Some(one) = self.sockets.get_mut(&socket) {
            let next = one.connection.next(&self.model.settings, &mut sends);
            out.sends.extend(sends.drain(..).map(|text| (socket, text.into_bytes())));
            match next {
                Ok(None) => return,
                Ok(Some(seen)) => self.seen(now, socket, seen, out),
                Err(why) => self.close(now, socket, why, out),
            }
        }
    }

    /// The connection is gone: so is what it told of.
    pub fn ended(&mut self, now: Now, socket: CallSocket, out: &mut CallOutputs) {
        let Some(mut one) = self.sockets.remove(&socket) else { return };
        for purpose in one.jobs.take_all() {
            unanswered(purpose, out);
        }
        let elsewhere = |id: &ChannelId| self.sockets.values().any(|s| s.channels.contains(id));
        let gone: Vec<ChannelId> = one.channels.into_iter().filter(|id| !elsewhere(id)).collect();
        let mut facts = Vec::new();
        self.model.late.release_ends(&mut facts, |channel, _| gone.contains(channel));
        self.model.late.release_due(now.mono, &mut facts);
        for id in gone {
            if self.model.channels.remove(&id).is_some() {
                facts.push(Observed { pbx_time: None, fact: Fact::Lost(id) });
            }
        }
        self.tell(facts, out);
    }

    /// An order of the engine. Exactly one [`News::Done`] follows.
    pub fn order(&mut self, now: Now, id: OrderId, order: &Order, out: &mut CallOutputs) {
        let Some(channel) = order.channel() else {
            return done(id, OrderResult::Unsupported(NO_LINK.into()), out);
        };
        let ready = |one: &Socket| one.connection.is_ready();
        let its = |one: &Socket| ready(one) && one.channels.contains(channel);
        let socket = self.sockets.iter().find(|(_, one)| its(one)).map(|(socket, _)| *socket);
        let Some(socket) = socket else {
            let why = "FreeSWITCH holds no connection for this call";
            return done(id, OrderResult::Rejected(why.into()), out);
        };
        let command = match self.model.command(order) {
            Ok(command) => command,
            Err(why) => return done(id, why.into(), out),
        };
        if let Order::Consult { by, .. } = order {
            self.model.consultation_ordered(by);
        }
        self.model.order_transfer(now.mono, id, order);
        self.send(now, socket, &command, Purpose::Order(id), out);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Now, out: &mut CallOutputs) {
        let mut facts = Vec::new();
        self.model.late.release_due(now.mono, &mut facts);
        self.tell(facts, out);
        let mut late = Vec::new();
        let mut purposes = Vec::new();
        for (socket, one) in &mut self.sockets {
            purposes.extend(one.jobs.overdue(now.mono));
            if one.connection.login_due().is_some_and(|due| due <= now.mono) {
                late.push(*socket);
            }
        }
        for purpose in purposes {
            unanswered(purpose, out);
        }
        for socket in late {
            let why = "a connection told no call within 10 s";
            self.close(now, socket, Close::Retry(why.into()), out);
        }
    }

    /// When `tick` is due next.
    pub fn next_deadline(&self) -> Option<Mono> {
        let of = |one: &Socket| [one.jobs.next_due(), one.connection.login_due()];
        let sockets = self.sockets.values().flat_map(of).flatten();
        sockets.chain(self.model.late.next_due()).min()
    }

    fn tell(&self, facts: Vec<Observed>, out: &mut CallOutputs) {
        if self.tells {
            out.reports.extend(facts.into_iter().map(LinkReport::Fact));
        }
    }

    /// Says who is there, and what of it is followed.
    fn up(&self, out: &mut CallOutputs) {
        if !self.tells {
            return; // connections of ours say so
        }
        out.reports.push(LinkReport::News(News::Up(self.identity.clone())));
        self.in_step(out);
    }

    fn in_step(&self, out: &mut CallOutputs) {
        let channels = self.model.channels.iter().map(|(id, known)| (id.clone(), known.facts(id)));
        let snapshot = Snapshot { channels: channels.collect(), ..Snapshot::default() };
        let fact = Fact::Snapshot(snapshot);
        self.tell(vec![Observed { pbx_time: None, fact }], out);
    }

    fn close(&mut self, now: Now, socket: CallSocket, why: Close, out: &mut CallOutputs) {
        self.ended(now, socket, out);
        out.closes.push((socket, why));
    }

    fn send(
        &mut self,
        now: Now,
        socket: CallSocket,
        command: &str,
        purpose: Purpose,
        out: &mut CallOutputs,
    ) {
        let Some(one) = self.sockets.get_mut(&socket) else { return };
        let bytes = one.jobs.send(command, purpose, now.mono.after(RESULT_MAX));
        out.sends.push((socket, bytes));
    }

    fn seen(&mut self, now: Now, socket: CallSocket, seen: Seen, out: &mut CallOutputs) {
        match seen {
            Seen::Call(frame) => self.call(now, socket, &frame, out),
            Seen::Ready => self.ready(now, socket, out),
            Seen::Event(body) => match EslEvent::from_json(&body) {
                Some(event) => self.event(now, socket, &event, out),
                None => self.lost("an event could not be read".into(), out),
            },
            Seen::Reply { error } => {
                let Some(one) = self.sockets.get_mut(&socket) else { return };
                let refused = one.jobs.acknowledged(error.is_some());
                if let (Some(purpose), Some(error)) = (refused, error) {
                    self.result(purpose, &format!("-ERR {error}"), out);
                }
            }
            Seen::TooLong(bytes) => {
                self.lost(format!("an event of {bytes} bytes was passed over"), out);
            }
            Seen::Odd(kind) => warn("FreeSWITCH sent what nobody asked for", &kind, out),
        }
    }

    /// Which call a connection is for.
    fn call(&mut self, now: Now, socket: CallSocket, frame: &Frame, out: &mut CallOutputs) {
        let event = EslEvent::from_headers(frame.headers());
        let core = event.text("Core-UUID").unwrap_or_default();
        let known = &self.identity.instance;
        if self.tells && !known.is_empty() && known != core {
            self.restarted(now, socket, out);
        }
        if self.identity.instance != core {
            let first = self.identity.instance.is_empty();
            self.identity = PbxIdentity { version: String::new(), instance: core.to_owned() };
            if !first {
                self.up(out); // before its calls: what is told then belongs to this run
            }
        }
        if let Some(one) = self.sockets.get_mut(&socket) {
            one.own = id_in(&event, "Unique-ID");
            one.next = event.text("variable_trunkline_next").map(str::to_owned);
        }
        self.event(now, socket, &event, out);
    }

    /// Another run of FreeSWITCH: the connections of the one before are dead.
    fn restarted(&mut self, now: Now, newest: CallSocket, out: &mut CallOutputs) {
        let old: Vec<CallSocket> =
            self.sockets.keys().copied().filter(|socket| *socket != newest).collect();
        for socket in old {
            self.close(now, socket, Close::Retry("FreeSWITCH was restarted".into()), out);
        }
        self.seen.clear();
    }

    fn ready(&mut self, now: Now, socket: CallSocket, out: &mut CallOutputs) {
        if self.tells && self.identity.version.is_empty() {
            self.send(now, socket, "version short", Purpose::Version, out);
        }
        let Some(one) = self.sockets.get_mut(&socket) else { return };
        let (Some(next), Some(own)) = (one.next.take(), one.own.clone()) else { return };
        match (names::number(&next), names::channel(&own)) {
            (Ok(next), Ok(own)) => {
                let command = format!("uuid_transfer {own} {next}");
                self.send(now, socket, &command, Purpose::Next, out);
            }
            _ => warn("trunkline_next is no number", "the call waits for an order", out),
        }
    }

    fn event(&mut self, now: Now, socket: CallSocket, event: &EslEvent<'_>, out: &mut CallOutputs) {
        if event.text("Event-Name") == Some("BACKGROUND_JOB") {
            let Some(one) = self.sockets.get_mut(&socket) else { return };
            let purpose = event.text("Job-UUID").and_then(|id| one.jobs.finished(id));
            if let Some(purpose) = purpose {
                self.result(purpose, event.text("_body").unwrap_or_default(), out);
            }
            return;
        }
        self.follow(socket, event, out);
        if event.text("Event-Sequence").is_some_and(|number| self.is_known(number)) {
            return;
        }
        let mut facts = Vec::new();
        self.model.event(now, event, &mut facts);
        self.tell(facts, out);
    }

    /// A leg that an event is about is followed by its own name too: after a transfer nothing else
    /// joins it with the call. So is the far half of a loopback channel, which names no call.
    fn follow(&mut self, socket: CallSocket, event: &EslEvent<'_>, out: &mut CallOutputs) {
        let Some(one) = self.sockets.get_mut(&socket) else { return };
        for field in ["Unique-ID", "variable_other_loopback_leg_uuid"] {
            let Some(id) = id_in(event, field) else { continue };
            let follows = self.tells && one.own.as_ref() != Some(&id);
            if !one.channels.insert(id.clone()) || !follows || one.channels.len() > FOLLOWED_MAX {
                continue;
            }
            let Ok(id) = names::channel(&id) else { continue };
            for field in ["Unique-ID", "Other-Leg-Unique-ID"] {
                one.jobs.sent_plain();
                out.sends.push((socket, format!("filter {field} {id}\n\n").into_bytes()));
            }
        }
    }

    /// Another connection has told this event.
    fn is_known(&mut self, number: &str) -> bool {
        let Ok(number) = number.parse() else { return false };
        if self.seen.contains(&number) {
            return true;
        }
        if self.seen.len() == SEEN_MAX {
            self.seen.pop_front();
        }
        self.seen.push_back(number);
        false
    }

    fn result(&mut self, purpose: Purpose, body: &str, out: &mut CallOutputs) {
        match purpose {
            Purpose::Version => {
                self.identity.version = program(body);
                self.up(out);
            }
            Purpose::Order(id) => {
                let verdict = verdict(body);
                if verdict != OrderResult::Done {
                    self.model.forget_transfer(id);
                }
                done(id, verdict, out);
            }
            Purpose::Next => {
                if let OrderResult::Rejected(why) = verdict(body) {
                    warn("a call could not be sent on to trunkline_next", &why, out);
                }
            }
            _ => {} // no list is asked for here
        }
    }

    /// There is nobody to ask: what the model holds is all that is known.
    fn lost(&mut self, why: String, out: &mut CallOutputs) {
        if self.tells {
            out.reports.push(LinkReport::News(News::Lost(1, why)));
            self.in_step(out);
        }
    }
}

fn unanswered(purpose: Purpose, out: &mut CallOutputs) {
    if let Purpose::Order(id) = purpose {
        done(id, OrderResult::TimedOut, out);
    }
}

fn done(id: OrderId, result: OrderResult, out: &mut CallOutputs) {
    out.reports.push(LinkReport::News(News::Done(id, result)));
}

fn warn(cause: &str, detail: &str, out: &mut CallOutputs) {
    out.reports.push(LinkReport::News(News::Warning(format!("{cause}: {detail}"))));
}
