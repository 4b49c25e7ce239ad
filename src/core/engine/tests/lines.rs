//! Lines under real signalling: the same SIP text, clock and journal as the other tests.

use super::bench_site::*;
use crate::engine::{EngineConfig, Input, LineConfig, Restored};
use crate::line::{LineSettings, ProbeSettings};
use crate::model::{
    Duty, DutyState, Entity, Event, EventKind, Line, LineOrder, LineRole, LineState, Named,
};
use crate::sip::PeerId;
use std::time::Duration;

const NUMBER: &str = "13800138000";
const PURPOSE: &str = "X-Purpose: service\n";

fn settings(name: &str, role: LineRole) -> LineSettings {
    LineSettings { probe: None, ..LineSettings::named(name, role) }
}

fn lines_config(change: impl Fn(&mut LineSettings)) -> EngineConfig {
    let line = |peer, name, role| {
        let mut settings = settings(name, role);
        change(&mut settings);
        LineConfig { peer: PeerId(peer), settings, registration: None }
    };
    EngineConfig {
        lines: vec![line(1, "main", LineRole::Primary), line(2, "second", LineRole::Backup)],
        ..config()
    }
}

fn site_with(change: impl Fn(&mut LineSettings)) -> Site {
    let clean = Restored { clean: true, ..Restored::default() };
    let mut site = Site::with(lines_config(change), MONDAY_10, clean);
    site.kinds();
    site
}

/// Dials; the call leaves once its decision is durable.
fn dial(site: &mut Site, name: &str) {
    site.receive(PBX, &invite(NUMBER, name, PURPOSE));
    site.durable();
}

/// The newest INVITE that went to a line.
fn taken(site: &mut Site, line: &str) -> Option<String> {
    site.sent_to(line).into_iter().rfind(|m| m.starts_with("INVITE"))
}

/// Time passes as it does for the thread: timers are looked at often.
fn wait(site: &mut Site, ms: u64) {
    for _ in 0..ms / 500 {
        site.pass(500);
    }
}

/// The first line is silent, the second answers.
fn fail_over(site: &mut Site, name: &str) {
    dial(site, name);
    assert!(taken(site, MAIN).is_some(), "{name} goes to the first line");
    wait(site, 4000);
    let invite = taken(site, SECOND).expect("the second line is tried");
    site.receive(SECOND, &answer(&invite, "200 OK", name));
}

fn shifts(events: &[Event], kind: EventKind) -> Vec<String> {
    let of_kind = events.iter().filter(|e| e.kind == kind);
    of_kind
        .map(|e| {
            let shift = e.detail.shift.as_deref().unwrap();
            let call = if shift.call.is_some() { "a call " } else { "" };
            format!("{call}{} -> {}: {}", shift.from, shift.to, shift.reason)
        })
        .collect()
}

fn duties(events: &[Event]) -> Vec<Duty> {
    let duty = |e: &Event| match &e.entity {
        Entity::Duty(duty) => Some((**duty).clone()),
        _ => None,
    };
    events.iter().filter_map(duty).collect()
}

fn line(site: &Site, name: &str) -> Line {
    site.engine.lines(site.now).into_iter().find(|l| l.id == name).unwrap()
}

#[test]
fn a_silent_line_is_left_call_by_call_and_then_for_good() {
    let mut site = site_with(|_| {});
    for name in ["a", "b", "c"] {
        fail_over(&mut site, name);
    }
    assert_eq!(
        shifts(&site.events, EventKind::LineFailover),
        [
            "a call main -> second: no answer in 4000 ms",
            "a call main -> second: no answer in 4000 ms",
            "main -> second: 3 calls failed in a row: a call: no answer in 4000 ms",
            "a call main -> second: no answer in 4000 ms",
        ]
    );
    let main = line(&site, "main");
    assert_eq!((main.state, main.call_failures, main.calls_out), (LineState::OutOfService, 3, 0));
    let second = line(&site, "second");
    assert_eq!((second.state, second.calls_out), (LineState::InService, 3));
    assert_eq!(second.answer_seizure_permille, Some(1000));
    site.sent.clear();
    assert_eq!(main.answer_seizure_permille, Some(0));
    dial(&mut site, "d");
    assert!(taken(&mut site, MAIN).is_none(), "nobody waits for it any more");
    assert!(taken(&mut site, SECOND).is_some());
    assert_eq!(site.engine.totals().line_failovers, 3);
}

#[test]
fn a_failed_primary_line_is_a_duty_that_its_backup_meets() {
    let mut site = site_with(|_| {});
    for name in ["a", "b", "c"] {
        fail_over(&mut site, name);
    }
    let told = duties(&site.events);
    let states: Vec<_> = told.iter().map(|d| (d.subject.as_str(), d.state)).collect();
    assert_eq!(states, [("main", DutyState::Running), ("main", DutyState::Met)]);
    assert_eq!(told[0].due_at, told[0].started.after(Duration::from_secs(1800)));
    assert_eq!(told[1].reason, "second is in service");
}

