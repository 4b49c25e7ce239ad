//! What agents see when a call rings, and what they write into it.

use super::bench_site::*;
use super::commands::{Desk, alice, desk_config, request};
use super::handover::{SERVED, linked, newest_call, say};
use super::switch::fact;
use crate::call::PeopleRules;
use crate::engine::{CommandAnswer, CommandRequest, EngineConfig, LinkKind, Restored};
use crate::hub::{Principal, Role};
use crate::model::*;
use crate::pbx::{DeviceState, Fact, LinkReport, Member, Observed, Order, OrderResult, Snapshot};
use crate::sip::PeerId;
use std::sync::Arc;
use std::time::Duration;

fn rules() -> Arc<PeopleRules> {
    Arc::new(PeopleRules {
        sensitive: ["policy".into()].into(),
        apology_late: "late".into(),
        apology_fault: "fault".into(),
    })
}

fn staffed() -> Desk {
    linked(|config: &mut EngineConfig| {
        config.call.people = rules();
        let people = &mut config.people;
        people.opening = "agent {agent}, {name}".into();
        people.factors =
            ["policy_number", "stored_phone", "ani", "birth_date"].map(Into::into).into();
        people.number_factors = ["stored_phone", "ani"].map(Into::into).into();
        people.labels = vec!["回拨".into()];
        people.record_within = Some(Duration::from_secs(300));
    })
}

/// Alice talks to a customer.
fn talking() -> Desk {
    let mut desk = staffed();
    say(&mut desk, SERVED);
    desk.call = newest_call(&desk).id;
    desk.site.events.clear();
    desk
}

fn ends(desk: &mut Desk) {
    say(desk, "end C party, end A pbx");
}

fn gives(desk: &mut Desk, request: CommandRequest) {
    assert_eq!(desk.ask(request), CommandAnswer::Accepted);
    desk.durable();
}

fn factor(desk: &Desk, id: u128, kind: &str) -> CommandRequest {
    let mut request = desk.on_call(id, CommandOp::CallIdentity);
    request.args.factor = kind.into();
    request
}

fn label(desk: &Desk, id: u128, name: &str) -> CommandRequest {
    let mut request = desk.on_call(id, CommandOp::CallLabel);
    request.args.label = name.into();
    request
}

