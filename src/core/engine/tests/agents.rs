//! Agents: calls at their devices, the PBX's queues, restarts.

use super::bench_site::*;
use super::claims::{EMPTY, answered, of_pbx};
use super::commands::{Desk, alice, desk_config, request};
use crate::engine::{CommandAnswer, EngineConfig, Input, PbxOrder, Restored};
use crate::model::*;
use crate::pbx::{DeviceState, Fact, LinkReport, Member, Observed, Order, OrderResult, Snapshot};
use crate::sip::PeerId;

fn member(present: bool, paused: &str) -> Member {
    Member {
        queue: "support".into(),
        device: "PJSIP/8001".into(),
        present,
        paused: !paused.is_empty(),
        reason: paused.into(),
        state: DeviceState::Idle,
        wrapping_up: false,
    }
}

fn fact(fact: Fact) -> LinkReport {
    LinkReport::Fact(Observed { pbx_time: None, fact })
}

fn snapshot(members: Vec<Member>) -> LinkReport {
    fact(Fact::Snapshot(Snapshot { channels: Vec::new(), members, members_known: true }))
}

/// A desk without the call that `Desk` brings, in step with a PBX whose queue is empty.
fn quiet() -> Desk {
    in_step(Restored::default())
}

fn in_step(restored: Restored) -> Desk {
    let config = EngineConfig { ..desk_config(Some(PeerId(0))) };
    let mut desk = Desk::open(config, MONDAY_10, restored);
    desk.site.pass(0);
    desk.report(1, snapshot(Vec::new()));
    desk
}

fn alice_is(desk: &Desk) -> String {
    let agents = desk.site.engine.agents();
    let agent = agents.iter().find(|a| &*a.who.id == "alice").unwrap();
    let (state, by) = (agent.state.name(), agent.changed_by.name());
    format!("{state} {} {by}", agent.reason).replace("  ", " ")
}

fn of_alice(desk: &mut Desk) -> Vec<&'static str> {
    let mine = |e: &Event| matches!(&e.entity, Entity::Agent(a) if &*a.who.id == "alice");
    let events = std::mem::take(&mut desk.site.events);
    events.iter().filter(|e| mine(e)).map(|e| e.kind.name()).collect()
}

fn command(desk: &mut Desk, id: u128, op: CommandOp, state: &str, reason: &str) {
    let mut asked = request(alice(), id, op);
    asked.args.state = state.into();
    asked.args.reason = reason.into();
    assert_eq!(desk.ask(asked), CommandAnswer::Accepted);
    desk.durable();
}

fn names(orders: &[PbxOrder]) -> Vec<String> {
    let name = |order: &PbxOrder| match &order.order {
        Order::QueueMember { queue, device, present } => format!("{queue} {device} {present}"),
        Order::Pause { device, paused, reason } => {
            format!("pause {device} {paused} {reason}").trim().to_owned()
        }
        other => panic!("{other:?}"),
    };
    orders.iter().map(name).collect()
}

#[test]
fn a_login_puts_the_device_into_its_queues_and_waits_for_the_pbx() {
    let mut desk = quiet();
    desk.told();
    // The call of the desk is at alice's device: she is in it.
    command(&mut desk, 1, CommandOp::AgentLogin, "ready", "");
    let orders = desk.take_orders();
    assert_eq!(names(&orders), ["support PJSIP/8001 true"], "a new member is not paused");
    assert!(!desk.told().iter().any(|t| t.starts_with("command.done")));
    for order in &orders {
        desk.done(order, OrderResult::Done);
    }
    assert_eq!(desk.told(), ["command.done ok"]);
    assert_eq!(alice_is(&desk), "busy agent");
    let logged: Vec<_> = desk.site.engine.agents().iter().map(|a| a.rev).collect();
    assert!(logged[0] >= 2);
}

#[test]
fn a_pause_that_the_pbx_refuses_fails_its_command() {
    let mut desk = quiet();
    command(&mut desk, 1, CommandOp::AgentLogin, "", "");
    desk.told();
    let orders = desk.take_orders();
    desk.done(&orders[0], OrderResult::Rejected("no such queue".into()));
    assert_eq!(desk.told(), ["command.done failed SWITCH_REJECTED"]);
    desk.done(&orders[1], OrderResult::Done);
    assert!(desk.told().is_empty(), "a result comes once");
}

