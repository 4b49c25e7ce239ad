//! Agents in the engine: calls at their devices, queues of their PBXs, events.

use super::commands::CommandKey;
use super::input::{AgentsConfig, Outputs, PbxIx, SwitchConfig};
use super::writer::Engine;
use crate::agent::{AgentFact, AgentInput, AgentMachine, AgentRefusal, Left, MemberView, Wish};
use crate::model::{
    Agent, AgentState, Call, ConnectionState, CstaCause, DeskPresence, Detail, Entity, EventKind,
    Leg, LegRole, Mono, Now, Pos,
};
use crate::pbx::{Fact, LinkReport, Member, News, OrderId, OrderResult};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// All agents of the site.
#[derive(Default)]
pub(super) struct Roster {
    pub(super) seats: Vec<Seat>,
    by_device: HashMap<String, Vec<usize>>,
    by_id: HashMap<Arc<str>, usize>,
    deadline: Option<Mono>,
    facts: Vec<AgentFact>,
}

/// An agent and what the engine remembers beside the machine.
pub(super) struct Seat {
    pub(super) machine: AgentMachine,
    pub(super) pbx: Option<PbxIx>,
    /// The PBX's queues: in which the device is, and why it is paused there.
    pub(super) queues: BTreeMap<String, Option<String>>,
    /// What the PBX was asked for last; `None`: it is not known what it holds.
    pub(super) asked: Option<Wish>,
    /// Orders without a result: what the queues say meanwhile may be from before them.
    pub(super) in_flight: u32,
    /// Whatever the queues hold of the device, it is to be in all of the agent's.
    pub(super) fill: bool,
    /// Newest position that a desktop of the agent has applied; 0: none is connected.
    pub(super) applied: Pos,
}

impl Seat {
    pub(super) fn view(&self) -> MemberView {
        let all_paused = self.queues.values().all(Option::is_some);
        let reason = self.queues.values().flatten().next().cloned().unwrap_or_default();
        let present = !self.queues.is_empty();
        MemberView { present, paused: Some(reason).filter(|_| present && all_paused) }
    }
}

/// What agents care about in a report of a link; the rest is for calls alone.
pub(super) enum AgentNote {
    Down,
    Done(OrderId, OrderResult),
    Member(Member),
    /// In step; the members of queues, if the PBX told them.
    Snapshot(Option<Vec<Member>>),
    Nothing,
}

impl AgentNote {
    pub(super) fn of(report: &LinkReport) -> Self {
        match report {
            LinkReport::News(News::Done(id, result)) => Self::Done(*id, result.clone()),
            LinkReport::Down { .. } => Self::Down,
            LinkReport::Fact(observed) => match &observed.fact {
                Fact::Member(member) => Self::Member(member.clone()),
                Fact::Snapshot(snapshot) => {
                    Self::Snapshot(snapshot.members_known.then(|| snapshot.members.clone()))
                }
                _ => Self::Nothing, // facts of calls and devices come as calls
            },
            LinkReport::Connecting
            | LinkReport::News(News::Up(_) | News::Lost(..) | News::Warning(_)) => Self::Nothing,
        }
    }
}

/// The name of a device without technology and domain: `PJSIP/1001`, `user/1001`, `1001@default`
/// and `1001` are one.
pub(super) fn short_device(device: &str) -> &str {
    let name = device.rsplit('/').next().unwrap_or(device);
    name.split('@').next().unwrap_or(name)
}

