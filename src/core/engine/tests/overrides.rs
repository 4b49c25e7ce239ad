//! Overrides: asked for, approved by two, used once.

use super::bench_site::*;
use super::commands::{Desk, desk_config, dial, dialled, request};
use crate::engine::{
    CommandAnswer, CommandRequest, CommandTarget, Input, PermitAnswer, PermitRequest, Restored,
};
use crate::gate::{Book, CallFacts, Source, shipped_calendars, shipped_rules};
use crate::hub::{Principal, Role};
use crate::model::{
    CommandCode as Code, CommandOp as Op, Entity, Event, Named, Override, OverrideState, Pii,
    RuleOutcome, Verdict,
};
use crate::sip::PeerId;
use std::sync::Arc;

const NUMBER: &str = "13800138000";
const MONDAY_1900: &str = "2026-11-23T19:00:00+08:00";
const SECTION: &str =
    "schema = 1\n[override]\nmax_ttl = \"PT30M\"\nper = \"call\"\ncite = \"A1\"\n";

fn book(section: bool) -> Arc<Book> {
    let mut rules = shipped_rules().to_vec();
    if section {
        rules.push(Source { name: "override.toml", text: SECTION });
    }
    let book = Book::load(&rules, &shipped_calendars()).unwrap();
    Arc::new(book.keep(&["cn-seed-service".to_owned()]).unwrap())
}

fn site(instant: &str, overrides: Vec<Override>) -> Desk {
    let mut config = desk_config(Some(PeerId(0)));
    config.book = book(true);
    Desk::open(config, instant, Restored { overrides, ..Restored::default() })
}

fn boss(user: &str) -> Principal {
    Principal {
        user: user.into(),
        role: Role::Supervisor,
        devices: Vec::new(),
        agent: String::new(),
        teams: Vec::new(),
    }
}

fn ask_for(who: &str, id: u128) -> CommandRequest {
    let mut asked = request(boss(who), id, Op::OverrideRequest);
    asked.target = CommandTarget { agent: "alice".into(), ..CommandTarget::default() };
    asked.args.to = Pii::new(NUMBER.into());
    asked.args.purpose = "service".into();
    asked.args.reason = "burst pipe".into();
    asked
}

fn about(who: Principal, id: u128, op: Op, what: &Override) -> CommandRequest {
    let mut asked = request(who, id, op);
    asked.args.override_id = what.id.to_string();
    asked
}

fn newest(desk: &Desk) -> Option<Override> {
    let of = |event: &Event| match &event.entity {
        Entity::Override(one) => Some((**one).clone()),
        _ => None,
    };
    desk.site.events.iter().rev().find_map(of)
}

/// Asked for and approved by these.
fn approved(desk: &mut Desk, by: &[&str]) -> Override {
    assert_eq!(desk.ask(ask_for("carol", 1)), CommandAnswer::Accepted);
    desk.durable();
    let asked = newest(desk).unwrap();
    assert_eq!((asked.state, asked.rev), (OverrideState::Requested, 1));
    for (n, who) in by.iter().enumerate() {
        let id = 10 + u128::try_from(n).unwrap();
        let approve = about(boss(who), id, Op::OverrideApprove, &asked);
        assert_eq!(desk.ask(approve), CommandAnswer::Accepted, "{who}");
        desk.durable();
    }
    newest(desk).unwrap()
}

/// Status of an INVITE of alice's telephone to that number: `INVITE` if it went out.
fn dials(desk: &mut Desk, number: &str, call: &str, purpose: &str) -> String {
    desk.site.sent_to(PBX);
    desk.site.receive(PBX, &invite(number, call, &format!("X-Purpose: {purpose}\n")));
    if let Some(job) = desk.site.out.explain.pop() {
        desk.site.give(Input::Explained(job.run()));
    }
    desk.durable();
    let went = !desk.site.sent_to(MAIN).is_empty();
    let answers = desk.site.sent_to(PBX);
    let last = first_lines(&answers).last().map_or("", |line| *line).to_owned();
    if went { "INVITE".to_owned() } else { last }
}

const REFUSED: &str = "SIP/2.0 403 Forbidden";

