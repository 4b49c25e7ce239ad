//! The engine: dispatch, positions, events.

use super::agents::{AgentNote, Roster, agents_first};
use super::clock::ClockWatch;
use super::commands::Commands;
use super::handover::Handovers;
use super::incidents::Incidents;
use super::input::{EngineConfig, Input, Outputs, Restored, Totals};
use super::lines::Trunk;
use super::links::Links;
use super::listing::Told;
use super::orders::Switchboard;
use super::overflow::Overflow;
use super::overrides::Overrides;
use super::parties::{KnownParties, PartyMaker};
use super::pbx::Boards;
use super::permits::Permits;
use super::records::Records;
use super::rights::Dialing;
use super::shadow::Shadowing;
use super::table::{Entry, LineUse, Table};
use crate::call::{CallInput, CallMachine, Fact};
use crate::gate::{ClaimBook, DncList, Ledger};
use crate::line::Way;
use crate::model::{
    AttemptNote, Call, CallId, Detail, Direction, Entity, Event, EventKind, IdSource, LegId, Mono,
    Now, Pos, SystemState, SystemStatus,
};
use crate::sip::{self, Core, Signal};
use std::sync::Arc;
use std::time::Duration;

/// How often the table is searched for silent calls.
const SWEEP: Duration = Duration::from_secs(60);

/// The single writer.
pub struct Engine {
    pub(super) config: EngineConfig,
    pub(super) core: Core,
    pub(super) sip: sip::Outputs,
    pub(super) table: Table,
    pub(super) ids: IdSource,
    pub(super) desk_parties: PartyMaker,
    pub(super) known_parties: KnownParties,
    pub(super) dialing: Dialing,
    pub(super) list: DncList,
    pub(super) claims: ClaimBook,
    pub(super) registers_told: Told,
    pub(super) clock: ClockWatch,
    /// The newest rules could not be used.
    pub(super) rules_refused: bool,
    pub(super) ledger: Ledger,
    pub(super) shadowing: Shadowing,
    pub(super) totals: Totals,
    pub(super) pos: Pos,
    pub(super) overflow: Option<Overflow>,
    pub(super) trunk: Trunk,
    pub(super) links: Links,
    pub(super) boards: Boards,
    pub(super) roster: Roster,
    pub(super) switchboard: Switchboard,
    pub(super) commands: Commands,
    pub(super) permits: Permits,
    pub(super) overrides: Overrides,
    pub(super) handovers: Handovers,
    pub(super) records: Records,
    pub(super) incidents: Incidents,
    facts: Vec<Fact>,
    /// Memory for signals.
    signals: Vec<Signal>,
    sweep_at: Mono,
}