#[test]
fn a_trial_call_closes_the_breaker_and_the_line_is_first_again() {
    let mut site = site_with(|_| {});
    for name in ["a", "b", "c"] {
        fail_over(&mut site, name);
    }
    site.pass(30_000);
    for name in ["d", "e"] {
        dial(&mut site, name);
        let invite = taken(&mut site, MAIN).expect("one call tries it");
        site.receive(MAIN, &answer(&invite, "200 OK", name));
    }
    assert_eq!(line(&site, "main").state, LineState::InService);
    assert_eq!(
        shifts(&site.events, EventKind::LineRecovered),
        ["second -> main: calls are answered"]
    );
}

#[test]
fn a_dead_line_that_is_all_that_is_left_has_not_recovered() {
    let mut site = site_with(|_| {});
    for name in ["a", "b", "c"] {
        fail_over(&mut site, name);
    }
    site.events.clear();
    order(&mut site, "second", LineOrder::Maintain);
    assert_eq!(shifts(&site.events, EventKind::LineRecovered), [""; 0]);
    let told = shifts(&site.events, EventKind::LineFailover);
    assert!(told[0].starts_with("second -> main"), "{told:?}");
}

#[test]
fn when_all_lines_are_down_all_are_tried() {
    let mut site = site_with(|_| {});
    for name in ["a", "b", "c"] {
        dial(&mut site, name);
        wait(&mut site, 4000);
        wait(&mut site, 33_000);
    }
    let states = [line(&site, "main").state, line(&site, "second").state];
    assert_eq!(states, [LineState::OutOfService; 2]);
    dial(&mut site, "d");
    assert!(taken(&mut site, MAIN).is_some(), "a judgement may be wrong");
    let told = duties(&site.events);
    assert_eq!(told.len(), 1, "no line meets it: {told:?}");
    site.pass(1_800_000);
    assert_eq!(duties(&site.events).last().unwrap().state, DutyState::Breached);
}

#[test]
fn an_answer_of_503_moves_the_call_and_busy_is_a_sign_of_life() {
    let mut site = site_with(|_| {});
    dial(&mut site, "a");
    let invite = taken(&mut site, MAIN).unwrap();
    site.receive(MAIN, &answer(&invite, "503 Service Unavailable", "x"));
    let invite = taken(&mut site, SECOND).expect("the next line");
    site.receive(SECOND, &answer(&invite, "486 Busy Here", "y"));
    assert_eq!(
        shifts(&site.events, EventKind::LineFailover),
        ["a call main -> second: 503 Service Unavailable"]
    );
    assert_eq!(line(&site, "main").call_failures, 1);
    let second = line(&site, "second");
    assert_eq!((second.state, second.calls_out), (LineState::InService, 0));
    assert_eq!(second.network_effectiveness_permille, Some(1000), "busy is the callee's");
    assert_eq!(second.answer_seizure_permille, Some(0));
}

#[test]
fn a_caller_who_gives_up_says_nothing_about_the_line() {
    let mut site = site_with(|_| {});
    for name in ["a", "b", "c", "d"] {
        dial(&mut site, name);
        let cancel = invite(NUMBER, name, "").replace("INVITE", "CANCEL");
        site.receive(PBX, &cancel);
        wait(&mut site, 33_000);
    }
    let main = line(&site, "main");
    assert_eq!((main.state, main.calls_out), (LineState::Unknown, 0));
}

#[test]
fn a_full_line_is_passed_over_and_told_once() {
    let mut site = site_with(|s| s.limits.outbound = Some(1));
    dial(&mut site, "a");
    assert!(taken(&mut site, MAIN).is_some());
    dial(&mut site, "b");
    assert!(taken(&mut site, MAIN).is_none());
    assert!(taken(&mut site, SECOND).is_some());
    for name in ["c", "d"] {
        dial(&mut site, name);
        let out = site.sent_to(PBX);
        let refusal = out.iter().find(|m| m.starts_with("SIP/2.0 503")).expect("a 503");
        assert!(refusal.contains("Reason: Q.850;cause=34;text=\"all lines are full\""));
        assert!(refusal.contains("Retry-After: 10"));
    }
    let full: Vec<_> =
        site.events.iter().filter(|e| e.kind == EventKind::LineCapacityReached).collect();
    assert_eq!(full.len(), 2, "one for each line");
    assert_eq!(site.engine.totals().line_refusals, 2);
    assert_eq!(site.engine.calls(), 2, "refused calls are over");
    site.receive(PBX, &invite("120", "e", ""));
    assert!(taken(&mut site, MAIN).is_some(), "no limit stands before an emergency call");
}

fn inbound(site: &mut Site, name: &str) -> Vec<String> {
    site.sent_to(MAIN);
    site.receive(MAIN, &invite("95519", name, "").replace(PBX, MAIN));
    site.sent_to(MAIN)
}