#[test]
fn two_people_let_one_call_out_and_the_decision_names_them() {
    let mut desk = site(MONDAY_1900, Vec::new());
    assert_eq!(dials(&mut desk, NUMBER, "a", "service"), REFUSED);
    let one = approved(&mut desk, &["anna", "bob"]);
    assert_eq!((one.state, one.rev), (OverrideState::Approved, 3));
    assert_eq!(one.approved_by, ["anna", "bob"]);
    desk.site.events.clear();
    assert_eq!(dials(&mut desk, NUMBER, "b", "service"), "INVITE");
    let used = newest(&desk).unwrap();
    let kinds: Vec<&str> = desk.site.events.iter().map(|e| e.kind.name()).collect();
    let at = |kind: &str| kinds.iter().position(|k| *k == kind);
    assert!(at("override.used").unwrap() < at("outbound.allowed").unwrap(), "{kinds:?}");
    let decision = desk.site.events.iter().find_map(|event| match &event.entity {
        Entity::Decision(d) if d.verdict == Verdict::Allow => Some(d.clone()),
        _ => None,
    });
    let decision = decision.unwrap();
    assert_eq!(used.state, OverrideState::Used);
    assert_eq!((used.decision_id, used.call_id), (Some(decision.id), decision.call_id));
    let rule = decision.rules.iter().find(|r| r.id == "override").unwrap();
    assert_eq!(rule.outcome, RuleOutcome::Allow);
    assert!(rule.inputs.contains("requested_by=carol approved_by=anna, bob"), "{}", rule.inputs);
    // Once.
    assert_eq!(dials(&mut desk, NUMBER, "c", "service"), REFUSED);
    let again = about(boss("dora"), 30, Op::OverrideApprove, &one);
    assert_eq!(desk.refusal(again), Code::NotFound);
}

#[test]
fn every_wrong_person_is_refused() {
    let mut desk = site(MONDAY_1900, Vec::new());
    let asked = approved(&mut desk, &["anna"]);
    assert_eq!(asked.state, OverrideState::Requested, "one is not enough");
    assert_eq!(dials(&mut desk, NUMBER, "a", "service"), REFUSED);
    let mut refusal = |who: Principal, id, op| desk.refusal(about(who, id, op, &asked));
    assert_eq!(refusal(boss("anna"), 20, Op::OverrideApprove), Code::Conflict, "the same twice");
    let caller = Principal { agent: "alice".into(), ..boss("a.smith") };
    assert_eq!(refusal(caller, 21, Op::OverrideApprove), Code::Forbidden, "the caller");
    assert_eq!(refusal(boss("alice"), 22, Op::OverrideApprove), Code::Forbidden, "by user");
    for role in [Role::Agent, Role::Service, Role::Auditor, Role::Ops, Role::Wallboard] {
        let who = Principal { role, ..boss("eve") };
        for op in [Op::OverrideApprove, Op::OverrideRevoke] {
            assert_eq!(refusal(who.clone(), 23, op), Code::Forbidden, "{role:?}");
        }
    }
    let away = Principal { teams: vec!["night".into()], ..boss("frank") };
    let request = CommandRequest { who: away, ..ask_for("frank", 24) };
    assert_eq!(desk.refusal(request), Code::Forbidden, "another team's agent");
}

/// Two approvals of one person that are on their way at the same time count once.
#[test]
fn a_person_counts_once_however_fast() {
    let mut desk = site(MONDAY_1900, Vec::new());
    let asked = approved(&mut desk, &[]);
    for id in [40, 41] {
        let approve = about(boss("anna"), id, Op::OverrideApprove, &asked);
        assert_eq!(desk.ask(approve), CommandAnswer::Accepted);
    }
    desk.durable();
    let one = newest(&desk).unwrap();
    assert_eq!((one.state, one.approved_by.len()), (OverrideState::Requested, 1));
}

#[test]
fn it_is_good_for_its_number_purpose_and_caller_alone() {
    let mut desk = site(MONDAY_1900, Vec::new());
    approved(&mut desk, &["anna", "bob"]);
    assert_eq!(dials(&mut desk, "13900139000", "a", "service"), REFUSED, "another number");
    assert_eq!(dials(&mut desk, NUMBER, "b", "survey"), REFUSED, "another purpose");
    let other = invite(NUMBER, "c", "X-Purpose: service\n").replace("8001", "8002");
    desk.site.receive(PBX, &other);
    let job = desk.site.out.explain.pop().expect("bob's telephone is refused");
    desk.site.give(Input::Explained(job.run()));
    desk.durable();
    assert!(desk.site.sent_to(MAIN).is_empty());
    assert_eq!(dials(&mut desk, NUMBER, "d", "service"), "INVITE");
}

