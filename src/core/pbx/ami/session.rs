//! The session: what comes in, what is asked, what is told.

use super::action::Action;
use super::block::Block;
use super::board::Board;
use super::frame::{Frame, Framer};
use super::orders::{Plan, plan, rejected};
use super::pending::{ANSWER, Ask, LIST, List, Pending, Then, Waiting};
use super::settings::AmiSettings;
use super::snapshot::Listing;
use crate::model::{Mono, Now};
use crate::pbx::{
    ChannelId, Close, Fact, Lane, LinkOutputs, LinkReport, News, Observed, Order, OrderId,
    OrderResult, PbxIdentity, Session,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A ping is sent this often.
pub(super) const PING_EVERY: Duration = Duration::from_secs(15);

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No connection.
    New,
    /// The banner is due.
    Banner(Mono),
    /// Challenge or login wait for their answer.
    LoggingIn,
    /// Logged in; Asterisk must be fully booted by then.
    Booting(Mono),
    /// Filters and questions about the PBX wait for their answers.
    Identifying,
    /// Events flow.
    Up,
    /// Given up.
    Closed,
}

/// A snapshot that is being taken.
#[derive(Debug)]
pub(super) struct Taking {
    listing: Listing,
    /// Questions whose answers it needs.
    awaited: BTreeSet<u64>,
    /// The lists are complete; Call-IDs were asked for.
    listed: bool,
    orders: Vec<OrderId>,
    /// Another one was wanted since.
    again: Option<Vec<OrderId>>,
}

/// An AMI link's session.
#[derive(Debug)]
pub struct AmiSession {
    pub(super) settings: Arc<AmiSettings>,
    pub(super) board: Board,
    pub(super) framer: Framer,
    pub(super) phase: Phase,
    pub(super) pending: Pending,
    pub(super) identity: PbxIdentity,
    /// The PBX has taken our filters.
    pub(super) filtered: bool,
    pub(super) ping_due: Mono,
    taking: Option<Taking>,
    warned: BTreeSet<&'static str>,
    /// Only reads: nothing is sent.
    observing: bool,
}

impl AmiSession {
    /// A session for one connection.
    pub fn new(settings: AmiSettings) -> Self {
        let settings = Arc::new(settings);
        Self {
            board: Board::new(settings.clone()),
            settings,
            framer: Framer::new(true),
            phase: Phase::New,
            pending: Pending::new(0),
            identity: PbxIdentity::default(),
            filtered: true,
            ping_due: Mono(u64::MAX),
            taking: None,
            warned: BTreeSet::new(),
            observing: false,
        }
    }

    /// A session that is logged in from the start and sends nothing: reads a recording.
    pub fn observing(settings: AmiSettings) -> Self {
        let framer = Framer::new(false);
        Self { framer, phase: Phase::Up, observing: true, ..Self::new(settings) }
    }

    /// Sends an action and waits for its answer; its number, if it was sent.
    pub(super) fn ask(
        &mut self,
        now: Now,
        action: &Action,
        ask: Ask,
        out: &mut LinkOutputs,
    ) -> Option<u64> {
        match self.send(now, action, ask, out) {
            Ok(number) => Some(number),
            Err((_, why)) => {
                self.warn("action", &format!("{} cannot be sent: {why}", action.name()), out);
                None
            }
        }
    }

    fn send(
        &mut self,
        now: Now,
        action: &Action,
        ask: Ask,
        out: &mut LinkOutputs,
    ) -> Result<u64, (Ask, String)> {
        if self.observing || self.pending.is_full() {
            return Err((ask, "too many actions wait for an answer".to_owned()));
        }
        let (number, id) = self.pending.next_id();
        let bytes = match action.encode(&id) {
            Ok(bytes) => bytes,
            Err(why) => return Err((ask, why)),
        };
        let wait = if matches!(ask, Ask::List(_)) { LIST } else { ANSWER };
        let waiting = Waiting { action: action.name(), ask, due: now.mono.after(wait) };
        self.pending.insert(number, waiting);
        out.sends.push((Lane::Events, bytes));
        Ok(number)
    }

    pub(super) fn give_up(&mut self, close: Close, out: &mut LinkOutputs) {
        if self.phase != Phase::Closed {
            self.phase = Phase::Closed;
            out.close = Some(close);
        }
    }

    /// Tells an operator, once a cause.
    pub(super) fn warn(&mut self, cause: &'static str, text: &str, out: &mut LinkOutputs) {
        if self.warned.insert(cause) {
            out.reports.push(LinkReport::News(News::Warning(text.to_owned())));
        }
    }

