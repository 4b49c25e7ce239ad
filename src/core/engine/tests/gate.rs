//! No dial without a right.

use super::bench_site::*;
use crate::engine::{Explained, Input, PartyMaker};
use crate::gate::{Book, DialPlan, Normalizer, Source};
use crate::model::{DncEntry, DncScope, Entity, Event, EventKind, SystemState, Wall};
use crate::vault::{BlindIndex, Secret};
use std::sync::Arc;

const NUMBER: &str = "13800138000";
const PURPOSE: &str = "X-Purpose: service\n";

#[test]
fn an_allowed_invite_leaves_only_when_its_decision_is_durable() {
    let mut site = Site::at(MONDAY_10);
    site.kinds();
    site.receive(PBX, &invite(NUMBER, "a", PURPOSE));
    assert_eq!(first_lines(&site.sent_to(PBX)), ["SIP/2.0 100 Trying"]);
    assert!(site.sent_to(MAIN).is_empty(), "nothing leaves before the commit");
    assert_eq!(site.kinds(), ["outbound.requested", "outbound.allowed"]);
    let before = crate::model::Pos(site.last_pos().0 - 1);
    site.give(Input::Durable(before));
    assert!(site.sent_to(MAIN).is_empty(), "the decision itself must be durable");
    site.durable();
    let out = site.sent_to(MAIN);
    assert_eq!(first_lines(&out), ["INVITE sip:13800138000@carrier.test SIP/2.0"]);
    assert!(!out[0].contains("X-Purpose"), "our header stays inside");
    assert_eq!(site.kinds(), ["call.originated"]);
    site.durable();
    assert!(site.sent_to(MAIN).is_empty(), "a permit is used once");
}

#[test]
fn without_a_commit_within_500_ms_the_answer_is_403() {
    let mut site = Site::at(MONDAY_10);
    site.receive(PBX, &invite(NUMBER, "a", PURPOSE));
    site.sent_to(PBX);
    site.pass(499);
    assert!(site.sent_to(PBX).is_empty());
    site.pass(2);
    let out = site.sent_to(PBX);
    assert_eq!(first_lines(&out), ["SIP/2.0 403 Forbidden"]);
    assert!(out[0].contains("Reason: Q.850;cause=21;text=\"journal"), "{}", out[0]);
    site.durable();
    assert!(site.sent_to(MAIN).is_empty(), "a late commit dials nobody");
}

#[test]
fn a_dead_journal_closes_the_gate_at_once_and_leaves_the_rest_alone() {
    let mut site = Site::at(MONDAY_10);
    site.kinds();
    site.give(Input::Degraded(true));
    assert_eq!(site.kinds(), ["system.status"]);
    site.receive(PBX, &invite(NUMBER, "a", PURPOSE));
    let out = site.sent_to(PBX);
    assert_eq!(first_lines(&out), ["SIP/2.0 100 Trying", "SIP/2.0 403 Forbidden"]);
    assert!(site.sent_to(MAIN).is_empty());
    site.receive(PBX, &invite("120", "b", ""));
    assert_eq!(site.sent_to(MAIN).len(), 1, "an emergency call never waits");
    site.receive(MAIN, &invite("95519", "c", "").replace(PBX, MAIN));
    assert_eq!(site.sent_to(PBX).len(), 2, "inbound goes on: 100 of b, INVITE of c");
    site.give(Input::Degraded(false));
    site.receive(PBX, &invite(NUMBER, "d", PURPOSE));
    site.durable();
    assert_eq!(first_lines(&site.sent_to(MAIN)).last().unwrap().split(' ').next(), Some("INVITE"));
}

#[test]
fn a_refusal_names_rule_and_next_instant_and_no_number() {
    let mut site = Site::at(MONDAY_21);
    site.kinds();
    site.receive(PBX, &invite(NUMBER, "a", PURPOSE));
    let job = site.out.explain.pop().unwrap();
    assert_eq!(site.kinds(), ["outbound.requested"]);
    let answer = job.run();
    assert_eq!(answer.next_allowed_at.as_deref(), Some("2026-11-24T08:30:00+08:00"));
    site.sent_to(PBX);
    site.give(Input::Explained(answer));
    let out = site.sent_to(PBX);
    assert_eq!(first_lines(&out), ["SIP/2.0 403 Forbidden"]);
    let reason =
        "Reason: Q.850;cause=21;text=\"rule night; next allowed 2026-11-24T08:30:00+08:00\"";
    assert!(out[0].contains(reason), "{}", out[0]);
    let reason_line = out[0].lines().find(|l| l.starts_with("Reason")).unwrap();
    assert!(!reason_line.contains("138"), "no number in it");
    assert_eq!(decision_rule(&site.events[0]).as_deref(), Some("night"));
    assert_eq!(
        site.kinds(),
        ["outbound.denied", "call.failed", "call.connection_cleared", "call.cleared"]
    );
    assert!(site.sent_to(MAIN).is_empty());
    assert_eq!((site.engine.calls(), site.engine.waiting()), (0, (0, 0)));
}