#[test]
fn events_of_a_request_name_it_and_refusals_are_results() {
    let mut desk = quiet();
    desk.site.events.clear();
    command(&mut desk, 1, CommandOp::AgentState, "ready", "");
    assert_eq!(desk.told(), ["command.accepted accepted", "command.done failed CONFLICT"]);
    command(&mut desk, 2, CommandOp::AgentLogin, "", "");
    let id = CommandId(uuid::Uuid::from_u128(2));
    let agents = desk.site.events.iter().filter(|e| matches!(e.entity, Entity::Agent(_)));
    assert!(agents.clone().count() > 0);
    assert!(agents.clone().all(|e| e.detail.caused_by.as_deref() == Some(&id)));
}

#[test]
fn the_pbx_has_its_own_will_and_its_echoes_are_none() {
    let mut desk = quiet();
    command(&mut desk, 1, CommandOp::AgentLogin, "", "");
    let orders = desk.take_orders();
    desk.report(1, fact(Fact::Member(member(true, "")))); // put in, not paused yet
    for order in &orders {
        desk.done(order, OrderResult::Done);
    }
    desk.report(1, fact(Fact::Member(member(true, "login"))));
    of_alice(&mut desk);
    desk.report(1, fact(Fact::Member(member(true, "login"))));
    assert!(of_alice(&mut desk).is_empty());
    // A call holds alice: what the PBX says is for afterwards.
    desk.report(1, fact(Fact::Member(member(true, ""))));
    assert_eq!(alice_is(&desk), "busy pbx");
    assert!(desk.take_orders().is_empty(), "nobody answers the PBX with an order");
    desk.report(1, fact(Fact::Member(member(true, "cigarette"))));
    assert_eq!(alice_is(&desk), "busy cigarette pbx");
    desk.report(1, fact(Fact::Member(member(false, ""))));
    assert_eq!(alice_is(&desk), "logged_out pbx");
    assert_eq!(of_alice(&mut desk), ["agent.busy", "agent.busy", "agent.logged_off"]);
}

#[test]
fn a_lost_link_hides_agents_until_a_snapshot() {
    let mut desk = quiet();
    command(&mut desk, 1, CommandOp::AgentLogin, "ready", "");
    for order in desk.take_orders() {
        desk.done(&order, OrderResult::Done);
    }
    of_alice(&mut desk);
    let down = || LinkReport::Down { reason: "gone".into(), refused: false, next_try: None };
    desk.report(0, down());
    assert!(of_alice(&mut desk).is_empty(), "the other link still shows the device");
    desk.report(1, down());
    assert_eq!(of_alice(&mut desk), ["agent.unknown"]);
    let up = LinkReport::News(crate::pbx::News::Up(Default::default()));
    desk.report(1, up);
    assert!(of_alice(&mut desk).is_empty(), "logged in is not in step");
    // The PBX was restarted and knows nobody: she is put in again.
    desk.report(1, snapshot(Vec::new()));
    assert_eq!(of_alice(&mut desk), ["agent.busy"]);
    assert_eq!(names(&desk.take_orders())[0], "support PJSIP/8001 true");
}

/// An agent without a control link: the phone is seen on the trunk alone.
fn ready_without_link(device: &str) -> Site {
    let mut config = EngineConfig { switches: Vec::new(), ..desk_config(None) };
    config.agents.agents[0].device = device.into();
    let mut site = Site::with(config, MONDAY_10, Restored { clean: true, ..Restored::default() });
    let mut login = request(alice(), 1, CommandOp::AgentLogin);
    login.args.state = "ready".into();
    site.give(Input::Command { request: Box::new(login), ticket: 1 });
    site.durable();
    let kinds = site.kinds();
    assert!(kinds.ends_with(&["agent.ready", "command.done"]), "{kinds:?}");
    site
}

#[test]
fn work_after_a_call_comes_before_its_release() {
    let mut site = ready_without_link("95519"); // the number that was dialled is the device
    let ok = answered(&mut site, "a", "");
    site.receive(PBX, &of_pbx(&ok, "a", "BYE 12", EMPTY));
    let told = |e: &Event| {
        let leg = e.detail.leg.map(|l| format!(" {l}")).unwrap_or_default();
        format!("{}{leg}", e.kind.name())
    };
    let told: Vec<String> = site.events.drain(..).map(|e| told(&e)).collect();
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    assert_eq!(
        told,
        [
            "call.originated 1",
            "call.established 2",
            "agent.busy",
            "agent.working_after_call",
            "call.connection_cleared 2",
            "call.connection_cleared 1",
            "call.cleared",
        ]
    );
    site.pass(30_000);
    assert_eq!(site.kinds(), ["agent.ready"]);
}