#[test]
fn it_expires_and_is_taken_back() {
    let mut desk = site(MONDAY_1900, Vec::new());
    let one = approved(&mut desk, &["anna", "bob"]);
    let revoke = about(boss("carol"), 50, Op::OverrideRevoke, &one);
    assert_eq!(desk.ask(revoke), CommandAnswer::Accepted);
    desk.durable();
    assert_eq!(newest(&desk).unwrap().state, OverrideState::Revoked);
    assert_eq!(dials(&mut desk, NUMBER, "a", "service"), REFUSED);

    let mut desk = site(MONDAY_1900, Vec::new());
    let one = approved(&mut desk, &["anna", "bob"]);
    desk.pass(30 * 60 * 1000 - 1000);
    assert_eq!(newest(&desk).unwrap().state, OverrideState::Approved);
    desk.pass(2000);
    assert_eq!(newest(&desk).unwrap().state, OverrideState::Expired);
    assert_eq!(dials(&mut desk, NUMBER, "b", "service"), REFUSED);
    let late = about(boss("dora"), 51, Op::OverrideApprove, &one);
    assert_eq!(desk.refusal(late), Code::NotFound);
}

/// What a restart finds is good for one call, and what was used stays used.
#[test]
fn it_survives_a_restart() {
    let mut desk = site(MONDAY_1900, Vec::new());
    let one = approved(&mut desk, &["anna", "bob"]);
    drop(desk);
    let mut desk = site("2026-11-23T19:10:00+08:00", vec![one.clone()]);
    assert_eq!(dials(&mut desk, NUMBER, "a", "service"), "INVITE");
    assert_eq!(dials(&mut desk, NUMBER, "b", "service"), REFUSED);
    // Too late, and by a clock that was set back.
    for instant in ["2026-11-23T19:31:00+08:00", "2026-11-23T18:59:00+08:00"] {
        let mut desk = site(instant, vec![one.clone()]);
        assert_eq!(dials(&mut desk, NUMBER, "a", "service"), REFUSED, "{instant}");
    }
}

/// At eight in the evening the envelope ends, approved or not; on a holiday there is none.
#[test]
fn no_override_crosses_the_envelope() {
    for (instant, expected) in [
        ("2026-11-23T07:59:58+08:00", REFUSED),
        ("2026-11-23T08:00:00+08:00", "INVITE"),
        ("2026-11-23T08:29:59+08:00", "INVITE"),
        ("2026-11-23T17:30:00+08:00", "INVITE"),
        ("2026-11-23T19:59:59+08:00", "INVITE"),
        ("2026-11-23T20:00:00+08:00", REFUSED),
        ("2026-10-01T08:15:00+08:00", REFUSED),
    ] {
        let mut desk = site(instant, Vec::new());
        approved(&mut desk, &["anna", "bob"]);
        assert_eq!(dials(&mut desk, NUMBER, "a", "service"), expected, "{instant}");
        let after = newest(&desk).unwrap().state;
        let used = if expected == REFUSED { OverrideState::Approved } else { OverrideState::Used };
        assert_eq!(after, used, "{instant}: a refused call uses nothing up");
    }
}

#[test]
fn a_call_that_needs_none_leaves_it_unused() {
    let mut desk = site(MONDAY_10, Vec::new());
    approved(&mut desk, &["anna", "bob"]);
    assert_eq!(dials(&mut desk, NUMBER, "a", "service"), "INVITE");
    assert_eq!(newest(&desk).unwrap().state, OverrideState::Approved);
}

#[test]
fn what_is_missing_is_said() {
    let mut desk = site(MONDAY_1900, Vec::new());
    let mut refusal = |change: &dyn Fn(&mut CommandRequest)| {
        let mut request = ask_for("carol", 60);
        change(&mut request);
        desk.refusal(request)
    };
    assert_eq!(refusal(&|r| r.args.to = Pii::new("8001".into())), Code::BadRequest);
    assert_eq!(refusal(&|r| r.args.purpose.clear()), Code::BadRequest);
    assert_eq!(refusal(&|r| r.args.reason = "  ".into()), Code::BadRequest);
    assert_eq!(refusal(&|r| r.target.agent.clear()), Code::BadRequest);
    assert_eq!(refusal(&|r| r.target.agent = "nobody".into()), Code::NotFound);
    let mut off = site(MONDAY_1900, Vec::new());
    off.give(Input::Rules(book(false)));
    assert_eq!(off.refusal(ask_for("carol", 61)), Code::PolicyDenied);
}

fn kinds(desk: &mut Desk) -> Vec<&'static str> {
    std::mem::take(&mut desk.site.events).iter().map(|event| event.kind.name()).collect()
}