    fn block(&mut self, now: Now, text: &str, out: &mut LinkOutputs) {
        let block = Block::read(text);
        let number = block.value("ActionID").and_then(|id| self.pending.number(id));
        match (number, block.value("Event")) {
            (Some(number), Some("OriginateResponse")) => self.originated(number, &block, out),
            (Some(number), Some(_)) => self.item(now, number, &block, out),
            (Some(number), None) => self.answer(now, number, &block, out),
            (None, Some("FullyBooted")) => self.booted(now, out),
            (None, Some("Shutdown")) => {
                self.give_up(Close::Retry("Asterisk shuts down".to_owned()), out);
            }
            (None, Some(event)) if self.phase == Phase::Up => self.event(now, event, &block, out),
            (None, _) => {}
        }
    }

    fn event(&mut self, now: Now, event: &str, block: &Block<'_>, out: &mut LinkOutputs) {
        if !self.board.call_event(event, block, now) {
            self.board.queue_event(event, block, now);
        } else if block.stamp().is_none() {
            let why = "events carry no time: set timestampevents = yes in manager.conf";
            self.warn("timestamps", why, out);
        }
        self.tell(now, out);
    }

    /// Tells what the board has to say, and asks about channels that have appeared.
    fn tell(&mut self, now: Now, out: &mut LinkOutputs) {
        let listing = self.taking.as_ref().is_some_and(|taking| !taking.listed);
        out.reports.extend(self.board.facts.drain(..).map(LinkReport::Fact));
        for id in std::mem::take(&mut self.board.appeared) {
            if let Some(order) = self.pending.take_dial(&id) {
                done(order, OrderResult::Done, out);
            }
            // While lists come, Call-IDs are asked for when they are complete.
            if !listing {
                self.ask_call_id(now, &id, out);
            }
        }
        if self.board.full {
            let why = "the PBX has more channels than are followed: some calls are not seen";
            self.warn("channels", why, out);
        }
    }

    /// Asks for the SIP Call-ID of a trunk's channel: it joins the channel with our own SIP.
    fn ask_call_id(&mut self, now: Now, id: &ChannelId, out: &mut LinkOutputs) -> Option<u64> {
        let channel = self.board.channels.get(id)?;
        if !channel.trunk || channel.info.sip_call_id.is_some() || self.observing {
            return None;
        }
        let variable = match channel.info.name.split_once('/')? {
            ("PJSIP", _) => "CHANNEL(pjsip,call-id)",
            ("SIP", _) => "SIPCALLID",
            _ => return None,
        };
        let action = Action::new("Getvar").with("Channel", &channel.info.name);
        self.ask(now, &action.with("Variable", variable), Ask::CallId(id.clone()), out)
    }

    /// The answer to an action. That of a list says that its items follow.
    fn answer(&mut self, now: Now, number: u64, block: &Block<'_>, out: &mut LinkOutputs) {
        let success = block.value("Response") == Some("Success");
        let waits_on = match self.pending.at(number).map(|waiting| &waiting.ask) {
            Some(Ask::List(_)) => success,
            // The channel must appear, or `OriginateResponse` say why not.
            Some(Ask::Order(_, Then::Appears(_))) => success,
            _ => false,
        };
        if waits_on {
            return;
        }
        let Some(waiting) = self.pending.take(number) else { return };
        match waiting.ask {
            Ask::Challenge => self.challenged(now, block, out),
            Ask::Login => self.logged_in(now, block, out),
            Ask::Filter => self.filtered(now, block, out),
            Ask::Settings | Ask::Status => self.identified(now, block, out),
            Ask::Events => self.subscribed(now, block, out),
            Ask::Ping => {}
            Ask::List(list) => self.list_refused(now, number, list, block, out),
            Ask::CallId(id) => self.call_id(now, number, &id, block, out),
            Ask::Order(id, then) if success => self.order_taken(now, id, then, out),
            Ask::Order(id, _) => {
                let said = block.value("Message").unwrap_or("no reason");
                done(id, rejected(said), out);
            }
        }
    }

    fn order_taken(&mut self, now: Now, id: OrderId, then: Then, out: &mut LinkOutputs) {
        match then {
            Then::More(mut keys) => {
                if let Some(action) = keys.next() {
                    self.send_order(now, &action, id, Then::More(keys), out);
                    return;
                }
            }
            Then::Tell(channel, key, value) => {
                let fact = Fact::Data { channel, key, value };
                out.reports.push(LinkReport::Fact(Observed { pbx_time: None, fact }));
            }
            Then::Nothing | Then::Appears(_) => {}
        }
        done(id, OrderResult::Done, out);
    }

    fn send_order(
        &mut self,
        now: Now,
        action: &Action,
        id: OrderId,
        then: Then,
        out: &mut LinkOutputs,
    ) {
        if let Err((_, why)) = self.send(now, action, Ask::Order(id, then), out) {
            done(id, rejected(&why), out);
        }
    }