impl Engine {
    /// An engine that goes on where an earlier run ended. `out` gets the first events.
    pub fn new(config: EngineConfig, restored: Restored, now: Now, out: &mut Outputs) -> Self {
        let tried = config.shadow.as_ref().map(|shadow| shadow.book.looks_back());
        let tried = tried.unwrap_or_default();
        let mut engine = Self {
            core: Core::new(config.sip.clone()),
            sip: sip::Outputs::default(),
            table: Table::default(),
            ids: IdSource::new(config.seed),
            desk_parties: PartyMaker::new(config.plans.shown().clone(), config.desk_refs.clone()),
            known_parties: KnownParties::default(),
            dialing: Dialing::default(),
            list: restored.dnc,
            claims: restored.claims,
            registers_told: Told::default(),
            ledger: Ledger::restore(&config.book, tried, restored.attempts, restored.known_since),
            shadowing: Shadowing::default(),
            clock: ClockWatch::default(),
            rules_refused: false,
            totals: Totals::default(),
            pos: restored.head,
            overflow: None,
            links: Links::new(&config.switches, now),
            roster: Roster::new(&config.agents, &config.switches, now),
            switchboard: Switchboard::default(),
            commands: Commands::default(),
            permits: Permits::default(),
            overrides: Overrides::default(),
            handovers: Handovers::new(restored.head),
            records: Records::default(),
            incidents: Incidents::default(),
            trunk: Trunk::new(&config.lines, &config.outbound, now, config.seed),
            boards: Boards::new(&config.switches),
            facts: Vec::new(),
            signals: Vec::new(),
            sweep_at: now.mono.after(SWEEP),
            config,
        };
        if !engine.config.switches.is_empty() {
            engine.table.index_call_ids();
        }
        let live = restored.live.len();
        for peer in &engine.config.sip.peers {
            engine.trunk.endpoints.insert(peer.id, peer.endpoints.clone());
        }
        for call in restored.live {
            engine.restore_call(now, call);
        }
        if !restored.clean {
            let reason = format!(
                "restarted after an unclean stop: signalling since the last event was not \
                 observed; {live} live calls known again"
            );
            engine.status(now, SystemState::MessagesLost, reason, 0, out);
        }
        engine.status(now, SystemState::Enabled, format!("serving; {live} live calls"), 0, out);
        engine.start_clock(restored.clock, now, out);
        engine.look_at_lists(now, out);
        engine.restore_records(now, restored.duties.clone(), restored.ended);
        engine.restore_lines(now, restored.lines, restored.duties, out);
        engine.restore_links(now, restored.links, out);
        engine.restore_agents(now, restored.agents, out);
        engine.restore_commands(now, restored.commands, out);
        engine.restore_overrides(restored.overrides);
        engine.settle(now, out);
        engine
    }

    fn restore_call(&mut self, now: Now, call: Call) {
        let line = self.trunk.lines.named(&call.trunk);
        let way = if call.direction == Direction::Inbound { Way::In } else { Way::Out };
        let machine = CallMachine::restore(&self.config.call, call);
        let used = line.map(|line| LineUse {
            heard: true, // what it said, it said to an earlier run
            counted: true,
            ..LineUse::new(line, way, now.mono)
        });
        if let Some(machine) = line.and_then(|ix| self.trunk.lines.get_mut(ix)) {
            machine.began(now, way);
        }
        let id = self.table.insert(Entry { line: used, ..Entry::new(machine, now.mono) });
        self.pbx_known_again(now, id);
    }