/// New rules decide the next call; a refused file changes nothing and is an alarm.
#[test]
fn rules_are_swapped_between_calls() {
    let mut site = Site::at(MONDAY_10);
    site.kinds();
    let shut = "schema = 1\n[ruleset.cn-seed-service]\nwindow = [{ classes = [\"any\"], \
                spans = [[\"22:00\", \"23:00\"]], cite = \"t\" }]\npurpose = { cite = \"t\" }\n\
                applies = { region = [\"*\"], purpose = [\"*\"] }\ndnc = { cite = \"t\" }\n\
                zone = { source = \"callee\" }\n";
    let book = Book::load_rules(&[Source { name: "shut.toml", text: shut }]).unwrap();
    let hash = book.hash().to_owned();
    site.give(Input::Rules(Arc::new(book)));
    site.receive(PBX, &invite(NUMBER, "a", PURPOSE));
    let answer = site.out.explain.pop().unwrap().run();
    assert_eq!(answer.next_allowed_at.as_deref(), Some("2026-11-23T22:00:00+08:00"));
    site.give(Input::Explained(answer));
    assert!(first_lines(&site.sent_to(PBX)).contains(&"SIP/2.0 403 Forbidden"));
    site.give(Input::RulesRefused("rules.toml: line 3".to_owned()));
    let system = |event: &Event| match &event.entity {
        Entity::System(status) => Some((status.state, status.reason.clone())),
        _ => None,
    };
    let told: Vec<_> = site.events.iter().filter_map(system).collect();
    let [.., (normal, taken), (alarm, refused)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((*normal, *alarm), (SystemState::Normal, SystemState::PartiallyDisabled));
    assert!(taken.contains(&hash) && refused.contains(&hash), "{taken} / {refused}");
    assert!(refused.contains("rules.toml: line 3"), "{refused}");
    site.receive(PBX, &invite(NUMBER, "b", PURPOSE));
    assert_eq!(site.out.explain.len(), 1, "still refused");
}

/// The data ends soon: those who look after the site hear what to do; nothing else changes.
#[test]
fn an_alarm_of_the_gate_reaches_those_who_watch_the_site() {
    let mut site = Site::at(MONDAY_10);
    site.kinds();
    site.give(Input::GateAlarm("no notice for 2027 in the calendar CN".to_owned()));
    let told: Vec<_> = site
        .events
        .iter()
        .filter_map(|event| match &event.entity {
            Entity::System(status) => Some((status.state, status.reason.as_str())),
            _ => None,
        })
        .collect();
    let expected = (SystemState::PartiallyDisabled, "no notice for 2027 in the calendar CN");
    assert_eq!(told.last(), Some(&expected));
}

/// A cap counts calls that were dialled: one that could not be made durable gives its place back.
#[test]
fn a_cap_counts_what_was_dialled() {
    let mut site = Site::at(MONDAY_10);
    let capped = "schema = 1\n[ruleset.cn-seed-service]\nwindow = [{ classes = [\"any\"], \
                  spans = [[\"00:00\", \"24:00\"]], cite = \"t\" }]\npurpose = { cite = \"t\" }\n\
                  applies = { region = [\"*\"], purpose = [\"*\"] }\ndnc = { cite = \"t\" }\n\
                  zone = { source = \"callee\" }\ncap = [{ id = \"once\", max = 1, \
                  per = \"calendar:day\", key = [\"callee\"], cite = \"t\" }]\n";
    let book = Book::load_rules(&[Source { name: "capped.toml", text: capped }]).unwrap();
    site.give(Input::Rules(Arc::new(book)));
    site.receive(PBX, &invite(NUMBER, "a", PURPOSE));
    site.pass(501);
    assert!(first_lines(&site.sent_to(PBX)).contains(&"SIP/2.0 403 Forbidden"), "no commit");
    site.receive(PBX, &invite(NUMBER, "b", PURPOSE));
    site.durable();
    assert_eq!(site.sent_to(MAIN).len(), 1, "the first one that leaves");
    site.receive(PBX, &invite(NUMBER, "c", PURPOSE));
    let answer = site.out.explain.pop().unwrap().run();
    assert_eq!(answer.next_allowed_at.as_deref(), Some("2026-11-24T00:00:00+08:00"));
    site.sent_to(PBX);
    site.give(Input::Explained(answer));
    let out = site.sent_to(PBX);
    assert!(out[0].contains("rule once; next allowed 2026-11-24T00:00:00+08:00"), "{}", out[0]);
    site.receive(PBX, &invite("13900139000", "d", PURPOSE));
    site.durable();
    assert_eq!(site.sent_to(MAIN).len(), 1, "another callee");
}

#[test]
fn a_refusal_does_not_wait_for_its_explanation_longer_than_50_ms() {
    let mut site = Site::at(MONDAY_21);
    site.receive(PBX, &invite(NUMBER, "a", PURPOSE));
    site.sent_to(PBX);
    site.pass(51);
    let out = site.sent_to(PBX);
    assert!(out[0].contains("rule night; no allowed time known"), "{}", out[0]);
    let ask = crate::sip::AskId(0);
    site.give(Input::Explained(Explained { ask, next_allowed_at: None }));
    assert!(site.sent_to(PBX).is_empty(), "a late explanation changes nothing");
}

#[test]
fn purpose_comes_from_the_header_or_the_call_is_refused() {
    let mut site = Site::at(MONDAY_10);
    site.receive(PBX, &invite(NUMBER, "a", ""));
    site.pass(51);
    let denied = site.events.iter().find(|e| e.kind == EventKind::OutboundDenied).unwrap();
    assert_eq!(decision_rule(denied).as_deref(), Some("purpose"));
}

#[test]
fn emergency_and_internal_numbers_never_wait() {
    for (number, direction) in [("120", "outbound"), ("8123", "internal")] {
        let mut site = Site::at(MONDAY_21);
        site.kinds();
        site.receive(PBX, &invite(number, "a", ""));
        assert_eq!(site.sent_to(MAIN).len(), 1, "{number}");
        let event = &site.events[0];
        assert_eq!(event.kind, EventKind::CallOriginated);
        let crate::model::Entity::Call(call) = &event.entity else { panic!() };
        assert_eq!(crate::model::Named::name(call.direction), direction);
    }
}

#[test]
fn a_listed_number_is_refused_from_the_moment_it_is_listed() {
    let mut site = Site::at(MONDAY_10);
    let normalizer = Normalizer::new(DialPlan::default()).unwrap();
    let maker = PartyMaker::new(normalizer, BlindIndex::new(&Secret::new([2; 32])));
    let entry = DncEntry {
        scope: DncScope::Number,
        purpose: None,
        source: "test".into(),
        removed: None,
        number: maker.party(NUMBER, ""),
        until: Some("2027-02-21".into()),
        reason: "do_not_disturb".into(),
        asked_at: Wall(0),
        added_by: "test".into(),
    };
    site.give(Input::Dnc { entries: vec![entry], ticket: 9 });
    assert_eq!(site.out.tickets, [(9, site.last_pos())]);
    site.receive(PBX, &invite("013800138000", "a", PURPOSE));
    site.pass(51);
    let denied = site.events.iter().find(|e| e.kind == EventKind::OutboundDenied).unwrap();
    assert_eq!(decision_rule(denied).as_deref(), Some("dnc"));
    site.receive(PBX, &invite("13800138001", "b", PURPOSE));
    site.durable();
    assert_eq!(site.sent_to(MAIN).len(), 1, "the neighbour's number is free");
}

#[test]
fn a_caller_who_gives_up_while_the_gate_waits_dials_nobody() {
    let mut site = Site::at(MONDAY_10);
    site.kinds();
    let text = invite(NUMBER, "a", PURPOSE);
    site.receive(PBX, &text);
    let cancel = text.replace("INVITE sip", "CANCEL sip").replace("1 INVITE", "1 CANCEL");
    site.receive(PBX, &cancel);
    site.durable();
    let lines = site.sent_to(PBX);
    let lines = first_lines(&lines);
    assert_eq!(lines[0], "SIP/2.0 100 Trying");
    assert!(lines.contains(&"SIP/2.0 200 OK") && lines.iter().any(|l| l.contains("487")));
    assert!(site.sent_to(MAIN).is_empty());
    assert_eq!(
        site.kinds(),
        ["outbound.requested", "outbound.allowed", "call.connection_cleared", "call.cleared"]
    );
}

#[test]
fn a_challenged_invite_is_one_call() {
    let mut site = Site::at(MONDAY_10);
    site.kinds();
    let first = invite(NUMBER, "a", PURPOSE);
    site.receive(PBX, &first);
    site.durable();
    let out = site.sent_to(MAIN);
    site.receive(MAIN, &answer(&out[0], "407 Proxy Authentication Required", "g"));
    assert_eq!(site.kinds(), ["outbound.requested", "outbound.allowed", "call.originated"]);
    site.receive(PBX, &first.replace("z9hG4bKa", "z9hG4bKa2").replace("1 INVITE", "2 INVITE"));
    site.durable();
    let out = site.sent_to(MAIN);
    let invite = out.iter().find(|t| t.starts_with("INVITE")).unwrap();
    site.receive(MAIN, &answer(invite, "200 OK", "g"));
    let kinds = site.kinds();
    assert_eq!(kinds.iter().filter(|k| **k == "call.originated").count(), 0, "{kinds:?}");
    assert_eq!(kinds.last(), Some(&"call.established"));
    assert_eq!(site.engine.calls(), 1);
}

#[test]
fn a_challenge_that_nobody_answers_fails_after_ten_seconds() {
    let mut site = Site::at(MONDAY_10);
    site.receive(PBX, &invite(NUMBER, "a", PURPOSE));
    site.durable();
    let out = site.sent_to(MAIN);
    site.receive(MAIN, &answer(&out[0], "407 Proxy Authentication Required", "g"));
    site.kinds();
    site.pass(10_001);
    assert_eq!(
        site.kinds(),
        ["call.failed", "call.connection_cleared", "call.connection_cleared", "call.cleared"]
    );
}
