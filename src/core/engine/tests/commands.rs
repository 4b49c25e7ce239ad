//! Commands of desks: once, durable first, only one's own.

use super::bench_site::*;
use crate::agent::AgentPolicy;
use crate::engine::{
    AgentsConfig, CommandAnswer, CommandArgs, CommandRequest, CommandTarget, Current, EngineConfig,
    Input, LinkIx, LinkKind, PbxIx, PbxOrder, Restored, SwitchConfig,
};
use crate::hub::{Principal, Role};
use crate::model::*;
use crate::pbx::{self, ChannelId, LinkReport, News, OrderResult, PbxIdentity};
use crate::sip::PeerId;
use uuid::Uuid;

const NUMBER: &str = "13800138000";

pub(super) fn switch(peer: Option<PeerId>) -> SwitchConfig {
    SwitchConfig {
        name: "pbx".into(),
        peer,
        links: vec![LinkKind::Ari, LinkKind::Ami],
        trunks: vec!["PJSIP/carrier".into()],
        default_purpose: None,
        bypass: Default::default(),
        bypass_by_trunk: Default::default(),
    }
}

pub(super) fn desk_config(peer: Option<PeerId>) -> EngineConfig {
    let agent = |id: &str, device: &str| AgentSettings {
        id: id.into(),
        name: id.to_owned(),
        team: String::new(),
        skills: Vec::new(),
        device: device.to_owned(),
        pbx: "pbx".into(),
        queues: vec!["support".into()],
    };
    let agents = vec![agent("alice", "PJSIP/8001"), agent("bob", "PJSIP/8002")];
    let agents = AgentsConfig { policy: AgentPolicy::default(), agents };
    EngineConfig { switches: vec![switch(peer)], agents, ..config() }
}

/// A call of a customer with agent 8001, as a control link showed it.
pub(super) fn call_with_agent(at: Wall) -> Call {
    let moment = Moment { pbx_time: at, observed_at: at, quality: TimeQuality::Pbx };
    let party = |raw: &str| Party {
        e164: None,
        raw: Pii::new(raw.to_owned()),
        display: None,
        masked: "***".into(),
        number_ref: NumberRef([0; 16]),
    };
    let leg = |id, role, device: &str, channel: &str| Leg {
        id: LegId(id),
        role,
        device: device.into(),
        agent: None,
        channel: Some(Box::new(Channel { pbx: "pbx".into(), id: channel.into() })),
        sip_call_id: None,
        state: ConnectionState::Connected,
        alerting_basis: None,
        since: at,
        alerting: Some(moment),
        answered: Some(moment),
        held_since: None,
        ended: None,
        cause: None,
        pop: None,
    };
    let id = CallId(IdSource::new(9).uuid(Now { mono: Mono(0), wall: at }));
    let origin = Origin {
        id,
        tenant: "t".into(),
        site: "s".into(),
        direction: Direction::Inbound,
        purpose: None,
        from: party(NUMBER).into(),
        to: party("100").into(),
        dialed: party("100").into(),
        device: "8001".into(),
        thread_id: id,
        parent_id: None,
        signalling: None,
        started: moment,
    };
    let dialog = Dialog { call_id: "c@h".into(), caller_tag: "a".into(), callee_tag: "b".into() };
    let legs = vec![
        leg(1, LegRole::Customer, "PJSIP/carrier", "chan-1"),
        leg(2, LegRole::Agent, "PJSIP/8001", "chan-2"),
    ];
    Call {
        rev: 7,
        state: ConnectionState::Connected,
        alerting: Some(moment),
        answered: Some(moment),
        service_basis: ServiceBasis::Agent,
        ..Call::begun(origin, "main".into(), dialog, legs)
    }
}

pub(super) struct Desk {
    pub(super) site: Site,
    pub(super) call: CallId,
    pub(super) orders: Vec<PbxOrder>,
    ticket: u64,
}

pub(super) fn alice() -> Principal {
    Principal {
        user: "alice".into(),
        role: Role::Agent,
        devices: vec!["8001".into()],
        agent: "alice".into(),
        teams: Vec::new(),
    }
}

pub(super) fn request(who: Principal, id: u128, op: CommandOp) -> CommandRequest {
    CommandRequest {
        who,
        id: CommandId(Uuid::from_u128(id)),
        op,
        target: CommandTarget::default(),
        args: CommandArgs::default(),
        if_rev: None,
        not_after: None,
        digest: [1; 32],
    }
}