impl Roster {
    pub(super) fn new(config: &AgentsConfig, switches: &[SwitchConfig], now: Now) -> Self {
        let policy = Arc::new(config.policy.clone());
        let mut roster = Self::default();
        for settings in &config.agents {
            let at = roster.seats.len();
            let switch = switches.iter().position(|s| s.name == settings.pbx);
            let linked = switch.filter(|at| !switches[*at].links.is_empty());
            let pbx = linked.and_then(|at| u16::try_from(at).ok()).map(PbxIx);
            let device = short_device(&settings.device);
            if !device.is_empty() {
                roster.by_device.entry(device.to_owned()).or_default().push(at);
            }
            roster.by_id.insert(settings.id.clone(), at);
            let machine = AgentMachine::new(settings.clone(), policy.clone(), pbx.is_some(), now);
            let queues = BTreeMap::new();
            let (asked, in_flight, fill, applied) = (None, 0, false, Pos(0));
            roster.seats.push(Seat { machine, pbx, queues, asked, in_flight, fill, applied });
        }
        roster
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    pub(super) fn named(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    pub(super) fn agent(&self, at: usize) -> Option<&Agent> {
        self.seats.get(at).map(|seat| seat.machine.agent())
    }

    pub(super) fn applied(&self, at: usize) -> Pos {
        self.seats.get(at).map_or(Pos(0), |seat| seat.applied)
    }

    pub(super) fn note_applied(&mut self, at: usize, pos: Pos) {
        if let Some(seat) = self.seats.get_mut(at) {
            seat.applied = seat.applied.max(pos);
        }
    }

    pub(super) fn pbx_of(&self, at: usize) -> Option<PbxIx> {
        self.seats.get(at)?.pbx
    }

    pub(super) fn next_deadline(&self) -> Option<Mono> {
        self.deadline
    }

    /// Agents at a device; `pbx` narrows it where two PBXs have the same numbers.
    pub(super) fn at_device(&self, device: &str, pbx: Option<&str>) -> Vec<usize> {
        let found = self.by_device.get(short_device(device));
        let same = |at: &&usize| {
            let own = self.seats[**at].machine.settings().pbx.as_str();
            own.is_empty() || pbx.is_none_or(|pbx| pbx == own)
        };
        found.into_iter().flatten().filter(same).copied().collect()
    }

    fn look_ahead(&mut self) {
        self.deadline = self.seats.iter().filter_map(|s| s.machine.next_deadline()).min();
    }
}

impl Engine {
    /// The agent at a device, for the legs of calls.
    pub(super) fn agent_at(&self, pbx: Option<&str>, device: &str) -> Option<Arc<str>> {
        if self.roster.is_empty() {
            return None;
        }
        let at = *self.roster.at_device(device, pbx).first()?;
        self.roster.agent(at).map(|agent| agent.who.id.clone())
    }

    /// The state of each agent, in no order.
    pub fn agent_states(&self) -> Vec<AgentState> {
        self.roster.seats.iter().map(|seat| seat.machine.agent().state).collect()
    }

    /// All agents as they were told last.
    pub fn agents(&self) -> Vec<Agent> {
        self.roster.seats.iter().map(|seat| seat.machine.agent().clone()).collect()
    }

    /// Takes over what an earlier run knew; calls that are live are at their devices again.
    pub(super) fn restore_agents(&mut self, now: Now, agents: Vec<Agent>, out: &mut Outputs) {
        for agent in agents {
            if let Some(at) = self.roster.named(&agent.who.id) {
                self.roster.seats[at].machine.restore(agent, now);
            }
        }
        if self.roster.is_empty() {
            return;
        }
        let live: Vec<Arc<Call>> = self.table.machines().map(|m| m.shared()).collect();
        for at in 0..self.roster.seats.len() {
            if self.roster.seats[at].pbx.is_some() {
                self.tell_agent(now, at, AgentInput::LinkLost, out);
            }
            let mut facts = Vec::new();
            self.roster.seats[at].machine.introduce(&mut facts);
            self.tell_facts(now, &mut facts, None, out);
        }
        for call in live {
            self.watch_agents(now, &call, out);
        }
        self.roster.look_ahead();
    }

    /// A request; the events it leads to are caused by `command`.
    pub(super) fn ask_agent(
        &mut self,
        now: Now,
        at: usize,
        input: AgentInput,
        command: Option<&CommandKey>,
        out: &mut Outputs,
    ) -> Result<(), AgentRefusal> {
        let mut facts = std::mem::take(&mut self.roster.facts);
        let login = matches!(input, AgentInput::Login { .. });
        let done = match self.roster.seats.get_mut(at) {
            Some(seat) => {
                // What is on its way need not be asked for again.
                seat.fill = login && seat.in_flight == 0;
                seat.machine.handle(now, input, &mut facts)
            }
            None => Ok(()),
        };
        self.tell_facts(now, &mut facts, command, out);
        self.roster.facts = facts;
        self.roster.look_ahead();
        self.sync_queues(now, at, command, out);
        done
    }

    fn tell_facts(
        &mut self,
        now: Now,
        facts: &mut Vec<AgentFact>,
        command: Option<&CommandKey>,
        out: &mut Outputs,
    ) {
        for AgentFact { kind, agent } in facts.drain(..) {
            let caused_by = command.map(|key| Box::new(key.id));
            let detail = Detail { caused_by, ..Detail::default() };
            self.emit(now, kind, Entity::Agent(Box::new(agent)), detail, out);
        }
    }

    /// What happens to an agent is no request: nothing of it is refused.
    pub(super) fn tell_agent(&mut self, now: Now, at: usize, input: AgentInput, out: &mut Outputs) {
        let _ = self.ask_agent(now, at, input, None, out);
    }

    /// A desktop of an agent came, went or fell silent.
    pub(super) fn agent_desk(
        &mut self,
        now: Now,
        agent: &str,
        presence: DeskPresence,
        out: &mut Outputs,
    ) {
        if let Some(at) = self.roster.named(agent) {
            if presence != DeskPresence::Online {
                self.roster.seats[at].applied = Pos(0); // the next desktop begins anew
            }
            self.tell_agent(now, at, AgentInput::Desk(presence), out);
        }
    }

    pub(super) fn agents_tick(&mut self, now: Now, out: &mut Outputs) {
        if self.roster.deadline.is_none_or(|at| at > now.mono) {
            return;
        }
        for at in 0..self.roster.seats.len() {
            self.tell_agent(now, at, AgentInput::Tick, out);
        }
    }

    /// What an event of a call means for the agents at its devices.
    pub(super) fn watch_agents(&mut self, now: Now, call: &Arc<Call>, out: &mut Outputs) {
        for (place, leg) in call.legs.iter().enumerate() {
            let inside = matches!(
                leg.role,
                LegRole::Agent | LegRole::Trunk | LegRole::Consult | LegRole::Supervisor
            );
            if !inside {
                continue;
            }
            let pbx = leg.channel.as_ref().map(|channel| &*channel.pbx);
            let input = match leg.state {
                _ if left_by_its_phone(call, leg) => AgentInput::Gone(call.id, leg.id, Left::Other),
                ConnectionState::Initiated if place == 0 => AgentInput::Dials(call.id, leg.id),
                ConnectionState::Initiated | ConnectionState::Queued => continue,
                ConnectionState::Alerting => AgentInput::Rings(call.id, leg.id),
                ConnectionState::Connected | ConnectionState::Hold => {
                    AgentInput::Talks(call.id, leg.id)
                }
                ConnectionState::Fail | ConnectionState::Null => {
                    let cause = leg.cause.as_ref().map(|c| c.csta);
                    let rang_out = cause == Some(CstaCause::CallNotAnswered);
                    let left = if rang_out { Left::NoAnswer } else { Left::Other };
                    AgentInput::Gone(call.id, leg.id, left)
                }
            };
            for at in self.roster.at_device(&leg.device, pbx) {
                self.tell_agent(now, at, input.clone(), out);
            }
        }
    }

    /// The agents' part of a report, after that of calls: legs come before the state they lead to.
    pub(super) fn agents_report(
        &mut self,
        now: Now,
        pbx: PbxIx,
        note: AgentNote,
        out: &mut Outputs,
    ) {
        match note {
            AgentNote::Nothing => {}
            AgentNote::Down if self.boards.link_up(pbx, 0).is_some() => {}
            AgentNote::Down => self.of_pbx(pbx, |engine, at| {
                engine.roster.seats[at].asked = None;
                engine.tell_agent(now, at, AgentInput::LinkLost, out);
            }),
            AgentNote::Done(id, result) => self.order_done(now, id, result, out),
            AgentNote::Member(member) => self.member(now, pbx, member, out),
            AgentNote::Snapshot(members) => self.in_step(now, pbx, members, out),
        }
    }

    pub(super) fn of_pbx(&mut self, pbx: PbxIx, mut each: impl FnMut(&mut Self, usize)) {
        for at in 0..self.roster.seats.len() {
            if self.roster.seats[at].pbx == Some(pbx) {
                each(self, at);
            }
        }
    }
}

/// The site's side of a call on the trunk has the device that was dialled. Once a link has shown
/// that device's own leg end, whoever talks there now is somebody else.
fn left_by_its_phone(call: &Call, leg: &Leg) -> bool {
    let own = |l: &Leg| l.role.is_inside() && l.device == leg.device;
    let mut own = call.legs.iter().filter(|l| own(l)).peekable();
    leg.role == LegRole::Trunk && own.peek().is_some() && own.all(|l| l.ended.is_some())
}

/// Work after a call begins before its release is told; all else of agents follows their call.
pub(super) fn agents_first(kind: EventKind) -> bool {
    kind == EventKind::CallConnectionCleared
}