    /// The outcome of an originate that has no channel: one that has is told by its channel.
    fn originated(&mut self, number: u64, block: &Block<'_>, out: &mut LinkOutputs) {
        let Some(Waiting { ask: Ask::Order(id, _), .. }) = self.pending.take(number) else {
            return;
        };
        let result = match block.value("Response") {
            Some("Success") => OrderResult::Done,
            _ => {
                let reason = block.value("Reason").unwrap_or("none");
                let why = format!("the device cannot be called (Originate, reason {reason})");
                OrderResult::Rejected(why)
            }
        };
        done(id, result, out);
    }

    fn call_id(
        &mut self,
        now: Now,
        number: u64,
        id: &ChannelId,
        block: &Block<'_>,
        out: &mut LinkOutputs,
    ) {
        let awaited = self.taking.as_mut().is_some_and(|t| t.awaited.remove(&number));
        let value = block.value("Value").filter(|value| *value != "(null)");
        if let (Some(value), Some(channel)) = (value, self.board.channels.get_mut(id)) {
            channel.info.sip_call_id = Some(value.to_owned());
            if !awaited {
                self.board.describe(None, id);
            }
        } else if block.value("Message").is_some_and(|said| said.contains("enied")) {
            let why = "the PBX does not tell SIP Call-IDs (write = call or reporting): calls of \
                       the trunk are not joined with their channels";
            self.warn("call_id", why, out);
        }
        self.tell(now, out);
        self.snapshot_if_complete(now, out);
    }

    /// Asks for all lists. Refused, or late: the connection is given up, since nothing would be
    /// known of the calls that are there.
    pub(super) fn take_snapshot(
        &mut self,
        now: Now,
        order: Option<OrderId>,
        out: &mut LinkOutputs,
    ) {
        if let Some(taking) = &mut self.taking {
            taking.again.get_or_insert_default().extend(order);
            return;
        }
        self.board.generation += 1;
        let status = Action::new("Status").with("Variables", &self.board.variables());
        let asked = [
            (Action::new("BridgeList"), List::Bridges),
            (status, List::Channels),
            (Action::new("QueueStatus"), List::Queues),
        ];
        let asked = asked.map(|(action, list)| self.ask(now, &action, Ask::List(list), out));
        self.taking = Some(Taking {
            listing: Listing::default(),
            awaited: asked.into_iter().flatten().collect(),
            listed: false,
            orders: order.into_iter().collect(),
            again: None,
        });
    }

    /// An item of a list, or its end.
    fn item(&mut self, now: Now, number: u64, block: &Block<'_>, out: &mut LinkOutputs) {
        let Some(taking) = &mut self.taking else { return };
        if block.value("EventList") != Some("Complete") {
            self.board.listed(block, now, &mut taking.listing);
            return;
        }
        let Some(Waiting { ask: Ask::List(list), .. }) = self.pending.take(number) else { return };
        taking.awaited.remove(&number);
        match list {
            List::Bridges => {}
            List::Channels => self.board.channels_listed(),
            List::Queues => self.board.queues_listed(&mut taking.listing),
        }
        self.snapshot_if_complete(now, out);
    }

    fn list_refused(
        &mut self,
        now: Now,
        number: u64,
        list: List,
        block: &Block<'_>,
        out: &mut LinkOutputs,
    ) {
        if list == List::Channels {
            let said = block.value("Message").unwrap_or("no reason");
            let why = format!("the PBX does not list its channels: {said} (write = call)");
            self.give_up(Close::Refused(why), out);
            return;
        }
        // A PBX without app_queue has no `QueueStatus`.
        if let Some(taking) = &mut self.taking {
            taking.awaited.remove(&number);
        }
        self.snapshot_if_complete(now, out);
    }

    fn snapshot_if_complete(&mut self, now: Now, out: &mut LinkOutputs) {
        let Some(taking) = &mut self.taking else { return };
        if !taking.awaited.is_empty() {
            return;
        }
        if !taking.listed {
            taking.listed = true;
            self.board.appeared.clear();
            let ids: Vec<ChannelId> = self.board.channels.keys().cloned().collect();
            let asked: Vec<u64> =
                ids.iter().filter_map(|id| self.ask_call_id(now, id, out)).collect();
            if let Some(taking) = &mut self.taking
                && !asked.is_empty()
            {
                taking.awaited.extend(asked);
                return;
            }
        }
        let Some(taking) = self.taking.take() else { return };
        let fact = Fact::Snapshot(self.board.snapshot(taking.listing));
        out.reports.push(LinkReport::Fact(Observed { pbx_time: None, fact }));
        for order in taking.orders {
            done(order, OrderResult::Done, out);
        }
        if let Some(orders) = taking.again {
            self.take_snapshot(now, None, out);
            if let Some(taking) = &mut self.taking {
                taking.orders = orders;
            }
        }
    }

