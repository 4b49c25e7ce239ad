//! A wall clock that was set, and what may be called then.

use super::bench_site::*;
use crate::engine::{ClockFault, ClockStart, Input, PermitAnswer, PermitRequest, Restored};
use crate::gate::CallFacts;
use crate::model::{Entity, Named as _, Pii, Wall};
use std::time::Duration;

const NUMBER: &str = "13800138000";
const PURPOSE: &str = "X-Purpose: service\n";

fn wall(instant: &str) -> Wall {
    Wall(instant.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

/// The machine was started just now, and its clock was never wrong.
fn start() -> ClockStart {
    ClockStart {
        floor: wall("2025-11-04T00:00:00Z"),
        settles: Duration::from_secs(60),
        ahead_us: None,
        newest: None,
        doubted: false,
    }
}

fn site(instant: &str, start: ClockStart) -> Site {
    let restored = Restored { clean: true, clock: Some(start), ..Restored::default() };
    Site::restored(instant, restored)
}

fn set(site: &mut Site, by_ms: i64) {
    site.now.wall = Wall(site.now.wall.0 + by_ms * 1000);
}

/// Time passes second by second, as a server's does.
fn wait(site: &mut Site, seconds: u64) {
    (0..seconds).for_each(|_| site.pass(1000));
}

/// Dials; the rule that refuses, or `None`: the call has left.
fn dial(site: &mut Site, call: &str) -> Option<String> {
    site.sent.clear();
    site.events.clear();
    site.receive(PBX, &invite(NUMBER, call, PURPOSE));
    if let Some(job) = site.out.explain.pop() {
        let answer = job.run();
        assert_eq!(answer.next_allowed_at, None, "nobody knows when");
        site.give(Input::Explained(answer));
    }
    let rule = site.events.iter().find_map(decision_rule);
    site.durable();
    let left = site.sent_to(MAIN).iter().any(|text| text.starts_with("INVITE"));
    assert_eq!(left, rule.is_none(), "{rule:?}");
    rule
}

/// What the site was told, since the last look.
fn told(site: &mut Site) -> Vec<String> {
    let status = |event: &crate::model::Event| match &event.entity {
        Entity::System(one) if one.reason.starts_with("clock") => {
            Some(format!("{}: {}", one.state.name(), one.reason))
        }
        _ => None,
    };
    std::mem::take(&mut site.events).iter().filter_map(status).collect()
}

/// Steps in milliseconds and seconds of waiting; open or closed after each.
#[test]
fn steps_close_the_gate_and_open_it_as_documented() {
    for row in [
        "+1900 open",
        "-1900 open",
        "+2100 closed -2100 open",
        "-3000 closed wait119 closed wait1 open",
        "+59000 closed wait120 open",
        "+61000 closed wait86400 closed -61000 open",
        "+3600000 closed wait7200 closed -3599000 open",
        "-3600000 closed wait120 closed",
        // Settling begins anew with each step, and steps that are not believed add up.
        "+40000 closed wait100 closed +3000 closed wait100 closed wait20 open",
        "+40000 closed wait10 closed +40000 closed wait600 closed -40000 closed wait120 open",
        // What comes faster than it is forgiven adds up, too.
        "+1900 open +1900 closed",
        "+1900 open wait20 open +1900 open",
        // A clock of long ago is wrong for sure, and one set right after that settles.
        "-63072000000 closed wait600 closed +63072000000 open",
        "-63072000000 closed wait600 closed +63072030000 closed wait120 open",
        "-63072000000 closed wait600 closed +63162000000 closed wait600 closed",
    ] {
        let mut site = site(MONDAY_10, start());
        assert_eq!(dial(&mut site, "first"), None);
        let mut calls = 0;
        for word in row.split(' ') {
            match (word, word.strip_prefix("wait")) {
                ("open" | "closed", _) => {
                    calls += 1;
                    let rule = site.engine.clock().fault;
                    assert_eq!(rule.is_none(), word == "open", "{row}: {rule:?}");
                    let tick = site.engine.next_deadline().unwrap();
                    assert!(tick.0 <= site.now.mono.0 + 1_000_000_000, "it is looked at in time");
                }
                (_, Some(seconds)) => wait(&mut site, seconds.parse().unwrap()),
                (ms, None) => {
                    set(&mut site, ms.parse().unwrap());
                    // No look in between: the call itself comes first.
                    site.receive(PBX, "\n\n");
                }
            }
        }
        assert!(calls > 0);
    }
}

/// The first call after the step is refused already; what is not gated goes on.
#[test]
fn the_call_that_comes_first_is_refused_and_the_rest_goes_on() {
    let mut site = site(MONDAY_10, start());
    assert_eq!(dial(&mut site, "a"), None);
    set(&mut site, 3_600_000);
    assert_eq!(dial(&mut site, "b").as_deref(), Some("clock"));
    let said = "partiallyDisabled: clock: the clock was set by +3600 s: gated calls are refused";
    assert_eq!(told(&mut site), [said]);
    site.sent.clear();
    site.receive(PBX, &invite("120", "c", ""));
    assert_eq!(site.sent_to(MAIN).len(), 1, "an emergency call");
    site.receive(MAIN, &invite("95519", "d", "").replace(PBX, MAIN));
    let inbound = site.sent_to(PBX);
    assert!(inbound.iter().any(|text| text.starts_with("INVITE")), "{inbound:?}");
    let slice = site.engine.gate_slice(None, None);
    assert_eq!(slice.clock.as_deref(), Some("the clock was set by +3600 s"));

    wait(&mut site, 600);
    assert!(told(&mut site).is_empty(), "once is enough");
    assert_eq!(dial(&mut site, "e").as_deref(), Some("clock"));
    site.give(Input::ConfirmClock { who: "uid:0".into(), ticket: 9 });
    assert_eq!(site.out.tickets, [(9, site.last_pos())]);
    assert_eq!(told(&mut site), ["normal: clock: believed again, confirmed by uid:0"]);
    assert_eq!(dial(&mut site, "f"), None, "11:10 by the new clock");
    set(&mut site, -3_600_000);
    assert_eq!(dial(&mut site, "g").as_deref(), Some("clock"), "what was confirmed is what counts");
    assert_eq!(site.engine.clock().steps, 2);
}

/// A permit that was fetched before is of no use after.
#[test]
fn a_permit_of_before_dials_nobody() {
    let mut site = site(MONDAY_10, start());
    let request = PermitRequest {
        number: Pii::new(NUMBER.to_owned()),
        trunk: None,
        purpose: Some("service".to_owned()),
        facts: CallFacts::default(),
        agent: None,
        device: None,
        who: "dialler".to_owned(),
    };
    site.give(Input::Permit { request: Box::new(request.clone()), ticket: 7 });
    site.durable();
    let Some((7, PermitAnswer::Granted { permit, .. })) = site.out.permits.pop() else {
        panic!("{:?}", site.out.permits)
    };
    set(&mut site, 3000);
    site.events.clear();
    let headers = format!("{PURPOSE}X-Trunkline-Permit: {permit}\n");
    site.receive(PBX, &invite(NUMBER, "a", &headers));
    site.pass(51);
    assert_eq!(site.events.iter().find_map(decision_rule).as_deref(), Some("clock"));
    site.give(Input::Permit { request: Box::new(request), ticket: 7 });
    site.pass(51);
    site.durable();
    match site.out.permits.pop() {
        Some((7, PermitAnswer::Denied { rule, .. })) => assert_eq!(rule, "clock"),
        other => panic!("{other:?}"),
    }
}

/// A machine whose battery is empty: wrong from the start, and set right by its time service.
#[test]
fn a_clock_of_before_the_build_waits_to_be_set() {
    let mut site = site("2000-01-01T00:00:10Z", start());
    let said = "partiallyDisabled: clock: the clock shows a time before this program was made: \
                gated calls are refused";
    assert_eq!(told(&mut site), [said]);
    site.give(Input::ConfirmClock { who: "uid:0".into(), ticket: 1 });
    assert_eq!(dial(&mut site, "a").as_deref(), Some("clock"), "nobody can confirm that");
    wait(&mut site, 300);
    assert_eq!(dial(&mut site, "b").as_deref(), Some("clock"));
    site.now.wall = wall(MONDAY_10);
    wait(&mut site, 119);
    assert_eq!(dial(&mut site, "c").as_deref(), Some("clock"));
    wait(&mut site, 2);
    assert_eq!(dial(&mut site, "d"), None);
}

/// The newest entry of the journal was written later than now: somebody set the clock back while
/// nobody looked.
#[test]
fn a_clock_behind_the_journal_is_not_believed() {
    let behind = |seconds: i64| {
        let newest = Some(Wall(wall(MONDAY_10).0 + seconds * 1_000_000));
        site(MONDAY_10, ClockStart { newest, ..start() })
    };
    assert_eq!(dial(&mut behind(1), "a"), None);
    let mut little = behind(30);
    let said = "partiallyDisabled: clock: the clock is 30 s behind the newest entry: gated calls \
                are refused";
    assert_eq!(told(&mut little), [said]);
    assert_eq!(dial(&mut little, "a").as_deref(), Some("clock"));
    wait(&mut little, 30);
    assert_eq!(dial(&mut little, "b"), None, "it has caught up");

    let mut much = behind(3600);
    wait(&mut much, 3700);
    assert_eq!(dial(&mut much, "a").as_deref(), Some("clock"), "an hour late it still is");
    set(&mut much, 3_600_000);
    wait(&mut much, 121);
    assert_eq!(dial(&mut much, "b"), None, "it was set");

    let mut confirmed = behind(3600);
    confirmed.give(Input::ConfirmClock { who: "uid:0".into(), ticket: 1 });
    assert_eq!(dial(&mut confirmed, "a"), None);
}

/// Where the clock stood is known from the run before, on the same machine since its start.
#[test]
fn a_step_while_nobody_looked_is_seen_at_the_start() {
    let before = wall(MONDAY_10).0 - 1_000_000; // as the site's monotonic clock has it
    for (moved_ms, fault) in
        [(0, None), (1500, None), (-7_200_000, Some(ClockFault::Stepped { by_us: -7_200_000_000 }))]
    {
        let mut restarted = site(MONDAY_10, ClockStart { ahead_us: Some(before), ..start() });
        assert_eq!(restarted.engine.clock().fault, None);
        set(&mut restarted, moved_ms);
        let ahead_us = Some(before);
        let newest = Some(wall(MONDAY_21));
        let moved = restarted.now.wall.rfc3339();
        let again = site(&moved, ClockStart { ahead_us, newest, ..start() });
        assert_eq!(again.engine.clock().fault, fault, "the journal's instants do not count then");
    }
    let mut back = site(MONDAY_10, ClockStart { ahead_us: Some(before + 90_000_000), ..start() });
    assert_eq!(dial(&mut back, "a").as_deref(), Some("clock"));
    set(&mut back, 90_000);
    assert_eq!(dial(&mut back, "b"), None);
}

/// The machine was started anew while its clock was not believed.
#[test]
fn doubts_outlive_a_start_of_the_machine() {
    let mut site = site(MONDAY_10, ClockStart { doubted: true, ..start() });
    wait(&mut site, 600);
    set(&mut site, 5000);
    wait(&mut site, 600);
    assert_eq!(dial(&mut site, "a").as_deref(), Some("clock"));
    site.give(Input::ConfirmClock { who: "uid:0".into(), ticket: 1 });
    assert_eq!(dial(&mut site, "b"), None);
}

/// What is told is all that a desk needs; the same inputs tell the same.
#[test]
fn the_same_inputs_give_the_same_events() {
    let run = || {
        let mut site = site(MONDAY_10, start());
        dial(&mut site, "a");
        set(&mut site, -90_000);
        dial(&mut site, "b");
        wait(&mut site, 5);
        set(&mut site, 90_000);
        wait(&mut site, 5);
        site.events.iter().map(|event| format!("{event:?}")).collect::<Vec<_>>()
    };
    let events = run();
    assert!(events.iter().any(|event| event.contains("it shows the time")), "{events:?}");
    assert_eq!(events, run());
}