#[test]
fn calls_in_have_a_limit_of_their_own() {
    let mut site = site_with(|s| s.limits.inbound = Some(1));
    assert_eq!(first_lines(&inbound(&mut site, "a")), ["SIP/2.0 100 Trying"]);
    let refused = inbound(&mut site, "b");
    assert_eq!(first_lines(&refused), ["SIP/2.0 100 Trying", "SIP/2.0 503 Service Unavailable"]);
    assert!(refused[1].contains("Retry-After"));
    assert_eq!((line(&site, "main").calls_in, site.engine.calls()), (1, 1));
}

fn order(site: &mut Site, name: &str, order: LineOrder) {
    let (name, who) = (name.to_owned(), "uid:0".to_owned());
    site.give(Input::OrderLine { name, order, who, ticket: 7 });
    assert_eq!(site.out.tickets, [(7, site.last_pos())], "answered when durable");
}

#[test]
fn a_draining_line_takes_no_new_call_and_keeps_those_it_has() {
    let mut site = site_with(|_| {});
    dial(&mut site, "a");
    let invite_a = taken(&mut site, MAIN).unwrap();
    site.receive(MAIN, &answer(&invite_a, "200 OK", "x"));
    order(&mut site, "main", LineOrder::Drain);
    assert_eq!(line(&site, "main").reason, "draining: 1 calls go on; ordered by uid:0");
    dial(&mut site, "b");
    assert!(taken(&mut site, MAIN).is_none());
    assert!(taken(&mut site, SECOND).is_some());
    assert_eq!(first_lines(&inbound(&mut site, "c"))[1], "SIP/2.0 503 Service Unavailable");
    assert!(site.engine.calls() == 2 && duties(&site.events).is_empty(), "no incident");
    site.receive(PBX, &invite("120", "e", ""));
    order(&mut site, "second", LineOrder::Maintain);
    site.receive(PBX, &invite("110", "f", ""));
    assert!(taken(&mut site, MAIN).is_some(), "an emergency call takes any line");
}

#[test]
fn orders_and_running_duties_outlive_a_restart() {
    let mut before = site_with(|_| {});
    order(&mut before, "second", LineOrder::Maintain);
    for name in ["a", "b", "c"] {
        dial(&mut before, name);
        wait(&mut before, 4000);
        wait(&mut before, 33_000);
    }
    let running = duties(&before.events).pop().unwrap();
    assert_eq!(running.state, DutyState::Running, "no backup serves");
    let restored = Restored {
        head: before.last_pos(),
        clean: true,
        lines: before.engine.lines(before.now),
        duties: vec![running.clone()],
        ..Restored::default()
    };
    let mut site = Site::with(lines_config(|_| {}), "2026-11-23T10:20:00+08:00", restored);
    assert_eq!(line(&site, "second").state, LineState::Maintenance);
    assert_eq!(line(&site, "main").state, LineState::Unknown, "found out anew");
    let told: Vec<_> = site.events.iter().map(|e| e.kind.name()).collect();
    assert_eq!(told.iter().filter(|k| **k == "line.state_changed").count(), 2, "{told:?}");
    site.pass(20 * 60 * 1000);
    let breached = duties(&site.events).pop().unwrap();
    assert_eq!((breached.id, breached.state), (running.id, DutyState::Breached));
}

#[test]
fn probes_judge_and_an_operator_hears_the_answer() {
    let mut site = site_with(|s| s.probe = Some(ProbeSettings::default()));
    let probe = |site: &mut Site| {
        for _ in 0..12 {
            site.pass(500);
            let sent = site.sent_to(MAIN);
            if let Some(probe) = sent.into_iter().rfind(|m| m.starts_with("OPTIONS")) {
                return probe;
            }
        }
        panic!("no probe");
    };
    let first = probe(&mut site);
    assert!(first.starts_with("OPTIONS sip:127.0.0.2:5060 SIP/2.0"), "{first}");
    site.receive(MAIN, &answer(&first, "404 Not Found", "x"));
    assert_eq!(line(&site, "main").state, LineState::InService, "any answer is a sign of life");
    site.give(Input::TestLine { name: "main".into(), ticket: 3 });
    let sent = site.sent_to(MAIN);
    let asked = sent.into_iter().find(|m| m.starts_with("OPTIONS")).expect("at once");
    assert!(site.out.tested.is_empty());
    site.receive(MAIN, &answer(&asked, "503 Service Unavailable", "x"));
    let tested = site.out.tested.pop().unwrap();
    assert_eq!(tested.ticket, 3);
    assert_eq!(tested.answers[0].endpoint, "udp:127.0.0.2:5060");
    assert!(!tested.answers[0].alive);
    assert_eq!(tested.answers[0].reply.to_string(), "503 Service Unavailable");
    for _ in 0..60 {
        site.pass(500);
    }
    let main = line(&site, "main");
    assert_eq!(main.state, LineState::OutOfService);
    assert!(main.reason.contains("no answer in 2000 ms"), "{}", main.reason);
    let probe = probe(&mut site);
    site.receive(MAIN, &answer(&probe, "200 OK", "x"));
    assert_eq!(line(&site, "main").state, LineState::OutOfService, "one is not enough");
}
