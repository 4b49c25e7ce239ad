//! A log of made-up events, which knows itself what was before each of them.

use crate::model::*;
use crate::wire::{View, event_to_json};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

const LINES: [&str; 2] = ["l0", "l1"];
const AGENTS: [&str; 4] = ["a0", "a1", "a2", "a3"];
const DEVICES: [&str; 4] = ["d0", "d1", "d2", ""];

pub(super) fn epoch(n: u128) -> Epoch {
    Epoch(Uuid::from_u128(n + 1))
}

fn party() -> Party {
    let number = "+8613800138000";
    Party {
        e164: E164::parse(number).map(Pii::new),
        raw: Pii::new(number.into()),
        display: None,
        masked: mask(number),
        number_ref: NumberRef([1; 16]),
    }
}

fn moment() -> Moment {
    Moment { pbx_time: Wall(0), observed_at: Wall(0), quality: TimeQuality::Measured }
}

pub(super) fn call(id: u128, device: &str) -> Call {
    let origin = Origin {
        id: CallId(Uuid::from_u128(id)),
        tenant: "".into(),
        site: "".into(),
        direction: Direction::Inbound,
        purpose: None,
        from: party().into(),
        to: party().into(),
        dialed: party().into(),
        device: device.into(),
        thread_id: CallId(Uuid::from_u128(id)),
        parent_id: None,
        signalling: None,
        started: moment(),
    };
    Call { rev: 1, ..Call::begun(origin, "".into(), Dialog::default(), Vec::new()) }
}

fn decision(device: &str) -> Decision {
    Decision {
        id: DecisionId(Uuid::from_u128(9)),
        call_id: None,
        verdict: Verdict::Deny,
        rules: Vec::new(),
        ruleset: String::new(),
        ruleset_hash: String::new(),
        calendar_version: String::new(),
        list_version: String::new(),
        tzdb_version: String::new(),
        local_time: String::new(),
        zone: String::new(),
        day_class: None,
        next_allowed_at: None,
        purpose: None,
        expires_at: Wall(0),
        to: party(),
        device: device.into(),
        topic: None,
    }
}

fn overriding() -> Entity {
    Entity::Override(Box::new(Override {
        id: OverrideId(Uuid::from_u128(11)),
        rev: 1,
        state: OverrideState::Requested,
        to: party(),
        purpose: "service".into(),
        reason: "a reason".into(),
        agent: "a0".into(),
        device: String::new(),
        requested_by: "boss".into(),
        approved_by: Vec::new(),
        requested_at: Wall(0),
        expires_at: Wall(1),
        call_id: None,
        decision_id: None,
    }))
}

fn differs() -> Entity {
    Entity::Shadow(Box::new(ShadowDiff {
        decision: DecisionId(Uuid::from_u128(12)),
        purpose: None,
        verdict: Verdict::Allow,
        refused_by: Vec::new(),
        shadow_verdict: Verdict::Deny,
        shadow_refused_by: vec!["night".into()],
        shadow_hash: String::new(),
    }))
}

pub(super) fn staff() -> Vec<AgentSettings> {
    let member = |agent: &str, team: &str, queues: &[&str]| AgentSettings {
        id: agent.into(),
        team: team.into(),
        queues: queues.iter().map(|q| (*q).to_owned()).collect(),
        ..AgentSettings::default()
    };
    vec![
        member("a0", "t0", &["q0"]),
        member("a1", "t0", &["q1"]),
        member("a2", "t1", &["q0", "q1"]),
        member("a3", "", &[]),
    ]
}

fn agent(pick: u8) -> Agent {
    let who = staff().swap_remove(usize::from(pick % 4));
    let states = [AgentState::Ready, AgentState::NotReady, AgentState::Busy];
    let state = states[usize::from(pick / 4) % states.len()];
    Agent { rev: 1, state, ..Agent::new(who.into(), Wall(0)) }
}