impl Desk {
    pub(super) fn open(config: EngineConfig, instant: &str, mut restored: Restored) -> Self {
        let at = Wall(instant.parse::<jiff::Timestamp>().unwrap().as_microsecond());
        let call = call_with_agent(at);
        restored.clean = true;
        let id = call.id;
        restored.live = vec![call];
        let site = Site::with(config, instant, restored);
        let mut desk = Self { site, call: id, orders: Vec::new(), ticket: 0 };
        for link in 0..2 {
            desk.report(link, LinkReport::News(News::Up(PbxIdentity::default())));
        }
        desk.site.events.clear();
        desk
    }

    /// A desk of a site without a call.
    pub(super) fn of(site: Site) -> Self {
        Self { site, call: CallId(Uuid::nil()), orders: Vec::new(), ticket: 0 }
    }

    pub(super) fn new() -> Self {
        Self::open(desk_config(Some(PeerId(0))), MONDAY_10, Restored::default())
    }

    pub(super) fn give(&mut self, input: Input<'_>) {
        self.site.give(input);
        self.collect();
    }

    fn collect(&mut self) {
        self.orders.append(&mut self.site.out.pbx_orders);
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.site.pass(ms);
        self.collect();
    }

    pub(super) fn report(&mut self, link: u16, report: LinkReport) {
        self.give(Input::Pbx { pbx: PbxIx(0), link: LinkIx(link), report });
    }

    pub(super) fn durable(&mut self) {
        self.give(Input::Durable(self.site.engine.pos()));
    }

    pub(super) fn done(&mut self, order: &PbxOrder, result: OrderResult) {
        self.report(order.link.0, LinkReport::News(News::Done(order.id, result)));
    }

    /// All orders given since the last look.
    pub(super) fn take_orders(&mut self) -> Vec<PbxOrder> {
        std::mem::take(&mut self.orders)
    }

    pub(super) fn only_order(&mut self) -> PbxOrder {
        let mut orders = self.take_orders();
        assert_eq!(orders.len(), 1, "{orders:?}");
        orders.remove(0)
    }

    pub(super) fn ask(&mut self, request: CommandRequest) -> CommandAnswer {
        self.ticket += 1;
        let ticket = self.ticket;
        self.give(Input::Command { request: Box::new(request), ticket });
        let (answered, answer) = self.site.out.commands.pop().unwrap();
        assert_eq!(answered, ticket);
        answer
    }