    fn overdue(&mut self, now: Now, number: u64, waiting: Waiting, out: &mut LinkOutputs) {
        match waiting.ask {
            Ask::Order(id, _) => done(id, OrderResult::TimedOut, out),
            Ask::CallId(_) => {
                if let Some(taking) = &mut self.taking {
                    taking.awaited.remove(&number);
                }
                self.snapshot_if_complete(now, out);
            }
            Ask::List(_) => {
                let why = format!("{} was not complete within {LIST:?}", waiting.action);
                self.give_up(Close::Retry(why), out);
            }
            _ => {
                let why = format!("no answer to {} within {ANSWER:?}", waiting.action);
                self.give_up(Close::Retry(why), out);
            }
        }
    }
}

fn done(id: OrderId, result: OrderResult, out: &mut LinkOutputs) {
    out.reports.push(LinkReport::News(News::Done(id, result)));
}

impl Session for AmiSession {
    fn connected(&mut self, now: Now, lane: Lane, _out: &mut LinkOutputs) {
        if lane == Lane::Events && self.phase == Phase::New {
            self.pending = Pending::new(now.wall.0);
            self.phase = Phase::Banner(now.mono.after(ANSWER));
        }
    }

    fn received(&mut self, now: Now, lane: Lane, bytes: &[u8], out: &mut LinkOutputs) {
        if lane != Lane::Events || matches!(self.phase, Phase::New | Phase::Closed) {
            return;
        }
        for frame in self.framer.feed(bytes) {
            match frame {
                Frame::Banner(line) => self.banner(now, &line, out),
                Frame::Block(text) => self.block(now, &text, out),
                Frame::TooLong => {
                    let why = "a block of the PBX was longer than 64 KiB, or a line than 16 KiB: \
                               it was left out";
                    self.warn("too_long", why, out);
                }
                Frame::Lost => {
                    self.give_up(Close::Retry("the PBX sends no end of a block".to_owned()), out);
                }
            }
            if self.phase == Phase::Closed {
                return;
            }
        }
        self.check_partial_banner(out);
    }

    fn responded(&mut self, _now: Now, _: u64, _: u16, _: &[u8], _out: &mut LinkOutputs) {}

    fn order(&mut self, now: Now, id: OrderId, order: &Order, out: &mut LinkOutputs) {
        if self.phase != Phase::Up || self.observing {
            done(id, OrderResult::LinkDown, out);
            return;
        }
        match plan(&self.board, order) {
            Err(result) => done(id, result, out),
            Ok(Plan::Ask(action)) => self.send_order(now, &action, id, Then::Nothing, out),
            Ok(Plan::Dial(action, channel)) => {
                self.send_order(now, &action, id, Then::Appears(channel), out);
            }
            Ok(Plan::Data(action, channel, key, value)) => {
                self.send_order(now, &action, id, Then::Tell(channel, key, value), out);
            }
            Ok(Plan::Keys(keys)) => self.order_taken(now, id, Then::More(keys), out),
            Ok(Plan::Snapshot) => self.take_snapshot(now, Some(id), out),
        }
    }

    fn dropped(&mut self, now: Now, events: u64, out: &mut LinkOutputs) {
        if self.phase != Phase::Up {
            return;
        }
        self.framer.resync();
        let why = "events came faster than they were taken".to_owned();
        out.reports.push(LinkReport::News(News::Lost(events, why)));
        if !self.observing {
            self.take_snapshot(now, None, out);
        }
    }

    fn tick(&mut self, now: Now, out: &mut LinkOutputs) {
        self.login_deadline(now, out);
        while self.phase != Phase::Closed
            && let Some((number, waiting)) = self.pending.overdue(now.mono)
        {
            self.overdue(now, number, waiting, out);
        }
        if self.phase != Phase::Up {
            return;
        }
        if self.ping_due <= now.mono {
            self.ping_due = now.mono.after(PING_EVERY);
            self.ask(now, &Action::new("Ping"), Ask::Ping, out);
        }
        self.board.tick(now);
        self.tell(now, out);
    }

    fn next_deadline(&self) -> Option<Mono> {
        let phase = match self.phase {
            Phase::Banner(due) | Phase::Booting(due) => Some(due),
            Phase::Up => Some(self.ping_due).filter(|_| !self.observing),
            Phase::New | Phase::LoggingIn | Phase::Identifying => None,
            Phase::Closed => return None,
        };
        let others = [self.pending.deadline(), self.board.deadline()];
        phase.into_iter().chain(others.into_iter().flatten()).min()
    }
}
