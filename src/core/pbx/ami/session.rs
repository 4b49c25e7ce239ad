//! The session: what comes in, what is asked, what is told.

use super::action::Action;
use super::block::Block;
use super::board::Board;
use super::frame::{Frame, Framer};
use super::orders::{Plan, plan};
use super::pending::{ANSWER, Ask, LIST, Pending, Then, Waiting};
use super::settings::AmiSettings;
use super::taking::Taking;
use crate::model::{Mono, Now};
use crate::pbx::{
    ChannelId, Close, Lane, LinkOutputs, LinkReport, News, Order, OrderId, OrderResult,
    PbxIdentity, Session,
};
use std::collections::{BTreeSet, VecDeque};
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

/// An AMI link's session.
#[derive(Debug)]
pub struct AmiSession {
    pub(super) settings: Arc<AmiSettings>,
    pub(super) board: Board,
    pub(super) framer: Framer,
    pub(super) phase: Phase,
    pub(super) pending: Pending,
    pub(super) identity: PbxIdentity,
    /// The name of its run, if it can hold one.
    pub(super) run: Option<String>,
    /// The PBX has taken our filters.
    pub(super) filtered: bool,
    pub(super) ping_due: Mono,
    /// Actions that are sent later, in order.
    pub(super) later: VecDeque<(Mono, Action)>,
    /// Channels whose Call-ID is asked for once more, in order, and how often it was.
    pub(super) unnamed: VecDeque<(Mono, ChannelId, u8)>,
    pub(super) taking: Option<Taking>,
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
            run: None,
            filtered: true,
            ping_due: Mono(u64::MAX),
            later: VecDeque::new(),
            unnamed: VecDeque::new(),
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

    /// It only reads.
    pub(super) fn is_observing(&self) -> bool {
        self.observing
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
            Err(why) => {
                self.warn("action", &format!("{} cannot be sent: {why}", action.name()), out);
                None
            }
        }
    }

    pub(super) fn send(
        &mut self,
        now: Now,
        action: &Action,
        ask: Ask,
        out: &mut LinkOutputs,
    ) -> Result<u64, String> {
        if self.observing || self.pending.is_full() {
            return Err("too many actions wait for an answer".to_owned());
        }
        let (number, id) = self.pending.next_id();
        let bytes = action.encode(&id)?;
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
        self.heard_of(now, block, out);
        self.tell(now, out);
    }

    /// Tells what the board has to say, and asks about channels that have appeared.
    pub(super) fn tell(&mut self, now: Now, out: &mut LinkOutputs) {
        let listing = self.taking.as_ref().is_some_and(|taking| !taking.listed);
        out.reports.extend(self.board.facts.drain(..).map(LinkReport::Fact));
        for id in std::mem::take(&mut self.board.appeared) {
            if let Some(order) = self.pending.take_dial(&id) {
                done(order, OrderResult::Done, out);
            }
            // While lists come, Call-IDs are asked for when they are complete.
            if !listing {
                self.ask_call_id(now, &id, 1, out);
            }
        }
        if self.board.full {
            let why = "the PBX has more channels than are followed: some calls are not seen";
            self.warn("channels", why, out);
        }
    }
}

pub(super) fn done(id: OrderId, result: OrderResult, out: &mut LinkOutputs) {
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
        if let Order::Consult { by, .. } | Order::ConsultCancel { by } | Order::Conference { by } =
            order
        {
            self.board.press_keys(by, now);
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
            Ok(Plan::Consult { set, begin, clear }) => {
                self.send_order(now, &set, id, Then::Consult(begin, clear), out);
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
        while let Some((_, action)) = self.later.pop_front_if(|(due, _)| *due <= now.mono) {
            self.ask(now, &action, Ask::Clear, out);
        }
        self.ask_call_ids_again(now, out);
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
        let later = self.later.front().map(|(due, _)| *due);
        let unnamed = self.unnamed.front().map(|(due, ..)| *due);
        let others = [self.pending.deadline(), self.board.deadline(), later, unnamed];
        phase.into_iter().chain(others.into_iter().flatten()).min()
    }
}
