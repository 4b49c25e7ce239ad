//! The session: where connections, model, commands and snapshots are put together.

use super::connection::{Connection, Seen, Task};
use super::event::EslEvent;
use super::jobs::{Jobs, Purpose, program, verdict};
use super::model::{Model, id_in};
use super::settings::EslSettings;
use super::snapshot::Gather;
use crate::model::{Mono, Now};
use crate::pbx::{
    Close, Lane, LinkOutputs, LinkReport, News, Observed, Order, OrderId, OrderResult, PbxIdentity,
    Session,
};
use std::collections::BTreeSet;
use std::time::Duration;

/// Bytes of one event. The largest seen have 12 KiB.
const EVENT_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one result: a list of some 4000 channels.
const RESULT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// FreeSWITCH says `HEARTBEAT` every 20 s. So long without any event, and the link is given up.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// A command has its result within this time.
const RESULT_MAX: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Two connections of ours.
    Dialing,
    /// A recording.
    Observing,
}

/// One Event Socket link: two connections of ours.
pub struct EslSession {
    pub(super) role: Role,
    events: Connection,
    commands: Connection,
    pub(super) model: Model,
    pub(super) jobs: Jobs,
    pub(super) gather: Option<Gather>,
    /// Something was lost while a snapshot was taken: take another.
    pub(super) gather_again: bool,
    /// Orders that a snapshot answers.
    pub(super) gather_for: Vec<OrderId>,
    identity: PbxIdentity,
    pub(super) up: bool,
    /// Without an event until then the link is given up.
    silence_due: Option<Mono>,
    warned: BTreeSet<&'static str>,
    closed: bool,
}

impl EslSession {
    /// A link whose two connections we open; nothing is connected yet.
    pub fn new(settings: EslSettings) -> Self {
        let events = Connection::new(Task::Events, EVENT_BYTES_MAX);
        Self::with(Role::Dialing, settings, events)
    }

    /// A link that is logged in and subscribed already: recorded events are played into it, on
    /// [`Lane::Events`], each as a `text/event-json` frame.
    pub fn observing(settings: EslSettings) -> Self {
        let events = Connection::subscribed(Task::Events, EVENT_BYTES_MAX);
        let mut session = Self::with(Role::Observing, settings, events);
        session.up = true;
        session
    }

    fn with(role: Role, settings: EslSettings, events: Connection) -> Self {
        Self {
            role,
            events,
            commands: Connection::new(Task::Commands, RESULT_BYTES_MAX),
            model: Model::new(settings),
            jobs: Jobs::default(),
            gather: None,
            gather_again: false,
            gather_for: Vec::new(),
            identity: PbxIdentity::default(),
            up: false,
            silence_due: None,
            warned: BTreeSet::new(),
            closed: false,
        }
    }

    fn close(&mut self, why: Close, out: &mut LinkOutputs) {
        self.closed = true;
        out.close = Some(why);
    }

    pub(super) fn warn(&mut self, cause: &'static str, detail: &str, out: &mut LinkOutputs) {
        if self.warned.insert(cause) {
            let text = if detail.is_empty() { cause.into() } else { format!("{cause}: {detail}") };
            out.reports.push(LinkReport::News(News::Warning(text)));
        }
    }

    /// Before the link is up nobody waits for facts: the snapshot says what they said.
    pub(super) fn tell(&mut self, facts: Vec<Observed>, out: &mut LinkOutputs) {
        if self.up {
            out.reports.extend(facts.into_iter().map(LinkReport::Fact));
        }
    }

    pub(super) fn done(&mut self, id: OrderId, result: OrderResult, out: &mut LinkOutputs) {
        out.reports.push(LinkReport::News(News::Done(id, result)));
    }

    pub(super) fn send(
        &mut self,
        now: Now,
        command: &str,
        purpose: Purpose,
        within: Duration,
        out: &mut LinkOutputs,
    ) {
        let bytes = self.jobs.send(command, purpose, now.mono.after(within));
        out.sends.push((Lane::Commands, bytes));
    }