/// A permit for that agent or device; `Err`: the rule that refuses.
fn permit(desk: &mut Desk, agent: Option<&str>, device: Option<&str>) -> Result<String, String> {
    let request = PermitRequest {
        number: Pii::new(NUMBER.into()),
        purpose: Some("service".into()),
        facts: CallFacts::default(),
        agent: agent.map(str::to_owned),
        device: device.map(str::to_owned),
        trunk: None,
        who: "dialler".into(),
    };
    desk.give(Input::Permit { request: Box::new(request), ticket: 7 });
    if let Some(job) = desk.site.out.explain.pop() {
        desk.give(Input::Explained(job.run()));
    }
    desk.durable();
    match desk.site.out.permits.pop() {
        Some((_, PermitAnswer::Granted { permit, .. })) => Ok(permit),
        Some((_, PermitAnswer::Denied { rule, .. })) => Err(rule),
        other => panic!("{other:?}"),
    }
}

/// An INVITE from that telephone with that permit: whether it went out.
fn goes(desk: &mut Desk, device: &str, name: &str, permit: &str) -> bool {
    desk.site.sent.clear();
    let text = invite(NUMBER, name, &format!("X-Trunkline-Mark: {permit}\n"));
    desk.site.receive(PBX, &text.replace("sip:8001@", &format!("sip:{device}@")));
    desk.durable();
    !desk.site.sent_to(MAIN).is_empty()
}

/// A program that dials for the agent fetches a permit: it uses the override up, and the call
/// that brings the permit goes out.
#[test]
fn a_permit_uses_an_override_up_for_its_call() {
    let mut desk = site(MONDAY_1900, Vec::new());
    approved(&mut desk, &["anna", "bob"]);
    kinds(&mut desk);
    assert_eq!(permit(&mut desk, Some("bob"), None), Err("window".into()), "somebody else's");
    assert_eq!(permit(&mut desk, None, None), Err("window".into()), "nobody is named");
    kinds(&mut desk);
    let good = permit(&mut desk, Some("alice"), None).unwrap();
    assert_eq!(kinds(&mut desk), ["override.used", "outbound.allowed"]);
    assert_eq!(permit(&mut desk, Some("alice"), None), Err("window".into()), "once");
    assert!(goes(&mut desk, "8001", "a", &good));
    let decision = desk.site.events.iter().rev().find_map(|event| match &event.entity {
        Entity::Decision(decision) => Some(decision.clone()),
        _ => None,
    });
    let rules = decision.unwrap().rules;
    let of = |id: &str| rules.iter().find(|rule| rule.id == id).unwrap();
    assert_eq!(of("override").outcome, RuleOutcome::Allow);
    assert!(of("window").inputs.ends_with("overridden"), "{}", of("window").inputs);
    assert!(!kinds(&mut desk).contains(&"override.used"), "it was used before");
    assert!(!goes(&mut desk, "8001", "b", &good), "the permit is used, too");
}

/// What two people have agreed to is for one person: a permit of that does for nobody else.
#[test]
fn a_permit_that_rests_on_an_override_is_for_its_caller() {
    for (device, expected) in [("8001", true), ("8002", false), ("7777", false)] {
        let mut desk = site(MONDAY_1900, Vec::new());
        approved(&mut desk, &["anna", "bob"]);
        let good = permit(&mut desk, Some("alice"), None).unwrap();
        assert_eq!(goes(&mut desk, device, "a", &good), expected, "{device}");
    }
}

/// Nobody asks the gate again where the PBX's calls do not come by: the desk's dial uses it up
/// itself, and the phone rings when that is durable.
#[test]
fn a_desks_dial_without_a_trunk_uses_it_up_once() {
    let mut config = desk_config(None);
    config.book = book(true);
    let mut desk = Desk::open(config, MONDAY_1900, Restored::default());
    assert_eq!(desk.ask(dial(1)), CommandAnswer::Accepted);
    desk.durable();
    assert!(desk.take_orders().is_empty(), "the hours are over");
    // `approved` begins with command 1 of another user.
    approved(&mut desk, &["anna", "bob"]);
    kinds(&mut desk);
    assert_eq!(desk.ask(dial(2)), CommandAnswer::Accepted);
    desk.give(Input::Durable(desk.site.engine.pos()));
    let told = kinds(&mut desk);
    let at = |kind: &str| told.iter().position(|told| *told == kind).unwrap();
    assert!(at("override.used") < at("outbound.allowed"), "{told:?}");
    assert!(desk.take_orders().is_empty(), "not before both are durable");
    desk.durable();
    let (device, ..) = dialled(&desk.only_order());
    assert_eq!(device, "PJSIP/8001");
    let used = newest(&desk);
    assert!(used.is_none(), "told once");
    assert_eq!(desk.ask(dial(3)), CommandAnswer::Accepted);
    desk.durable();
    desk.durable();
    assert!(desk.take_orders().is_empty(), "once");
}
