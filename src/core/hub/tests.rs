//! The hub against a brute-force oracle: every client's stream is the log, filtered.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::*;
use crate::wire::{View, event_to_json};
use proptest::prelude::*;
use std::collections::BTreeMap;
use uuid::Uuid;

const DEVICES: [&str; 4] = ["d0", "d1", "d2", ""];

fn epoch(n: u128) -> Epoch {
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

fn call(id: u128, device: &str) -> Call {
    let origin = Origin {
        id: CallId(Uuid::from_u128(id)),
        tenant: String::new(),
        site: String::new(),
        direction: Direction::Inbound,
        purpose: None,
        from: party(),
        to: party(),
        dialed: party(),
        device: device.into(),
        thread_id: CallId(Uuid::from_u128(id)),
        parent_id: None,
        signalling: None,
        started: moment(),
    };
    Call { rev: 1, ..Call::begun(origin, String::new(), Dialog::default(), Vec::new()) }
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
    }
}

/// The log, and what can be said of it without a hub.
/// A leg that a control link shows.
fn agent(pick: u8) -> Agent {
    let who = AgentSettings { id: format!("a{}", pick % 3).into(), ..AgentSettings::default() };
    Agent { rev: 1, state: AgentState::Ready, ..Agent::new(who.into(), Wall(0)) }
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

/// An event as its frame has it; a command's is no `ev`.
fn shown(event: &Event, view: View) -> String {
    let Entity::Command(command) = &event.entity else { return event_to_json(event, view) };
    let (t, more) = match command.is_done() {
        true => ("result", "\"status\":\"ok\","),
        false => ("ack", ""),
    };
    format!("{{\"t\":\"{t}\",\"id\":\"{}\",{more}\"pos\":\"{}\"}}", command.id, event.pos)
}

fn leg(n: usize, device: &str) -> Leg {
    Leg {
        id: LegId(u8::try_from(n).unwrap() + 1),
        role: LegRole::Agent,
        device: device.into(),
        agent: None,
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
    }
}

struct Log {
    epoch: Epoch,
    /// First position of this epoch minus one.
    base: u64,
    events: Vec<Event>,
    open: Vec<Call>,
    /// Where each call began; positions of this log grow through all epochs.
    began: BTreeMap<CallId, u64>,
    next_call: u128,
}

impl Log {
    fn head(&self) -> u64 {
        self.base + self.events.len() as u64
    }

    fn push(&mut self, what: u8, pick: u8) -> Event {
        let device = DEVICES[usize::from(pick) % DEVICES.len()];
        let (kind, entity) = match what % 12 {
            0..=2 => {
                self.next_call += 1;
                let call = call(self.next_call, device);
                self.open.push(call.clone());
                self.began.insert(call.id, self.head() + 1);
                (EventKind::CallOriginated, Entity::Call(std::sync::Arc::new(call)))
            }
            3..=6 if !self.open.is_empty() => {
                let at = usize::from(pick) % self.open.len();
                let call = &mut self.open[at];
                call.rev += 1;
                let call = if what.is_multiple_of(2) {
                    let mut over = self.open.remove(at);
                    over.state = ConnectionState::Null;
                    over
                } else {
                    call.state = ConnectionState::Connected;
                    if pick.is_multiple_of(3) && call.legs.len() < 3 {
                        call.legs.push(leg(call.legs.len(), DEVICES[at % DEVICES.len()]));
                    }
                    call.clone()
                };
                (EventKind::CallEstablished, Entity::Call(std::sync::Arc::new(call)))
            }
            7 => (EventKind::DncAdded, Entity::Dnc(Vec::new())),
            10 => (EventKind::AgentReady, Entity::Agent(Box::new(agent(pick)))),
            11 => (EventKind::CommandAccepted, Entity::Command(Box::new(command(pick)))),
            8 => (EventKind::OutboundDenied, Entity::Decision(Box::new(decision(device)))),
            _ => {
                let (state, reason) = (SystemState::Normal, String::new());
                let status = SystemStatus { state, reason, lost: 0 };
                (EventKind::SystemStatus, Entity::System(status))
            }
        };
        let pos = Pos(self.head() + 1);
        let ts = Wall(i64::try_from(pos.0).unwrap() * 1000);
        let event = Event { pos, ts, kind, entity, detail: Detail::default() };
        self.events.push(event.clone());
        event
    }
}

/// What the documents say a client may see, in plain words: role, devices, subscriptions.
fn oracle(who: &Principal, subs: &[SubRequest], event: &Event) -> Option<View> {
    // Commands are their user's, whatever the user watches.
    if let Entity::Command(command) = &event.entity {
        return (command.user == who.user).then_some(View::Masked);
    }
    let mut best = None;
    for sub in subs {
        let may_site = who.role != Role::Agent;
        let may_full = !matches!(who.role, Role::Agent | Role::Ops);
        let mine = |device: &str| !device.is_empty() && who.devices.iter().any(|d| d == device);
        let shown = match (&event.entity, sub.topic.as_str()) {
            (Entity::Call(c), "calls:own") => {
                mine(&c.device) || c.legs.iter().any(|l| mine(&l.device))
            }
            (Entity::Decision(d), "calls:own") => mine(&d.device),
            (Entity::Call(_) | Entity::Decision(_) | Entity::Dnc(_), "site:calls") => may_site,
            (Entity::System(_), "site:health") => may_site,
            (Entity::Agent(_), "site:agents") => may_site,
            (Entity::Agent(a), "agent:self") => !who.agent.is_empty() && who.agent == *a.who.id,
            _ => false,
        };
        if !shown || (sub.view == "full" && !may_full) {
            continue;
        }
        let plain = matches!(event.entity, Entity::System(_) | Entity::Agent(_));
        let full = may_full && sub.view != "masked" && !plain;
        best = best.max(Some(if full { View::Full } else { View::Masked }));
    }
    best
}

fn clients() -> Vec<(Principal, Vec<SubRequest>)> {
    let make = |role, devices: &[&str], subs: &[(&str, &str)]| {
        let devices = devices.iter().map(|d| (*d).to_owned()).collect();
        let sub = |(n, (topic, view)): (usize, &(&str, &str))| SubRequest {
            id: n.to_string(),
            topic: (*topic).into(),
            view: (*view).into(),
        };
        let named = subs.iter().any(|(topic, _)| *topic == "agent:self");
        let (user, agent) = if named { ("u", "a0") } else { ("v", "") };
        let who = Principal { user: user.into(), role, devices, agent: agent.into() };
        (who, subs.iter().enumerate().map(sub).collect())
    };
    vec![
        make(Role::Agent, &["d0"], &[("calls:own", "")]),
        make(Role::Agent, &["d1", "d2", "", "none"], &[("calls:own", "masked")]),
        make(
            Role::Agent,
            &["d0"],
            &[("site:calls", ""), ("site:health", ""), ("calls:own", "full")],
        ),
        make(Role::Agent, &["d0"], &[("site:calls", ""), ("calls:own", "")]),
        make(Role::Supervisor, &["d1"], &[("site:calls", "masked"), ("calls:own", "full")]),
        make(Role::Service, &[], &[("site:calls", "full"), ("site:health", "full")]),
        make(Role::Ops, &["d2"], &[("site:calls", ""), ("calls:own", ""), ("site:health", "")]),
        make(Role::Auditor, &[""], &[("site:calls", ""), ("calls:own", "")]),
        make(Role::Supervisor, &["d0", "d2"], &[("calls:own", ""), ("site:health", "")]),
        make(Role::Agent, &["d0"], &[("agent:self", ""), ("calls:own", ""), ("site:agents", "")]),
        make(Role::Supervisor, &[], &[("agent:self", ""), ("site:agents", "")]),
        make(Role::Ops, &[], &[("site:agents", "")]),
    ]
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Off,
    /// Has everything up to here, is not registered.
    Catching(u64),
    Live,
}

struct Client {
    who: Principal,
    subs: Vec<SubRequest>,
    phase: Phase,
    slot: SlotId,
    epoch: Epoch,
    scope: String,
    /// Position of its snapshot; `None` before the first.
    start: Option<u64>,
    got: Vec<Frame>,
    applied: u64,
}

struct World {
    hub: Hub,
    log: Log,
    clients: Vec<Client>,
    journal_from: u64,
    epochs: u128,
}

impl World {
    fn new(limits: HubLimits) -> Self {
        let mut log = Log {
            epoch: epoch(0),
            base: 0,
            events: Vec::new(),
            open: Vec::new(),
            began: BTreeMap::new(),
            next_call: 0,
        };
        for n in 0..20 {
            log.push(n, n);
        }
        let hub = Hub::new(log.epoch, Pos(log.head()), log.open.clone(), limits);
        let client = |(who, subs)| Client {
            who,
            subs,
            phase: Phase::Off,
            slot: SlotId(u64::MAX),
            epoch: epoch(99),
            scope: String::new(),
            start: None,
            got: Vec::new(),
            applied: 0,
        };
        let clients = clients().into_iter().map(client).collect();
        Self { hub, log, clients, journal_from: 0, epochs: 1 }
    }

    fn commit(&mut self, specs: &[(u8, u8)]) {
        let events: Vec<_> = specs.iter().map(|(what, pick)| self.log.push(*what, *pick)).collect();
        let batch = Committed { epoch: self.log.epoch, events: events.into() };
        let mut out = Vec::new();
        let mut reset = self.hub.apply_some(&batch, 3, &mut out).unwrap();
        reset.extend(self.hub.apply(&batch, &mut out).unwrap());
        for client in &mut self.clients {
            if reset.contains(&client.slot) {
                client.phase = Phase::Off;
            }
        }
        for Delivery { to, frame } in out {
            let client = self.clients.iter_mut().find(|c| c.slot == to).unwrap();
            assert!(client.phase == Phase::Live, "delivered to one who is not registered");
            client.got.push(frame);
        }
        let again = self.hub.apply(&batch, &mut Vec::new()).unwrap();
        assert!(again.is_empty() && self.hub.head().0 == self.log.head(), "twice is once");
    }

    fn new_epoch(&mut self) {
        let head = self.log.head();
        self.log.epoch = epoch(self.epochs);
        self.epochs += 1;
        self.log.base = head;
        self.log.events.clear();
        self.commit(&[(9, 0)]);
        assert!(self.clients.iter().all(|c| c.phase == Phase::Off));
    }

    /// Loses all but the first `keep` frames on the way, as a cut socket does.
    fn disconnect(&mut self, at: usize, keep: usize) {
        let client = &mut self.clients[at];
        if client.phase == Phase::Off {
            return;
        }
        if keep < client.got.len() {
            client.got.truncate(keep);
            client.applied = client.got.last().map_or(client.start.unwrap(), |f| f.pos.0);
        }
        client.phase = Phase::Off;
        self.hub.unsubscribe(client.slot);
    }

    fn connect(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if client.phase != Phase::Off {
            return;
        }
        let resume = client.start.map(|_| ResumePoint {
            epoch: client.epoch.to_string(),
            pos: Pos(client.applied),
            scope: client.scope.clone(),
        });
        let subscribed = self.hub.subscribe(&client.who, &client.subs, resume.as_ref());
        client.slot = subscribed.slot;
        client.scope = subscribed.interest.scope();
        let same = client.epoch == self.log.epoch && resume.is_some();
        client.epoch = subscribed.epoch;
        match subscribed.start {
            Start::Replay(step) => {
                assert!(same);
                self.take(at, step);
            }
            Start::Journal { from } => {
                assert!(same && from.0 == client.applied);
                if from.0 < self.journal_from {
                    let slot = client.slot;
                    let cut = self.hub.restart(slot, Why::TooOld, resume.as_ref()).unwrap();
                    self.check_gap(at, from.0, &cut);
                    self.snapshot(at, cut, Why::TooOld);
                } else {
                    client.phase = Phase::Catching(from.0);
                }
            }
            Start::Snapshot(cut) => {
                assert!(!same, "a position of this epoch is resumed");
                let why = if resume.is_some() { Why::Epoch } else { Why::None };
                self.snapshot(at, cut, why);
            }
        }
    }

    fn snapshot(&mut self, at: usize, cut: Cut, why: Why) {
        assert_eq!((cut.why, cut.pos.0), (why, self.log.head()));
        let mut live: BTreeMap<CallId, Call> = BTreeMap::new();
        live.extend(self.log.open.iter().map(|c| (c.id, c.clone())));
        let client = &mut self.clients[at];
        for sub in &cut.subs {
            let request: Vec<_> = client.subs.iter().filter(|s| s.id == sub.sub).cloned().collect();
            let visible = |call: &&Call| {
                let entity = Entity::Call(std::sync::Arc::new((*call).clone()));
                let kind = EventKind::CallResynced;
                let detail = Detail::default();
                let event = Event { pos: Pos(1), ts: Wall(0), kind, entity, detail };
                oracle(&client.who, &request, &event).is_some()
            };
            let mut want: Vec<_> = live.values().filter(visible).cloned().collect();
            let mut got: Vec<_> = sub.calls.iter().map(|c| (**c).clone()).collect();
            want.sort_by_key(|c| c.id);
            got.sort_by_key(|c| c.id);
            assert_eq!(got, want);
        }
        client.got.clear();
        client.applied = cut.pos.0;
        client.start = Some(cut.pos.0);
        client.phase = if cut.live { Phase::Live } else { Phase::Catching(cut.pos.0) };
    }

    /// Calls that began and ended after `from`, and no others.
    fn check_gap(&self, at: usize, from: u64, cut: &Cut) {
        let client = &self.clients[at];
        for sub in &cut.subs {
            let request: Vec<_> = client.subs.iter().filter(|s| s.id == sub.sub).cloned().collect();
            let mut want = Vec::new();
            for event in &self.log.events {
                let Entity::Call(call) = &event.entity else { continue };
                let first = self.log.began[&call.id];
                // Calls of the log before the hub's start are known to it as live only.
                if call.is_over()
                    && first > from.max(20)
                    && oracle(&client.who, &request, event).is_some()
                {
                    want.push(call.id);
                }
            }
            assert_eq!(sub.gap.iter().map(|c| c.id).collect::<Vec<_>>(), want);
        }
    }

    fn take(&mut self, at: usize, step: Advance) {
        let client = &mut self.clients[at];
        client.got.extend(step.frames);
        client.phase = match step.state {
            AdvanceState::Live => Phase::Live,
            AdvanceState::More | AdvanceState::Behind => Phase::Catching(step.to.0),
        };
        if step.state == AdvanceState::Behind {
            // The task reads a page of the journal and filters it by the same interest.
            let base = usize::try_from(step.to.0 - self.log.base).unwrap();
            let page: Vec<_> = self.log.events.iter().skip(base).take(7).collect();
            let interest = interest_of(&client.who, &client.subs);
            for event in &page {
                client.got.extend(interest.view_of(event).map(|v| Frame::encode(event, v)));
            }
            client.phase = Phase::Catching(page.last().map_or(step.to.0, |e| e.pos.0));
        }
    }

    fn step(&mut self, at: usize) {
        if let Phase::Catching(from) = self.clients[at].phase {
            let step = self.hub.advance(self.clients[at].slot, Pos(from)).unwrap();
            self.take(at, step);
        }
    }

    /// The sentence: what a client has is the log after its snapshot, filtered.
    fn check(&mut self) {
        let head = self.log.head();
        for client in &mut self.clients {
            let upto = match client.phase {
                Phase::Live => head,
                Phase::Catching(to) => to,
                Phase::Off => continue,
            };
            client.applied = upto;
            let start = client.start.unwrap();
            let visible = |e: &&Event| e.pos.0 > start && e.pos.0 <= upto;
            let want: Vec<_> = self
                .log
                .events
                .iter()
                .filter(visible)
                .filter_map(|e| Some((e.pos, shown(e, oracle(&client.who, &client.subs, e)?))))
                .collect();
            let got: Vec<_> = client
                .got
                .iter()
                .map(|f| (f.pos, String::from_utf8(f.bytes.to_vec()).unwrap()))
                .collect();
            assert_eq!(got, want);
        }
    }
}

fn interest_of(who: &Principal, subs: &[SubRequest]) -> Interest {
    Interest::new(who, &access::authorise(who, subs, 16).0)
}

#[derive(Clone, Debug)]
enum Op {
    Commit(Vec<(u8, u8)>),
    Connect(usize),
    Disconnect(usize, usize),
    Step(usize),
    NewEpoch,
    TrimJournal,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let who = 0..clients().len();
    let spec = (any::<u8>(), any::<u8>());
    let op = prop_oneof![
        8 => proptest::collection::vec(spec, 1..12).prop_map(Op::Commit),
        6 => who.clone().prop_map(Op::Connect),
        3 => (who.clone(), 0..60_usize).prop_map(|(c, keep)| Op::Disconnect(c, keep)),
        6 => who.prop_map(Op::Step),
        1 => Just(Op::TrimJournal),
        1 => Just(Op::NewEpoch),
    ];
    proptest::collection::vec(op, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is cut and wherever: each stream is the filtered log without gap, duplicate,
    /// disorder or anything unauthorised, and a resumed one equals one that was never cut.
    #[test]
    fn every_stream_is_the_filtered_log(ops in ops(), ring in 1_usize..60_000, cut in 0_usize..20) {
        let limits = HubLimits {
            ring_bytes_max: ring,
            live_cut_calls_max: cut,
            step_frames_max: 5,
            step_bytes_max: 4000,
            ..HubLimits::default()
        };
        let mut world = World::new(limits);
        for op in ops {
            match op {
                Op::Commit(specs) => world.commit(&specs),
                Op::Connect(at) => world.connect(at),
                Op::Disconnect(at, keep) => world.disconnect(at, keep),
                Op::Step(at) => world.step(at),
                Op::NewEpoch => world.new_epoch(),
                Op::TrimJournal => world.journal_from = world.log.head() / 2,
            }
            world.check();
        }
        for at in 0..world.clients.len() {
            world.connect(at);
            for _ in 0..1000 {
                world.step(at);
            }
            prop_assert!(world.clients[at].phase == Phase::Live);
        }
        world.commit(&[(0, 0), (0, 1), (0, 2), (8, 1), (9, 0), (7, 0)]);
        world.check();
    }
}

#[test]
fn a_hole_is_named_and_nothing_after_it_is_applied() {
    let mut world = World::new(HubLimits::default());
    let events: Vec<_> = (0..5).map(|n| world.log.push(0, n)).collect();
    let batch = |events: &[Event]| Committed { epoch: epoch(0), events: events.into() };
    let hole = world.hub.apply(&batch(&events[2..]), &mut Vec::new());
    assert_eq!(hole, Err(HubError::Gap { expected: Pos(21), got: Pos(23) }));
    assert_eq!(world.hub.head(), Pos(20));
    world.hub.apply(&batch(&events), &mut Vec::new()).unwrap();
    assert_eq!(world.hub.head(), Pos(25));
}

#[test]
fn the_ring_stays_within_bytes_and_age() {
    let limits = HubLimits { ring_bytes_max: 50_000, ring_ms_max: 10, ..HubLimits::default() };
    let mut world = World::new(limits);
    world.connect(5);
    for _ in 0..50 {
        world.commit(&[(0, 0), (4, 0), (8, 1)]);
        let sizes = world.hub.sizes();
        assert!(sizes.ring_bytes <= 50_000 && sizes.ring_events <= 11, "{sizes:?}");
    }
    assert_eq!(world.hub.sizes().ring_events, 11, "one event a millisecond, both ends included");
    world.clients.iter().for_each(|c| world.hub.unsubscribe(c.slot));
    assert_eq!(world.hub.sizes().slots, 0);
}

#[test]
fn a_resume_ahead_of_the_log_or_of_another_scope_is_a_snapshot() {
    let mut world = World::new(HubLimits::default());
    let (who, subs) = clients().remove(0);
    let at = |pos, scope: &str| ResumePoint {
        epoch: epoch(0).to_string(),
        pos: Pos(pos),
        scope: scope.into(),
    };
    let mut why = |point: &ResumePoint| match world.hub.subscribe(&who, &subs, Some(point)).start {
        Start::Snapshot(cut) => cut.why,
        Start::Replay(_) | Start::Journal { .. } => Why::Ok,
    };
    assert_eq!(why(&at(21, "")), Why::Ahead);
    assert_eq!(why(&at(20, "other")), Why::Scope);
    assert_eq!(why(&at(20, &interest_of(&who, &subs).scope())), Why::Ok);
    assert_eq!(why(&at(20, "")), Why::Ok);
}