    /// Takes one input. Drain `out` before the next.
    pub fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Outputs) {
        self.look_at_clock(now, out);
        match input {
            Input::Datagram(received) => self.core.receive(now, received, &mut self.sip),
            Input::FlowOpened(opened) => self.core.flow_opened(now, opened, &mut self.sip),
            Input::FlowClosed(flow) => self.core.flow_closed(now, flow, &mut self.sip),
            Input::Unsent { ticket, why } => self.core.unsent(now, ticket, &why, &mut self.sip),
            Input::Endpoints { peer, endpoints } => {
                self.trunk.endpoints.insert(peer, endpoints.clone());
                self.core.set_endpoints(peer, endpoints);
            }
            Input::Tick => {
                self.core.tick(now, &mut self.sip);
                self.dialing_tick(now, out);
                self.permits_tick(now, out);
                self.lines_tick(now, out);
                self.pbx_tick(now, out);
                self.orders_tick(now, out);
                self.agents_tick(now, out);
                self.commands_tick(now, out);
                self.records_tick(now, out);
                self.registers_tick(now, out);
                self.sweep(now, out);
            }
            Input::Durable(through) => {
                self.durable(now, through, out);
                self.commands_durable(now, through, out);
                self.permits_durable(now, through, out);
            }
            Input::Explained(answer) => {
                if !self.dial_explained(now, &answer, out)
                    && !self.permit_explained(now, &answer, out)
                {
                    self.explained(now, answer, out);
                }
            }
            Input::Dnc { entries, ticket } => self.add_dnc(now, entries, ticket, out),
            Input::Claims { entries, ticket } => self.add_claims(now, entries, ticket, out),
            Input::Register { register, ticket } => self.add_register(now, register, ticket, out),
            Input::OrderLine { name, order, who, ticket } => {
                self.order_line(now, &name, order, &who, ticket, out);
            }
            Input::TestLine { name, ticket } => self.test_line(now, &name, ticket, out),
            Input::Command { request, ticket } => self.command(now, request, ticket, out),
            Input::Commands { user, ids, ticket } => {
                self.commands_standing(&user, &ids, ticket, out);
            }
            Input::Permit { request, ticket } => self.permit(now, *request, ticket, out),
            Input::Desk { agent, presence } => {
                self.agent_desk(now, &agent, presence, out);
                self.retry_held(now, out);
            }
            Input::Applied { agent, pos } => self.applied(now, &agent, pos, out),
            Input::Pbx { pbx, link, report } => {
                let note = AgentNote::of(&report);
                self.pbx_report(now, pbx, link, report, out);
                self.agents_report(now, pbx, note, out);
            }
            Input::Plans(plans) => self.plans(plans),
            Input::Rules(book) => self.rules(now, book, out),
            Input::RulesRefused(why) => self.rules_refused(now, &why, out),
            Input::Reconciling(step) => self.reconciling(now, step, out),
            Input::GateAlarm(text) => self.gate_alarm(now, text, out),
            Input::Shadow(news) => self.shadow_news(now, news, out),
            Input::ConfirmClock { who, ticket } => self.confirm_clock(now, &who, ticket, out),
            Input::Degraded(degraded) => self.degraded(now, degraded, out),
            Input::RingFull(lost) => self.ring_full(now, &lost, out),
            Input::RingFree => self.ring_free(now, out),
            Input::Drain => {
                self.core.set_draining(true);
                self.status(now, SystemState::Disabled, "draining".to_owned(), 0, out);
            }
        }
        self.settle(now, out);
    }

    /// When `Tick` is due next.
    pub fn next_deadline(&self) -> Option<Mono> {
        let rooms = [
            self.core.next_deadline(),
            self.dialing.next_deadline(),
            self.trunk.next_deadline(),
            self.pbx_deadline(),
            self.roster.next_deadline(),
            self.switchboard.next_deadline(),
            self.commands.dials.next_deadline(),
            self.permits.next_deadline(),
            self.handovers.next_deadline(),
            self.records.next_deadline(),
            self.registers_told.next_deadline(),
            self.clock.next_deadline(),
            Some(self.sweep_at),
        ];
        rooms.into_iter().flatten().min()
    }

    /// Newest position given out.
    pub fn pos(&self) -> Pos {
        self.pos
    }

    /// Calls in the table.
    pub fn calls(&self) -> usize {
        self.table.len()
    }

    /// INVITE transactions bound to calls, and dial rights or refusals that wait.
    pub fn waiting(&self) -> (usize, usize) {
        (self.table.asks(), self.dialing.len())
    }

    /// Counters.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The newest rules could not be used: those of before are in force.
    pub fn has_refused_rules(&self) -> bool {
        self.rules_refused
    }

    /// The proxy core's counters and table sizes.
    pub fn sip(&self) -> &Core {
        &self.core
    }

    /// Handles signals until there are none, then hands the datagrams over.
    fn settle(&mut self, now: Now, out: &mut Outputs) {
        // What a signal leads to comes after those that were there.
        while !self.sip.signals.is_empty() {
            let mut signals =
                std::mem::replace(&mut self.sip.signals, std::mem::take(&mut self.signals));
            for signal in signals.drain(..) {
                self.signal(now, signal, out);
            }
            self.signals = signals;
        }
        self.handovers_settle(now, out);
        self.shadow_settle(out);
        out.sends.append(&mut self.sip.sends);
        out.close.append(&mut self.sip.close);
    }

    /// Feeds a call and journals what changed.
    pub(super) fn feed(&mut self, now: Now, id: CallId, input: CallInput, out: &mut Outputs) {
        self.feed_machine(now, id, out, |machine, facts| machine.handle(now, input, facts));
    }

    /// Lets a call's machine act and journals what changed. `None`: there is no such call.
    pub(super) fn feed_machine<T>(
        &mut self,
        now: Now,
        id: CallId,
        out: &mut Outputs,
        act: impl FnOnce(&mut CallMachine, &mut Vec<Fact>) -> T,
    ) -> Option<T> {
        let entry = self.table.entry(id)?;
        entry.seen = now.mono;
        let mut facts = std::mem::take(&mut self.facts);
        let done = act(&mut entry.machine, &mut facts);
        let over = entry.machine.is_over();
        for fact in facts.drain(..) {
            self.emit(now, fact.kind, Entity::Call(fact.call), fact.detail, out);
        }
        self.facts = facts;
        if over && let Some(used) = self.table.remove(id) {
            self.line_left(now, &used, out);
        }
        Some(done)
    }

    /// Gives an event its position.
    pub(super) fn emit(
        &mut self,
        now: Now,
        kind: EventKind,
        entity: Entity,
        detail: Detail,
        out: &mut Outputs,
    ) -> Pos {
        let call = match &entity {
            Entity::Call(call) if self.is_watched() => Some(call.clone()),
            _ => None,
        };
        let mut detail = match (&call, &entity) {
            (Some(call), _) => self.before_call(now, kind, call, detail, out),
            (None, Entity::Decision(decision)) if self.commands.is_any() => {
                let cause = decision.call_id.and_then(|call| self.cause_of(now, kind, call));
                Detail { caused_by: detail.caused_by.or(cause.map(Box::new)), ..detail }
            }
            _ => detail,
        };
        self.pos = self.pos.next();
        let pos = self.pos;
        match &call {
            Some(call) => self.show_receivers(pos, call, &mut detail),
            None => self.watch_incidents(&entity, &detail),
        }
        let leg = detail.leg;
        let event = Event { pos, ts: now.wall, kind, entity, detail };
        for (decision, note) in AttemptNote::of(&event) {
            self.ledger.note(&self.config.book, decision, &note);
        }
        match &mut self.overflow {
            Some(overflow) => overflow.keep(&event),
            None => out.events.push(event),
        }
        if let Some(call) = call {
            self.after_call(now, kind, &call, leg, out);
        }
        pos
    }

    /// Agents or commands wait for what happens to calls.
    fn is_watched(&self) -> bool {
        !self.roster.is_empty() || self.commands.is_any()
    }

    fn before_call(
        &mut self,
        now: Now,
        kind: EventKind,
        call: &Arc<Call>,
        detail: Detail,
        out: &mut Outputs,
    ) -> Detail {
        if agents_first(kind) {
            self.watch_agents(now, call, out);
        }
        self.watch_dials(call);
        let cause = || self.cause_of(now, kind, call.id).map(Box::new);
        let caused_by = detail.caused_by.or_else(cause);
        Detail { caused_by, ..detail }
    }

    fn after_call(
        &mut self,
        now: Now,
        kind: EventKind,
        call: &Arc<Call>,
        leg: Option<LegId>,
        out: &mut Outputs,
    ) {
        if !agents_first(kind) {
            self.watch_agents(now, call, out);
        }
        self.judge_dials(now, kind, call, out);
        self.watch_handovers(kind, call, leg);
        self.watch_records(now, kind, call, leg, out);
    }

    pub(super) fn status(
        &mut self,
        now: Now,
        state: SystemState,
        reason: String,
        lost: u64,
        out: &mut Outputs,
    ) {
        let entity = Entity::System(Box::new(SystemStatus { state, reason, lost }));
        self.emit(now, EventKind::SystemStatus, entity, Detail::default(), out);
    }

    fn sweep(&mut self, now: Now, out: &mut Outputs) {
        if now.mono < self.sweep_at {
            return;
        }
        self.sweep_at = now.mono.after(SWEEP);
        let age = u64::try_from(self.config.call_age_max.as_nanos()).unwrap_or(u64::MAX);
        let Some(limit) = now.mono.0.checked_sub(age) else { return };
        for id in self.table.silent_since(Mono(limit)) {
            self.feed(now, id, CallInput::Stale, out);
        }
        self.boards.forget(Mono(limit));
    }
}