    fn seen(&mut self, now: Now, lane: Lane, seen: Seen, out: &mut LinkOutputs) {
        match seen {
            Seen::Event(body) => self.event(now, lane, &body, out),
            Seen::Ready => self.ready(now, out),
            Seen::Call(_) => {} // only connections of FreeSWITCH's own begin so
            Seen::Reply { error } => {
                let refused = self.jobs.acknowledged(error.is_some());
                if let (Some(purpose), Some(error)) = (refused, error) {
                    self.result(now, purpose, &format!("-ERR {error}"), out);
                }
            }
            Seen::TooLong(bytes) if lane == Lane::Events => {
                self.warn("an event is longer than 1 MiB", "", out);
                self.lost(now, 1, format!("an event of {bytes} bytes was passed over"), out);
            }
            Seen::TooLong(_) => {
                self.warn("a result is longer than 8 MiB", "", out);
                self.abandon(out);
            }
            Seen::Odd(kind) => self.warn("FreeSWITCH sent what nobody asked for", &kind, out),
        }
    }

    fn event(&mut self, now: Now, lane: Lane, body: &[u8], out: &mut LinkOutputs) {
        let Some(event) = EslEvent::from_json(body) else {
            self.warn("an event cannot be read", "", out);
            return self.lost(now, 1, "an event could not be read".into(), out);
        };
        if lane == Lane::Events && self.role == Role::Dialing {
            self.silence_due = Some(now.mono.after(SILENCE_MAX));
        }
        if let Some(core) = event.text("Core-UUID").filter(|_| self.role == Role::Dialing) {
            if self.identity.instance.is_empty() {
                self.identity.instance = core.to_owned();
            } else if self.identity.instance != core {
                return self.close(Close::Retry("FreeSWITCH was restarted".into()), out);
            }
        }
        match event.text("Event-Name") {
            Some("HEARTBEAT") => {}
            Some("BACKGROUND_JOB") => {
                let purpose = event.text("Job-UUID").and_then(|id| self.jobs.finished(id));
                if let Some(purpose) = purpose {
                    self.result(now, purpose, event.text("_body").unwrap_or_default(), out);
                }
            }
            _ => {
                let mut facts = Vec::new();
                self.model.event(now, &event, &mut facts);
                let dialed = id_in(&event, "Unique-ID").and_then(|id| self.jobs.dialed(&id));
                self.tell(facts, out);
                if let Some(order) = dialed {
                    self.done(order, OrderResult::Done, out);
                }
                if self.model.channels.overflowed {
                    self.warn("there are more than 20000 channels: not all are followed", "", out);
                }
            }
        }
    }

    fn ready(&mut self, now: Now, out: &mut LinkOutputs) {
        if self.role == Role::Dialing && self.events.is_ready() && self.commands.is_ready() {
            self.silence_due = Some(now.mono.after(SILENCE_MAX));
            self.send(now, "version short", Purpose::Version, RESULT_MAX, out);
        }
    }

    fn up(&mut self, out: &mut LinkOutputs) {
        self.up = true;
        out.reports.push(LinkReport::News(News::Up(self.identity.clone())));
    }

    fn result(&mut self, now: Now, purpose: Purpose, body: &str, out: &mut LinkOutputs) {
        match purpose {
            Purpose::Version => {
                self.identity.version = program(body);
                self.up(out);
                self.gather(now, out);
            }
            Purpose::Order(id) | Purpose::Dial(id, _) => {
                let verdict = verdict(body);
                if verdict != OrderResult::Done {
                    self.model.forget_transfer(id);
                }
                self.done(id, verdict, out);
            }
            Purpose::Told | Purpose::Next => {}
            listing => self.listed(now, listing, body, out),
        }
    }

    fn overdue(&mut self, now: Now, out: &mut LinkOutputs) {
        for purpose in self.jobs.overdue(now.mono) {
            match purpose {
                Purpose::Order(id) | Purpose::Dial(id, _) => {
                    self.done(id, OrderResult::TimedOut, out);
                }
                Purpose::Told | Purpose::Next => {}
                _ => {
                    let why = "FreeSWITCH does not answer commands";
                    self.close(Close::Retry(why.into()), out);
                }
            }
        }
    }
}