#[test]
fn a_call_that_nobody_takes_is_followed_by_no_work() {
    let mut site = ready_without_link("8001");
    site.receive(PBX, &invite("13800138000", "a", "X-Purpose: service\n"));
    site.durable();
    let left = site.sent_to(MAIN);
    site.receive(MAIN, &answer(&left[0], "486 Busy Here", "g"));
    let kinds = site.kinds();
    let agents: Vec<_> = kinds.iter().filter(|k| k.starts_with("agent.")).collect();
    assert_eq!(agents, [&"agent.busy", &"agent.ready"]);
}

#[test]
fn agents_are_where_the_earlier_run_left_them() {
    let mut desk = quiet();
    command(&mut desk, 1, CommandOp::AgentLogin, "ready", "");
    command(&mut desk, 2, CommandOp::AgentState, "not_ready", "lunch");
    let agents = desk.site.engine.agents();
    let mut later = in_step(Restored { agents, ..Restored::default() });
    assert_eq!(alice_is(&later), "busy lunch reconciler");
    let orders = names(&later.take_orders());
    assert_eq!(orders, ["support PJSIP/8001 true", "pause PJSIP/8001 true lunch"]);
}

#[test]
fn a_supervisor_sends_an_agent_away_and_nobody_else_does() {
    let mut desk = quiet();
    command(&mut desk, 1, CommandOp::AgentLogin, "ready", "");
    let mut chief = alice();
    chief.user = "chief".into();
    chief.agent = String::new();
    let mut away = request(chief.clone(), 1, CommandOp::AgentState);
    away.target.agent = "alice".into();
    away.args.state = "not_ready".into();
    away.args.reason = "training".into();
    let refused = desk.ask(away.clone());
    assert!(matches!(refused, CommandAnswer::Refused(e, _) if e.code == CommandCode::Forbidden));
    away.who.role = crate::hub::Role::Supervisor;
    away.who.teams = vec!["another".into()];
    let refused = desk.ask(away.clone());
    assert!(matches!(refused, CommandAnswer::Refused(e, _) if e.code == CommandCode::Forbidden));
    away.who.role = crate::hub::Role::Wallboard;
    away.who.teams.clear();
    let refused = desk.ask(away.clone());
    assert!(matches!(refused, CommandAnswer::Refused(e, _) if e.code == CommandCode::Forbidden));
    away.who.role = crate::hub::Role::Supervisor;
    assert_eq!(desk.ask(away), CommandAnswer::Accepted);
    desk.durable();
    assert_eq!(alice_is(&desk), "busy training supervisor");
}

#[test]
fn a_desktop_that_comes_and_goes_is_told() {
    let mut desk = quiet();
    desk.site.events.clear();
    let online = DeskPresence::Online;
    desk.give(Input::Desk { agent: "alice".into(), presence: online });
    desk.give(Input::Desk { agent: "alice".into(), presence: online });
    desk.give(Input::Desk { agent: "nobody".into(), presence: online });
    assert_eq!(of_alice(&mut desk), ["agent.desk_changed"]);
}