    pub(super) fn refusal(&mut self, request: CommandRequest) -> CommandCode {
        match self.ask(request) {
            CommandAnswer::Refused(error, _) => error.code,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn on_call(&self, id: u128, op: CommandOp) -> CommandRequest {
        let target = CommandTarget { call: Some(self.call), ..CommandTarget::default() };
        CommandRequest { target, ..request(alice(), id, op) }
    }

    /// Kinds of events since the last look, and what commands say.
    pub(super) fn told(&mut self) -> Vec<String> {
        let tell = |event: &Event| match &event.entity {
            Entity::Command(c) => {
                let code = c.error.as_ref().map_or("", |e| e.code.name());
                format!("{} {} {code}", event.kind.name(), c.status.name()).trim().to_owned()
            }
            _ => event.kind.name().to_owned(),
        };
        std::mem::take(&mut self.site.events).iter().map(tell).collect()
    }
}

#[test]
fn an_order_leaves_when_its_command_is_durable_and_once() {
    let mut desk = Desk::new();
    let hold = desk.on_call(1, CommandOp::CallHold);
    assert_eq!(desk.ask(hold.clone()), CommandAnswer::Accepted);
    assert!(desk.take_orders().is_empty(), "nothing is done before it is durable");
    assert_eq!(desk.ask(hold.clone()), CommandAnswer::Accepted, "the same again is the same");
    desk.durable();
    let order = desk.only_order();
    assert_eq!(order.order, pbx::Order::Hold(ChannelId("chan-2".into())));
    assert_eq!(order.link, LinkIx(0), "the first link that is up");
    desk.durable();
    assert!(matches!(desk.ask(hold.clone()), CommandAnswer::Known(c, Some(_)) if !c.is_done()));
    desk.done(&order, OrderResult::Done);
    desk.durable();
    desk.done(&order, OrderResult::Rejected("late".into()));
    assert!(matches!(
        desk.ask(hold.clone()),
        CommandAnswer::Known(c, Some(_)) if c.status == CommandStatus::Ok
    ));
    let other = CommandRequest { digest: [2; 32], ..hold };
    assert_eq!(desk.refusal(other), CommandCode::IdempotencyMismatch);
    assert!(desk.take_orders().is_empty());
    assert_eq!(desk.told(), ["command.accepted accepted", "command.done ok"]);
}

#[test]
fn ids_of_two_users_do_not_meet() {
    let mut desk = Desk::new();
    let service = Principal {
        user: "crm".into(),
        role: Role::Service,
        devices: Vec::new(),
        agent: String::new(),
        teams: Vec::new(),
    };
    let mut theirs = desk.on_call(1, CommandOp::CallDtmf);
    theirs.args.digits = "12#".into();
    theirs.who = service;
    let mine = desk.on_call(1, CommandOp::CallHold);
    assert_eq!(desk.ask(mine), CommandAnswer::Accepted);
    assert_eq!(desk.ask(theirs), CommandAnswer::Accepted);
    desk.durable();
    assert_eq!(desk.take_orders().len(), 2);
}

#[test]
fn a_command_whose_time_is_over_is_not_carried_out() {
    let mut desk = Desk::new();
    let mut late = desk.on_call(1, CommandOp::CallHold);
    late.not_after = Some(Wall(desk.site.now.wall.0 - 1));
    assert_eq!(desk.refusal(late), CommandCode::Expired);
    let hold = desk.on_call(2, CommandOp::CallHold);
    assert_eq!(desk.ask(hold), CommandAnswer::Accepted);
    desk.site.pass(5001);
    desk.durable();
    assert!(desk.take_orders().is_empty());
    assert_eq!(desk.told(), ["command.accepted accepted", "command.done expired"]);
}

#[test]
fn a_restart_runs_no_command_twice() {
    let mut desk = Desk::new();
    let hold = desk.on_call(1, CommandOp::CallHold);
    desk.ask(hold.clone());
    let accepted = desk.site.events.iter().find_map(|e| match &e.entity {
        Entity::Command(c) => Some((**c).clone()),
        _ => None,
    });
    let commands = vec![accepted.unwrap()];
    let restored = Restored { commands, ..Restored::default() };
    let at = "2026-11-23T10:00:03+08:00";
    let config = desk_config(Some(PeerId(0)));
    let site = Site::with(config, at, Restored { clean: true, ..restored.clone() });
    let last = site.events.last().unwrap();
    assert!(matches!(&last.entity, Entity::Command(c) if c.status == CommandStatus::Unknown));
    assert_eq!(last.kind, EventKind::CommandDone);
    let mut desk = Desk::open(desk_config(Some(PeerId(0))), at, restored);
    desk.durable();
    let answer = desk.ask(hold);
    assert!(
        matches!(&answer, CommandAnswer::Known(c, _) if c.status == CommandStatus::Unknown),
        "{answer:?}"
    );
    desk.durable();
    assert!(desk.take_orders().is_empty(), "it was perhaps carried out: it is not again");
    let ids = vec![CommandId(Uuid::from_u128(1)), CommandId(Uuid::from_u128(2))];
    desk.give(Input::Commands { user: "alice".into(), ids, ticket: 99 });
    let Some((99, CommandAnswer::Standing(all))) = desk.site.out.commands.pop() else { panic!() };
    let known: Vec<_> = all.iter().map(|(_, c)| c.as_ref().map(|c| c.status)).collect();
    assert_eq!(known, [Some(CommandStatus::Unknown), None]);
    // After a day the id is forgotten.
    for _ in 0..25 {
        desk.site.pass(3600 * 1000);
    }
    let ids = vec![CommandId(Uuid::from_u128(1))];
    desk.give(Input::Commands { user: "alice".into(), ids, ticket: 100 });
    let Some((100, CommandAnswer::Standing(all))) = desk.site.out.commands.pop() else { panic!() };
    assert_eq!(all[0].1, None);
}

#[test]
fn only_ones_own_calls_as_they_are() {
    let mut desk = Desk::new();
    let hold = desk.on_call(1, CommandOp::CallHold);
    let bob = Principal {
        user: "bob".into(),
        role: Role::Agent,
        devices: vec!["8002".into()],
        agent: "bob".into(),
        teams: Vec::new(),
    };
    let with = |change: &dyn Fn(&mut CommandRequest)| {
        let mut request = hold.clone();
        change(&mut request);
        request
    };
    let table: [(&str, CommandRequest, CommandCode); 8] = [
        ("another's call", with(&|r| r.who = bob.clone()), CommandCode::Forbidden),
        ("a role that only watches", with(&|r| r.who.role = Role::Auditor), CommandCode::Forbidden),
        ("the customer's leg", with(&|r| r.target.leg = Some(LegId(1))), CommandCode::Forbidden),
        ("no such leg", with(&|r| r.target.leg = Some(LegId(9))), CommandCode::NotFound),
        (
            "no such call",
            with(&|r| r.target.call = Some(CallId(Uuid::from_u128(4)))),
            CommandCode::NotFound,
        ),
        ("no call", with(&|r| r.target.call = None), CommandCode::BadRequest),
        ("another revision", with(&|r| r.if_rev = Some(6)), CommandCode::Conflict),
        ("not held", with(&|r| r.op = CommandOp::CallRetrieve), CommandCode::Conflict),
    ];
    for (what, request, code) in table {
        assert_eq!(desk.refusal(request), code, "{what}");
    }
    let seen = with(&|r| r.if_rev = Some(6));
    let CommandAnswer::Refused(_, Current::Call(call)) = desk.ask(seen) else { panic!() };
    assert_eq!((call.id, call.rev), (desk.call, 7), "the desk sees what it missed");
    assert!(desk.told().is_empty(), "what is refused leaves no trace");
}

#[test]
fn a_leg_bears_one_change_at_a_time() {
    let mut desk = Desk::new();
    let (hold, mut blind) =
        (desk.on_call(1, CommandOp::CallHold), desk.on_call(2, CommandOp::CallTransferBlind));
    blind.args.to = Pii::new("8002".into());
    desk.ask(hold);
    assert_eq!(desk.refusal(blind.clone()), CommandCode::Conflict);
    let hangup = desk.on_call(3, CommandOp::CallHangup);
    assert_eq!(desk.ask(hangup), CommandAnswer::Accepted, "a call can always be ended");
    desk.durable();
    for order in desk.take_orders() {
        desk.done(&order, OrderResult::Done);
    }
    assert_eq!(desk.ask(blind), CommandAnswer::Accepted);
    desk.durable();
    let order = desk.only_order().order;
    let peer = Some(ChannelId("chan-1".into()));
    let by = ChannelId("chan-2".into());
    assert_eq!(order, pbx::Order::TransferBlind { by, peer, to: Pii::new("8002".into()) });
}

#[test]
fn what_one_link_cannot_do_the_next_may() {
    let mut desk = Desk::new();
    let hold = desk.on_call(1, CommandOp::CallHold);
    desk.ask(hold);
    desk.durable();
    let first = desk.only_order();
    desk.done(&first, OrderResult::Unsupported("ari cannot".into()));
    let second = desk.only_order();
    assert_eq!((second.link, &second.order), (LinkIx(1), &first.order));
    desk.done(&second, OrderResult::Unsupported("ami neither".into()));
    assert_eq!(desk.told().last().unwrap(), "command.done failed UNSUPPORTED");
    let down = || LinkReport::Down { reason: "gone".into(), refused: false, next_try: None };
    desk.report(0, down());
    let hold = desk.on_call(2, CommandOp::CallHold);
    desk.ask(hold);
    desk.durable();
    let order = desk.only_order();
    assert_eq!(order.link, LinkIx(1), "the first that is up");
    desk.done(&order, OrderResult::LinkDown);
    desk.report(1, down());
    let hold = desk.on_call(3, CommandOp::CallHold);
    desk.ask(hold);
    desk.durable();
    assert!(desk.take_orders().is_empty());
    let told = desk.told();
    let failed = told.iter().filter(|t| *t == "command.done failed SWITCH_UNAVAILABLE").count();
    assert_eq!(failed, 2, "{told:?}");
}

#[test]
fn an_order_without_an_answer_is_given_up() {
    let mut desk = Desk::new();
    let hold = desk.on_call(1, CommandOp::CallHold);
    desk.ask(hold);
    desk.durable();
    desk.site.pass(30_001);
    assert_eq!(desk.told().last().unwrap(), "command.done failed TIMEOUT");
}

#[test]
fn a_user_has_forty_commands_at_once_and_twenty_a_second() {
    let mut desk = Desk::new();
    let missing = |id| request(alice(), id, CommandOp::CallHold);
    for id in 0..40 {
        assert_eq!(desk.refusal(missing(id)), CommandCode::BadRequest);
    }
    assert_eq!(desk.refusal(missing(40)), CommandCode::RateLimited);
    desk.site.pass(50);
    assert_eq!(desk.refusal(missing(41)), CommandCode::BadRequest);
    assert_eq!(desk.refusal(missing(42)), CommandCode::RateLimited);
}

#[test]
fn no_command_is_taken_while_the_journal_does_not_write() {
    let mut desk = Desk::new();
    desk.give(Input::Degraded(true));
    let hold = desk.on_call(1, CommandOp::CallHold);
    assert_eq!(desk.refusal(hold.clone()), CommandCode::Internal);
    desk.give(Input::Degraded(false));
    assert_eq!(desk.ask(hold), CommandAnswer::Accepted);
    let lost = std::mem::take(&mut desk.site.events);
    desk.give(Input::RingFull(lost));
    desk.give(Input::RingFree);
    desk.durable();
    assert!(desk.take_orders().is_empty(), "its acceptance was lost: it was never given");
}

pub(super) fn dial(id: u128) -> CommandRequest {
    let mut dial = request(alice(), id, CommandOp::CallDial);
    dial.args.to = Pii::new(NUMBER.into());
    dial.args.purpose = "service".into();
    dial
}

pub(super) fn dialled(order: &PbxOrder) -> (String, String, ChannelId) {
    let pbx::Order::Dial { channel, device, to, mark, purpose, .. } = &order.order else {
        panic!("{order:?}")
    };
    assert_eq!((to.reveal().as_str(), purpose.as_deref()), (NUMBER, Some("service")));
    (device.clone(), mark.clone(), channel.clone())
}

#[test]
fn a_dial_becomes_the_call_that_carries_its_mark() {
    let mut desk = Desk::new();
    assert_eq!(desk.ask(dial(1)), CommandAnswer::Accepted);
    desk.durable();
    let order = desk.only_order();
    let (device, mark, _) = dialled(&order);
    assert_eq!(device, "PJSIP/8001", "the agent's device");
    desk.done(&order, OrderResult::Done);
    desk.told();
    // A mark that nobody was given is nobody's.
    desk.site.receive(PBX, &invite(NUMBER, "x", "X-Trunkline-Mark: guess\nX-Purpose: service\n"));
    desk.durable();
    assert!(desk.site.events.iter().all(|e| e.detail.caused_by.is_none()));
    assert!(!desk.told().iter().any(|t| t.starts_with("command")));
    desk.site.sent.clear();
    // The purpose is the command's: the INVITE itself names none.
    desk.site.receive(PBX, &invite(NUMBER, "a", &format!("X-Trunkline-Mark: {mark}\n")));
    desk.durable();
    let id = CommandId(Uuid::from_u128(1));
    let kinds: Vec<_> = desk.site.events.iter().map(|e| e.kind.name()).collect();
    assert_eq!(
        kinds,
        ["outbound.requested", "outbound.allowed", "call.originated", "command.done"]
    );
    for event in &desk.site.events[..3] {
        assert_eq!(event.detail.caused_by.as_deref(), Some(&id), "{}", event.kind.name());
    }
    let Entity::Call(call) = &desk.site.events[2].entity else { panic!() };
    assert_eq!(call.purpose.as_deref(), Some("service"));
    let Entity::Command(command) = &desk.site.events[3].entity else { panic!() };
    assert_eq!((command.status, command.call_id), (CommandStatus::Ok, Some(call.id)));
    let left = desk.site.sent_to(MAIN);
    assert!(left[0].starts_with("INVITE") && !left[0].contains("X-Trunkline-Mark"), "{left:?}");
}

#[test]
fn the_gate_is_asked_before_anything_rings() {
    let config = desk_config(Some(PeerId(0)));
    let mut desk = Desk::open(config, MONDAY_21, Restored::default());
    desk.ask(dial(1));
    desk.durable();
    let job = desk.site.out.explain.pop().unwrap();
    desk.give(Input::Explained(job.run()));
    assert!(desk.take_orders().is_empty(), "nothing is dialled");
    let done = desk.site.events.last().unwrap();
    let Entity::Command(command) = &done.entity else { panic!("{done:?}") };
    let error = command.error.as_ref().unwrap();
    assert_eq!(error.code, CommandCode::PolicyDenied);
    let next = error.next_allowed_at.as_deref().unwrap();
    assert!(next.starts_with("2026-11-24T"), "{next}");
    let denied = &desk.site.events[desk.site.events.len() - 2];
    let Entity::Decision(decision) = &denied.entity else { panic!() };
    assert_eq!(error.decision_id, Some(decision.id));
    assert_eq!(denied.detail.caused_by.as_deref(), Some(&command.id));
    // Without the explainer's answer the refusal comes without its next instant.
    desk.ask(dial(2));
    desk.durable();
    let late = desk.site.out.explain.pop().unwrap();
    desk.site.pass(51);
    assert_eq!(desk.told().last().unwrap(), "command.done failed POLICY_DENIED");
    desk.give(Input::Explained(late.run()));
    assert!(desk.told().is_empty());
}

#[test]
fn a_dial_that_leads_nowhere_fails() {
    let mut desk = Desk::new();
    desk.ask(dial(1));
    desk.durable();
    let order = desk.only_order();
    desk.done(&order, OrderResult::Rejected("the phone is not there".into()));
    assert_eq!(desk.told().last().unwrap(), "command.done failed SWITCH_REJECTED");
    desk.ask(dial(2));
    desk.durable();
    let order = desk.only_order();
    desk.done(&order, OrderResult::Done);
    desk.site.pass(59_000);
    assert_eq!(desk.told().last().unwrap(), "command.accepted accepted");
    desk.site.pass(1_001);
    assert_eq!(desk.told(), ["command.done failed TIMEOUT"]);
    let (_, mark, _) = dialled(&order);
    desk.site.receive(PBX, &invite(NUMBER, "late", &format!("X-Trunkline-Mark: {mark}\n")));
    let late: Vec<_> = desk.site.events.iter().map(|e| e.detail.caused_by.clone()).collect();
    assert!(late.iter().all(Option::is_none), "a dial that was given up is no cause");
}

#[test]
fn without_a_trunk_the_decision_is_durable_before_the_phone_rings() {
    let mut desk = Desk::open(desk_config(None), MONDAY_10, Restored::default());
    desk.ask(dial(1));
    desk.durable();
    assert!(desk.take_orders().is_empty(), "its permit is not durable");
    assert_eq!(desk.told(), ["command.accepted accepted", "outbound.allowed"]);
    desk.durable();
    dialled(&desk.only_order());
    // A permit lives for seconds.
    desk.ask(dial(2));
    desk.durable();
    desk.site.pass(30_000);
    desk.durable();
    assert!(desk.take_orders().is_empty());
    assert_eq!(desk.told().last().unwrap(), "command.done failed INTERNAL");
}

#[test]
fn a_device_of_another_is_not_dialled_from() {
    let mut desk = Desk::new();
    let mut theirs = dial(1);
    theirs.target.device = "PJSIP/8002".into();
    assert_eq!(desk.refusal(theirs), CommandCode::Forbidden);
    let mut bad = dial(2);
    bad.args.to = Pii::new("1380;rm".into());
    assert_eq!(desk.refusal(bad), CommandCode::BadRequest);
    let mut nowhere = dial(3);
    nowhere.who.agent = String::new();
    nowhere.who.devices = Vec::new();
    assert_eq!(desk.refusal(nowhere), CommandCode::BadRequest);
}

#[test]
fn events_name_the_command_they_come_of_for_a_while() {
    // The call is silent and ends when the table is searched after 3,650 s.
    for (asked_at_s, caused) in [(3648, true), (3640, false)] {
        let mut desk = Desk::new();
        desk.site.pass(3_590_000);
        desk.site.pass((asked_at_s - 3590) * 1000);
        let hangup = desk.on_call(1, CommandOp::CallHangup);
        assert_eq!(desk.ask(hangup), CommandAnswer::Accepted);
        desk.durable();
        desk.told();
        desk.site.pass((3651 - asked_at_s) * 1000);
        let ended = |e: &&Event| e.kind == EventKind::CallConnectionCleared;
        let ended: Vec<&Event> = desk.site.events.iter().filter(ended).collect();
        assert_eq!(ended.len(), 2);
        assert!(ended.iter().all(|e| e.detail.caused_by.is_some() == caused), "{asked_at_s}");
    }
}