impl Session for EslSession {
    fn connected(&mut self, now: Now, lane: Lane, out: &mut LinkOutputs) {
        if self.jobs.next_due().is_none() {
            self.jobs = Jobs::prefixed(format!("tl-{}-", now.wall.0));
        }
        let connection = match lane {
            Lane::Events => &mut self.events,
            Lane::Commands => &mut self.commands,
        };
        if let Some(text) = connection.opened(now.mono) {
            out.sends.push((lane, text.into()));
        }
    }

    fn received(&mut self, now: Now, lane: Lane, bytes: &[u8], out: &mut LinkOutputs) {
        let mut sends = Vec::new();
        let connection = match lane {
            Lane::Events => &mut self.events,
            Lane::Commands => &mut self.commands,
        };
        connection.push(bytes);
        while !self.closed {
            let connection = match lane {
                Lane::Events => &mut self.events,
                Lane::Commands => &mut self.commands,
            };
            let next = connection.next(&self.model.settings, &mut sends);
            out.sends.extend(sends.drain(..).map(|text| (lane, text.into_bytes())));
            match next {
                Ok(None) => return,
                Ok(Some(seen)) => self.seen(now, lane, seen, out),
                Err(why) => self.close(why, out),
            }
        }
    }

    /// There is no HTTP here.
    fn responded(&mut self, _: Now, _: u64, _: u16, _: &[u8], _: &mut LinkOutputs) {}

    fn order(&mut self, now: Now, id: OrderId, order: &Order, out: &mut LinkOutputs) {
        if self.closed || !self.up {
            return self.done(id, OrderResult::LinkDown, out);
        }
        match (self.role, order) {
            (Role::Observing, _) => {
                let why = "a recording takes no orders";
                return self.done(id, OrderResult::Unsupported(why.into()), out);
            }
            (Role::Dialing, Order::Snapshot) => {
                self.gather_for.push(id);
                return self.gather(now, out);
            }
            (Role::Dialing, _) => {}
        }
        let command = match self.model.command(order) {
            Ok(command) => command,
            Err(why) => return self.done(id, why.into(), out),
        };
        let (purpose, within) = match order {
            Order::Dial { channel, ring_s, .. } => {
                let ring = Duration::from_secs(u64::from(*ring_s));
                (Purpose::Dial(id, channel.clone()), ring.saturating_add(RESULT_MAX))
            }
            _ => (Purpose::Order(id), RESULT_MAX),
        };
        if let Order::Consult { by, .. } = order {
            self.model.consultation_ordered(by);
        }
        self.model.order_transfer(now.mono, id, order);
        self.send(now, &command, purpose, within, out);
    }

    fn dropped(&mut self, now: Now, events: u64, out: &mut LinkOutputs) {
        self.lost(now, events, "our queue of events was full".into(), out);
    }

    fn tick(&mut self, now: Now, out: &mut LinkOutputs) {
        if self.closed {
            return;
        }
        let mut facts = Vec::new();
        self.model.late.release_due(now.mono, &mut facts);
        self.tell(facts, out);
        self.overdue(now, out);
        let logins = [self.events.login_due(), self.commands.login_due()];
        if logins.into_iter().flatten().any(|due| due <= now.mono) {
            return self.close(Close::Retry("no login within 10 s".into()), out);
        }
        if self.silence_due.is_some_and(|due| due <= now.mono) {
            self.close(Close::Retry("no event of FreeSWITCH for 45 s".into()), out);
        }
    }

    fn next_deadline(&self) -> Option<Mono> {
        if self.closed {
            return None;
        }
        let dues = [
            self.model.late.next_due(),
            self.jobs.next_due(),
            self.events.login_due(),
            self.commands.login_due(),
            self.silence_due,
        ];
        dues.into_iter().flatten().min()
    }
}