fn command(pick: u8) -> Command {
    let done = pick.is_multiple_of(2);
    Command {
        id: CommandId(Uuid::from_u128(pick.into())),
        rev: 1,
        user: ["u", "v", "w"][usize::from(pick) % 3].into(),
        op: CommandOp::CallDial,
        call_id: None,
        leg: None,
        agent: String::new(),
        to: Some(party()),
        digest: [0; 32],
        accepted_at: Wall(0),
        not_after: Wall(0),
        status: if done { CommandStatus::Ok } else { CommandStatus::Accepted },
        error: None,
        done_at: None,
    }
}

fn line(pick: u8) -> Line {
    let states = [LineState::InService, LineState::OutOfService];
    Line {
        id: LINES[usize::from(pick) % 2].into(),
        rev: 1,
        role: LineRole::Primary,
        state: states[usize::from(pick / 2) % states.len()],
        since: Wall(0),
        reason: String::new(),
        last_failure: String::new(),
        order: LineOrder::Serve,
        ordered_by: String::new(),
        registration: None,
        calls_in: 0,
        calls_out: 0,
        calls_max: None,
        calls_in_max: None,
        calls_out_max: None,
        rtt_us: None,
        probe_failures: 0,
        call_failures: 0,
        next_probe_at: None,
        seizures: 0,
        answer_seizure_permille: None,
        network_effectiveness_permille: None,
        late_answers: 0,
        penalty: 0,
        probes: Vec::new(),
    }
}

/// An event as its frame has it; a command's is no `ev`.
pub(super) fn shown(event: &Event, view: View) -> String {
    let Entity::Command(command) = &event.entity else { return event_to_json(event, view) };
    let (t, more) = match command.is_done() {
        true => ("result", "\"status\":\"ok\","),
        false => ("ack", ""),
    };
    format!("{{\"t\":\"{t}\",\"id\":\"{}\",{more}\"pos\":\"{}\"}}", command.id, event.pos)
}

/// A leg that a control link shows.
fn leg(n: usize, device: &str, agent: Option<&str>) -> Leg {
    Leg {
        id: LegId(u8::try_from(n).unwrap() + 1),
        role: LegRole::Agent,
        device: device.into(),
        agent: agent.map(Into::into),
        channel: Some(Box::new(Channel { pbx: "pbx".into(), id: "1".into() })),
        sip_call_id: None,
        state: ConnectionState::Initiated,
        alerting_basis: None,
        since: Wall(0),
        alerting: None,
        answered: None,
        held_since: None,
        ended: None,
        cause: None,
        pop: None,
    }
}

/// The log, and what can be said of it without a hub.
pub(super) struct Log {
    pub(super) epoch: Epoch,
    /// First position of this epoch minus one.
    pub(super) base: u64,
    pub(super) events: Vec<Event>,
    pub(super) open: Vec<Call>,
    /// Where each call began; positions of this log grow through all epochs.
    pub(super) began: BTreeMap<CallId, u64>,
    /// The newest state of everything, by kind and id, and that before each event.
    pub(super) newest: BTreeMap<(&'static str, String), Entity>,
    pub(super) before: BTreeMap<u64, Entity>,
    next_call: u128,
    over: Option<Call>,
}

/// Kind and id of what a desk can keep.
pub(super) fn name_of(entity: &Entity) -> Option<(&'static str, String)> {
    match entity {
        Entity::Call(call) => Some(("call", call.id.to_string())),
        Entity::Agent(agent) => Some(("agent", agent.who.id.to_string())),
        Entity::Line(line) => Some(("line", line.id.clone())),
        _ => None,
    }
}

impl Log {
    pub(super) fn new() -> Self {
        Self {
            epoch: epoch(0),
            base: 0,
            events: Vec::new(),
            open: Vec::new(),
            began: BTreeMap::new(),
            newest: BTreeMap::new(),
            before: BTreeMap::new(),
            next_call: 0,
            over: None,
        }
    }