/// A queue's call to alice's phone as a control link tells it.
#[test]
fn a_call_at_the_device_leads_from_reserved_to_busy_to_work_after_it() {
    use crate::pbx::{BridgeId, ChannelEnd, ChannelId, ChannelInfo, EndedBy};
    let config = desk_config(None);
    let clean = Restored { clean: true, ..Restored::default() };
    let mut desk = Desk::of(Site::with(config, MONDAY_10, clean));
    desk.report(1, LinkReport::News(crate::pbx::News::Up(Default::default())));
    desk.report(1, snapshot(Vec::new()));
    command(&mut desk, 1, CommandOp::AgentLogin, "ready", "");
    for order in desk.take_orders() {
        desk.done(&order, OrderResult::Done);
    }
    desk.site.events.clear();
    let (customer, phone) = (ChannelId("c-1".into()), ChannelId("c-2".into()));
    let info = |endpoint: &str, incoming| ChannelInfo {
        endpoint: endpoint.into(),
        name: format!("{endpoint}-1"),
        incoming: Some(incoming),
        number: Some(Pii::new("13800138000".into())),
        dialed: Some(Pii::new("4930200".into())),
        ..ChannelInfo::default()
    };
    let bridge = BridgeId("b".into());
    let offered = Fact::Offered { channel: phone.clone(), by: Some(customer.clone()) };
    let facts = [
        Fact::Channel(customer.clone(), info("PJSIP/carrier", true)),
        Fact::Answered(customer.clone()),
        Fact::Channel(phone.clone(), info("PJSIP/8001", false)),
        offered,
        Fact::Ringing(phone.clone()),
        Fact::Answered(phone.clone()),
        Fact::Bridged(customer.clone(), bridge.clone()),
        Fact::Bridged(phone.clone(), bridge.clone()),
        Fact::Unbridged(customer.clone(), bridge.clone()),
        Fact::Unbridged(phone.clone(), bridge),
        Fact::Ended(
            customer,
            ChannelEnd { q850: Some(16), by: Some(EndedBy::Party), ..ChannelEnd::default() },
        ),
        Fact::Ended(
            phone,
            ChannelEnd { q850: Some(16), by: Some(EndedBy::Pbx), ..ChannelEnd::default() },
        ),
    ];
    let mut paused = Vec::new();
    for what in facts {
        desk.report(1, fact(what));
        desk.pass(20);
        paused.extend(names(&desk.take_orders()));
    }
    let told: Vec<_> = desk.site.events.iter().map(|e| e.kind.name()).collect();
    let agents: Vec<_> = told.iter().filter(|k| k.starts_with("agent.")).collect();
    assert_eq!(agents, [&"agent.reserved", &"agent.busy", &"agent.working_after_call"], "{told:?}");
    assert_eq!(paused, ["pause PJSIP/8001 true working_after_call"]);
    let of_leg = |kind: EventKind| {
        desk.site.events.iter().find_map(|e| match &e.entity {
            Entity::Call(call) if e.kind == kind => {
                call.legs.iter().find(|l| &*l.device == "8001")?.agent.clone()
            }
            _ => None,
        })
    };
    assert_eq!(of_leg(EventKind::CallDelivered).as_deref(), Some("alice"));
    let at = |kind: &str| told.iter().position(|k| *k == kind).unwrap();
    let last = told.iter().rposition(|k| *k == "call.connection_cleared").unwrap();
    assert!(at("call.delivered") < at("agent.reserved"));
    assert!(at("agent.working_after_call") < last, "{told:?}");
    desk.pass(30_000);
    assert_eq!(alice_is(&desk), "ready system");
    assert_eq!(names(&desk.take_orders()), ["pause PJSIP/8001 false"]);
}

/// The customer dialled the agent's own number, so the site's side of the call on the trunk has
/// the agent's device. It goes on with a colleague; the agent does not.
#[test]
fn an_agent_who_sent_a_direct_call_on_is_not_busy_with_it() {
    use crate::pbx::{BridgeId, ChannelEnd, ChannelId, ChannelInfo};
    let mut config = desk_config(Some(PeerId(0)));
    config.agents.agents[0].device = "PJSIP/95519".into();
    let clean = Restored { clean: true, ..Restored::default() };
    let mut desk = Desk::of(Site::with(config, MONDAY_10, clean));
    desk.report(1, LinkReport::News(crate::pbx::News::Up(Default::default())));
    desk.report(1, snapshot(Vec::new()));
    command(&mut desk, 1, CommandOp::AgentLogin, "ready", "");
    for order in desk.take_orders() {
        desk.done(&order, OrderResult::Done);
    }
    let (end, phone) = (ChannelId("c-1".into()), ChannelId("c-2".into()));
    let info = |endpoint: &str, incoming, call_id: Option<&str>| ChannelInfo {
        endpoint: endpoint.into(),
        incoming: Some(incoming),
        sip_call_id: call_id.map(str::to_owned),
        ..ChannelInfo::default()
    };
    answered(&mut desk.site, "a", "");
    let offered = Fact::Offered { channel: phone.clone(), by: Some(end.clone()) };
    for what in [
        Fact::Channel(end.clone(), info("PJSIP/carrier", true, Some("a@pbx"))),
        Fact::Channel(phone.clone(), info("PJSIP/95519", false, None)),
        offered,
        Fact::Ringing(phone.clone()),
        Fact::Answered(end.clone()),
        Fact::Answered(phone.clone()),
        Fact::Bridged(end, BridgeId("b".into())),
        Fact::Bridged(phone.clone(), BridgeId("b".into())),
    ] {
        desk.report(1, fact(what));
    }
    assert_eq!(alice_is(&desk), "busy pbx");
    desk.report(1, fact(Fact::Ended(phone, ChannelEnd::default())));
    desk.pass(600);
    assert_eq!(alice_is(&desk), "working_after_call pbx");
}