fn message(answer: CommandAnswer) -> (CommandCode, String) {
    match answer {
        CommandAnswer::Refused(error, _) => (error.code, error.msg),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_pop_is_there_when_the_telephone_rings() {
    let mut desk = staffed();
    say(&mut desk, "new C carrier in, answers C, waits C, offer A C, new A 8001 out, rings A");
    let call = newest_call(&desk);
    let leg = call.legs.iter().find(|l| l.agent.as_deref() == Some("alice")).unwrap();
    assert_eq!(leg.state, ConnectionState::Alerting);
    let pop = leg.pop.as_ref().unwrap();
    assert_eq!((pop.window, &*pop.opening), (PopWindow::Secondary, "agent alice, alice"));
    assert_eq!((pop.prompt.as_ref(), call.queue.as_deref()), (None, Some("q")));
    let kinds = desk.site.kinds();
    assert_eq!(kinds.last(), Some(&"call.delivered"), "it comes before the answer");
}

#[test]
fn who_has_waited_too_long_is_apologised_to_and_a_fault_is_named() {
    let down = || LinkReport::Down { reason: "gone".into(), refused: false, next_try: None };
    for (ring_ms, fault, expected) in [
        (15_000, "", None),
        (15_001, "", Some((PromptKind::ApologyLate, "late"))),
        (15_000, "before", None),
        (15_001, "before", Some((PromptKind::ApologyFault, "fault"))),
        (15_001, "during", Some((PromptKind::ApologyFault, "fault"))),
        (15_001, "over", Some((PromptKind::ApologyLate, "late"))),
    ] {
        let mut desk = staffed();
        let snapshot = || Fact::Snapshot(Snapshot::default());
        let observed = |fact| LinkReport::Fact(Observed { pbx_time: None, fact });
        desk.report(0, observed(snapshot()));
        if matches!(fault, "before" | "over") {
            desk.report(0, down());
        }
        if fault == "over" {
            desk.report(0, observed(snapshot()));
        }
        say(&mut desk, "new C carrier in, answers C, waits C, offer A C, new A 8001 out, rings A");
        if fault == "during" {
            desk.report(0, down());
        }
        desk.site.pass(ring_ms);
        say(&mut desk, "answers A, bridge C b, bridge A b");
        let established = |e: &&Event| e.kind == EventKind::CallEstablished;
        let answered = desk.site.events.iter().rev().find(established).unwrap();
        let Entity::Call(call) = &answered.entity else { panic!() };
        let leg = call.legs.iter().find(|l| l.agent.as_deref() == Some("alice")).unwrap();
        let prompt = leg.pop.as_ref().unwrap().prompt.as_ref();
        let prompt = prompt.map(|(kind, text)| (*kind, &**text));
        assert_eq!(prompt, expected, "{ring_ms} ms, fault {fault}");
    }
}

#[test]
fn factors_are_recorded_without_what_was_said() {
    let mut desk = talking();
    for (kind, code) in [("shoe_size", CommandCode::BadRequest), ("", CommandCode::BadRequest)] {
        assert_eq!(desk.refusal(factor(&desk, 1, kind)), code);
    }
    let (_, msg) = message(desk.ask(factor(&desk, 2, "shoe_size")));
    assert!(msg.contains("policy_number, stored_phone"), "{msg}");
    let request = factor(&desk, 3, "policy_number");
    gives(&mut desk, request);
    let event = desk.site.events.iter().find(|e| e.kind == EventKind::CallIdentified).unwrap();
    let Entity::Call(call) = &event.entity else { panic!() };
    assert_eq!(call.identity(), IdentityLevel::One);
    let known = &call.dossier.as_ref().unwrap().factors[0];
    assert_eq!(
        (&*known.kind, &*known.by, known.at),
        ("policy_number", "alice", desk.site.now.wall)
    );
    assert_eq!(event.detail.key.as_deref(), Some("policy_number"));
    assert!(event.detail.caused_by.is_some());
    assert_eq!(desk.told().last().unwrap(), "command.done ok");
    assert!(desk.take_orders().is_empty(), "the PBX has no part in it");
    assert_eq!(desk.refusal(factor(&desk, 4, "policy_number")), CommandCode::Conflict);
    let request = factor(&desk, 5, "birth_date");
    gives(&mut desk, request);
    assert_eq!(newest_call(&desk).identity(), IdentityLevel::Two);
}

#[test]
fn the_number_of_a_call_proves_nothing_where_it_is_not_known() {
    let mut desk = talking();
    let (code, msg) = message(desk.ask(factor(&desk, 1, "ani")));
    assert_eq!(code, CommandCode::Conflict);
    assert!(msg.contains("not known"), "{msg}");
    let mut known = staffed();
    let mut customer = fact("new C carrier in");
    if let Fact::Channel(_, info) = &mut customer {
        info.number = Some(Pii::new("13800138000".into()));
    }
    known.report(1, LinkReport::Fact(Observed { pbx_time: None, fact: customer }));
    say(&mut known, SERVED.split_once(',').unwrap().1);
    known.call = newest_call(&known).id;
    for (id, kind) in [(1, "ani"), (2, "stored_phone")] {
        let request = factor(&known, id, kind);
        gives(&mut known, request);
        assert_eq!(newest_call(&known).identity(), IdentityLevel::One, "{kind}");
    }
}

#[test]
fn sensitive_values_are_marked_when_they_are_attached() {
    let mut desk = talking();
    for (key, masked) in [("policy", true), ("city", false)] {
        let (key, value) = (key.to_owned(), Pii::new("x".to_owned()));
        let channel = crate::pbx::ChannelId("A".into());
        let fact = Fact::Data { channel, key: key.clone(), value };
        desk.report(1, LinkReport::Fact(Observed { pbx_time: None, fact }));
        assert_eq!(newest_call(&desk).is_masked(&key), masked, "{key}");
    }
    for (id, kind) in [(1, "policy_number"), (2, "birth_date")] {
        let request = factor(&desk, id, kind);
        gives(&mut desk, request);
    }
    assert!(!newest_call(&desk).is_masked("policy"));
}

#[test]
fn a_label_is_one_of_the_sites() {
    let mut desk = talking();
    let (code, msg) = message(desk.ask(label(&desk, 1, "very valid")));
    assert_eq!(code, CommandCode::BadRequest);
    assert_eq!(msg, "args.label is one of 有效, 无效, 拒绝, 回拨");
    for (id, name) in [(2, "有效"), (3, "回拨")] {
        let request = label(&desk, id, name);
        gives(&mut desk, request);
        let call = newest_call(&desk);
        let label = call.dossier.as_ref().unwrap().label.as_ref().unwrap();
        assert_eq!((&*label.name, &*label.by), (name, "alice"));
    }
    // Who is no agent has a telephone all the same.
    let phone = Principal { user: "p".into(), agent: String::new(), ..alice() };
    let by_phone = CommandRequest { who: phone.clone(), ..label(&desk, 5, "拒绝") };
    gives(&mut desk, by_phone);
    // A user of that name is not the agent of that name.
    let namesake = Principal { user: "alice".into(), devices: Vec::new(), ..phone.clone() };
    let posing = CommandRequest { who: namesake, ..label(&desk, 7, "拒绝") };
    assert_eq!(desk.refusal(posing), CommandCode::Forbidden);
    let mut posing = CommandRequest { who: phone, ..label(&desk, 6, "拒绝") };
    posing.target.agent = "alice".into();
    assert_eq!(desk.refusal(posing), CommandCode::Forbidden);
    let bob = Principal {
        user: "bob".into(),
        agent: "bob".into(),
        devices: vec!["8002".into()],
        ..alice()
    };
    let theirs = CommandRequest { who: bob, ..label(&desk, 4, "有效") };
    assert_eq!(desk.refusal(theirs), CommandCode::Forbidden);
    let request = label(&desk, 8, "无效");
    gives(&mut desk, request);
    ends(&mut desk);
    assert!(!desk.told().iter().any(|t| t.starts_with("duty")), "it was said while they talked");
}

fn duties(desk: &mut Desk) -> Vec<String> {
    let duty = |e: &Event| match &e.entity {
        Entity::Duty(d) if d.kind == DutyKind::CallRecord => {
            let call = d.subject == desk.call.to_string();
            Some(format!("{} {} {call}", e.kind.name(), d.agent))
        }
        _ => None,
    };
    let told = desk.site.events.iter().filter_map(duty).collect();
    desk.site.events.clear();
    told
}

#[test]
fn a_label_is_due_five_minutes_after_the_conversation() {
    let mut desk = talking();
    ends(&mut desk);
    assert_eq!(duties(&mut desk), ["duty.started alice true"]);
    desk.pass(299_999);
    let request = label(&desk, 1, "无效");
    gives(&mut desk, request);
    let labelled = newest_call(&desk);
    assert!(labelled.is_over(), "the label comes after the end");
    assert_eq!(duties(&mut desk), ["duty.met alice true"]);
    desk.pass(1);
    assert!(duties(&mut desk).is_empty());

    let mut desk = talking();
    ends(&mut desk);
    duties(&mut desk);
    desk.pass(299_999);
    assert!(duties(&mut desk).is_empty());
    desk.pass(1);
    assert_eq!(duties(&mut desk), ["duty.breached alice true"]);
    // Late is better than never.
    let request = label(&desk, 1, "拒绝");
    gives(&mut desk, request);
    assert_eq!(desk.told().last().unwrap(), "command.done ok");
    desk.pass(3_600_000);
    assert_eq!(desk.refusal(label(&desk, 2, "有效")), CommandCode::NotFound);
}

#[test]
fn a_label_that_is_due_survives_a_restart() {
    let mut desk = talking();
    ends(&mut desk);
    let duty = desk.site.events.iter().find_map(|e| match &e.entity {
        Entity::Duty(duty) => Some((**duty).clone()),
        _ => None,
    });
    let (duties_left, call) = (vec![duty.unwrap()], newest_call(&desk));
    let head = desk.site.last_pos();
    for labelled in [true, false] {
        let restored = Restored {
            clean: true,
            head,
            duties: duties_left.clone(),
            ended: vec![call.clone()],
            ..Restored::default()
        };
        let at = "2026-11-23T10:04:59+08:00";
        let mut again = Desk::of(Site::with(desk_config(None), at, restored));
        again.call = call.id;
        if labelled {
            let request = label(&again, 1, "有效");
            gives(&mut again, request);
            assert_eq!(newest_call(&again).rev, call.rev + 1);
            assert_eq!(duties(&mut again), ["duty.met alice true"]);
        }
        again.site.pass(1000);
        let breached = if labelled { vec![] } else { vec!["duty.breached alice true".to_owned()] };
        assert_eq!(duties(&mut again), breached);
    }
}

fn on_agent(id: u128, op: CommandOp, change: impl FnOnce(&mut CommandRequest)) -> CommandRequest {
    let mut asked = request(alice(), id, op);
    change(&mut asked);
    asked
}

#[test]
fn work_after_a_call_is_extended_and_ends_when_the_label_is_there() {
    let mut desk = staffed();
    desk.report(
        1,
        LinkReport::Fact(Observed {
            pbx_time: None,
            fact: Fact::Snapshot(Snapshot { members_known: true, ..Snapshot::default() }),
        }),
    );
    let login = on_agent(1, CommandOp::AgentLogin, |c| c.args.state = "ready".into());
    gives(&mut desk, login);
    for order in desk.take_orders() {
        desk.done(&order, OrderResult::Done);
    }
    let finish = |id| on_agent(id, CommandOp::WrapUpFinish, |_| {});
    gives(&mut desk, finish(2));
    assert_eq!(desk.told().last().unwrap(), "command.done failed CONFLICT");
    say(&mut desk, SERVED);
    desk.call = newest_call(&desk).id;
    ends(&mut desk);
    let alice_is = |desk: &Desk| {
        let agents = desk.site.engine.agents();
        let alice = agents.iter().find(|a| &*a.who.id == "alice").unwrap();
        (alice.state, alice.wrap_up_deadline)
    };
    let (state, until) = alice_is(&desk);
    assert_eq!(state, AgentState::WorkingAfterCall);
    gives(&mut desk, on_agent(3, CommandOp::WrapUpExtend, |c| c.args.extend_s = Some(60)));
    let later = until.unwrap().after(Duration::from_secs(60));
    assert_eq!(alice_is(&desk), (AgentState::WorkingAfterCall, Some(later)));
    let (code, msg) = message(desk.ask(finish(4)));
    assert_eq!(code, CommandCode::Conflict);
    assert!(msg.contains("wrapup.set"), "{msg}");
    // The newest call of the agent needs no name.
    gives(&mut desk, on_agent(5, CommandOp::WrapUpSet, |c| c.args.label = "有效".into()));
    assert_eq!(newest_call(&desk).dossier.unwrap().label.unwrap().name, "有效".into());
    gives(&mut desk, finish(6));
    assert_eq!(alice_is(&desk).0, AgentState::Ready);
}

#[test]
fn a_supervisor_labels_for_an_agent_of_the_team_alone() {
    let mut desk = talking();
    ends(&mut desk);
    let boss = |teams: Vec<String>| Principal {
        user: "boss".into(),
        role: Role::Supervisor,
        devices: Vec::new(),
        agent: String::new(),
        teams,
    };
    let with = |who: Principal, id| {
        let mut request = CommandRequest { who, ..label(&desk, id, "有效") };
        request.target.agent = "alice".into();
        request
    };
    let (other, own) = (with(boss(vec!["night".into()]), 1), with(boss(Vec::new()), 2));
    assert_eq!(desk.refusal(other), CommandCode::Forbidden);
    gives(&mut desk, own);
    assert!(duties(&mut desk).contains(&"duty.met alice true".to_owned()));
}

fn member(queue: &str) -> Member {
    Member {
        queue: queue.into(),
        device: "PJSIP/8001".into(),
        present: true,
        paused: false,
        reason: String::new(),
        state: DeviceState::Idle,
        wrapping_up: false,
    }
}

#[test]
fn who_is_in_one_queue_is_put_into_the_others_at_login() {
    let mut desk = linked(|config| {
        config.agents.agents[0].queues = ["support", "orders"].map(Into::into).into();
    });
    let members = vec![member("support")];
    let snapshot = Snapshot { channels: Vec::new(), members, members_known: true };
    let fact = Fact::Snapshot(snapshot);
    desk.report(1, LinkReport::Fact(Observed { pbx_time: None, fact }));
    let login = on_agent(1, CommandOp::AgentLogin, |c| c.args.state = "ready".into());
    gives(&mut desk, login);
    let order = desk.only_order();
    let joined =
        Order::QueueMember { queue: "orders".into(), device: "PJSIP/8001".into(), present: true };
    assert_eq!(order.order, joined);
    desk.done(&order, OrderResult::Done);
    assert_eq!(desk.told().last().unwrap(), "command.done ok");
    let fact = Fact::Member(member("orders"));
    desk.report(1, LinkReport::Fact(Observed { pbx_time: None, fact }));
    let again = on_agent(2, CommandOp::AgentLogin, |c| c.args.state = "ready".into());
    gives(&mut desk, again);
    assert!(desk.take_orders().is_empty(), "it is in both");
}

#[test]
fn a_login_that_ari_alone_cannot_carry_out_names_ami() {
    let mut desk = linked(|config| {
        config.switches[0].links = vec![LinkKind::Ari];
        config.agents.agents[1].queues = Vec::new();
    });
    let login = on_agent(1, CommandOp::AgentLogin, |_| {});
    let (code, msg) = message(desk.ask(login));
    assert_eq!(code, CommandCode::Unsupported);
    assert!(msg.contains("AMI") && msg.contains("[pbx.pbx]") && msg.contains("alice"), "{msg}");
    let bob = Principal { user: "bob".into(), agent: "bob".into(), devices: Vec::new(), ..alice() };
    gives(&mut desk, CommandRequest { who: bob, ..request(alice(), 2, CommandOp::AgentLogin) });
    let states: Vec<_> = desk.told();
    assert!(states.contains(&"command.done ok".to_owned()), "who is in no queue: {states:?}");
}

#[test]
fn a_refused_call_of_an_agents_telephone_is_the_agents() {
    let mut site = Site::with(
        desk_config(Some(PeerId(0))),
        MONDAY_21,
        Restored { clean: true, ..Restored::default() },
    );
    site.receive(PBX, &invite("13800138000", "a", "X-Purpose: service\n"));
    site.pass(60); // the refusal does not wait longer for its next instant
    let failed = site.events.iter().find(|e| e.kind == EventKind::CallFailed).unwrap();
    let Entity::Call(call) = &failed.entity else { panic!() };
    let first = &call.legs[0];
    assert_eq!((first.role, first.agent.as_deref()), (LegRole::Agent, Some("alice")));
    assert_eq!(call.cause.as_ref().unwrap().csta, CstaCause::PolicyDenied);
}