    /// Calls that are over by now do not end again, and a hub that starts here knows none of them.
    pub(super) fn forget_the_over(&mut self) {
        let over = |e: &Entity| matches!(e, Entity::Call(call) if call.is_over());
        self.newest.retain(|_, entity| !over(entity));
        self.over = None;
    }

    pub(super) fn head(&self) -> u64 {
        self.base + self.events.len() as u64
    }

    pub(super) fn push(&mut self, what: u8, pick: u8) -> Event {
        let device = DEVICES[usize::from(pick) % DEVICES.len()];
        let (kind, entity) = match what % 15 {
            0..=2 => {
                self.next_call += 1;
                let mut call = call(self.next_call, device);
                call.trunk = ["l0", "l1", ""][usize::from(pick / 4) % 3].into();
                self.open.push(call.clone());
                self.began.insert(call.id, self.head() + 1);
                (EventKind::CallOriginated, Entity::Call(Arc::new(call)))
            }
            3..=7 if !self.open.is_empty() => {
                let at = usize::from(pick) % self.open.len();
                let call = match what % 15 {
                    4 => {
                        let mut over = self.open.remove(at);
                        over.state = ConnectionState::Null;
                        self.over = Some(over.clone());
                        over
                    }
                    _ => {
                        move_on(&mut self.open[at], pick);
                        self.open[at].clone()
                    }
                };
                (EventKind::CallEstablished, Entity::Call(Arc::new(call)))
            }
            // A call may say twice that it is over.
            8 if self.over.is_some() => {
                let call = self.over.clone().unwrap();
                (EventKind::CallCleared, Entity::Call(Arc::new(call)))
            }
            9 if pick.is_multiple_of(2) => (EventKind::OverrideRequested, overriding()),
            9 if pick.is_multiple_of(3) => (EventKind::ClaimRecorded, Entity::Claims(Vec::new())),
            9 if pick.is_multiple_of(5) => (EventKind::GateShadowDiffers, differs()),
            9 => (EventKind::DncAdded, Entity::Dnc(Vec::new())),
            10 => (EventKind::AgentReady, Entity::Agent(Box::new(agent(pick)))),
            11 => (EventKind::CommandAccepted, Entity::Command(Box::new(command(pick)))),
            12 => (EventKind::OutboundDenied, Entity::Decision(Box::new(decision(device)))),
            13 => (EventKind::LineStateChanged, Entity::Line(Box::new(line(pick)))),
            _ => {
                let (state, reason) = (SystemState::Normal, String::new());
                let status = SystemStatus { state, reason, lost: 0 };
                (EventKind::SystemStatus, Entity::System(status.into()))
            }
        };
        let pos = Pos(self.head() + 1);
        if let Some(name) = name_of(&entity)
            && let Some(before) = self.newest.insert(name, entity.clone())
        {
            self.before.insert(pos.0, before);
        }
        let ts = Wall(i64::try_from(pos.0).unwrap() * 1000);
        let event = Event { pos, ts, kind, entity, detail: Detail::default() };
        self.events.push(event.clone());
        event
    }
}

/// Another state, queue or line, one more leg, or another device at the newest leg.
fn move_on(call: &mut Call, pick: u8) {
    use ConnectionState as S;
    let (device, agent) = (DEVICES[usize::from(pick / 8) % 4], AGENTS[usize::from(pick / 16) % 4]);
    call.rev += 1;
    match pick % 8 {
        0 | 1 => call.state = [S::Alerting, S::Connected, S::Hold][usize::from(pick / 8) % 3],
        2 => {
            call.state = S::Queued;
            call.queue = Some(["q0", "q1"][usize::from(pick / 8) % 2].into());
        }
        3 | 4 if call.legs.len() < 3 => {
            call.legs.push(leg(call.legs.len(), device, Some(agent)));
        }
        5 | 6 if !call.legs.is_empty() => {
            let last = call.legs.last_mut().unwrap();
            (last.device, last.agent) = (device.into(), Some(agent.into()));
        }
        _ => call.trunk = LINES[usize::from(pick / 8) % 2].into(),
    }
}
