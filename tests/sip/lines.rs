//! Lines that die, come back, refuse and answer late, against the real binary.

#![allow(clippy::unwrap_used)]

use crate::support::process::poll_until;
use crate::support::{Desk, Gateway, Load, Mood, Site, SiteOptions, Ua, WORKDAY_MORNING};
use serde_json::Value;
use std::time::Duration;

/// An internal number leaves by the lines too, and no gate or disk is in its way.
const NUMBER: &str = "1002";
const QUICK: &str = "probe = { interval_s = 0.2, down_interval_s = 0.2, timeout_ms = 300, \
                     down_after = 2, up_after = 2 }";
const LONG: Duration = Duration::from_secs(20);

fn two_lines(carrier_keys: &'static str) -> SiteOptions {
    SiteOptions { backup: true, carrier_keys, failover_ms: 500, ..SiteOptions::default() }
}

fn gateways(site: &Site, first: Mood, second: Mood) -> (Gateway, Gateway) {
    let start = |at, mood| Gateway::start(at, site.net.trunkline(), mood);
    (start(site.carrier(), first), start(site.net.backup(), second))
}

fn calls_out(site: &Site, name: &str) -> Load {
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    Load::new(pbx, "1001", NUMBER, name)
}

fn shift<'a>(frame: &'a Value, part: &str) -> &'a str {
    frame["d"]["shift"][part].as_str().unwrap_or("")
}

fn expect_state(desk: &mut Desk, line: &str, state: &str) -> Value {
    desk.expect(&format!("{line} {state}"), LONG, |f| {
        f["k"] == "line.state_changed" && f["o"]["id"] == line && f["o"]["state"] == state
    })
}

#[test]
fn a_line_dies_and_comes_back_under_load_and_no_call_is_lost() {
    let site = Site::with(&two_lines(QUICK));
    let (main, second) = gateways(&site, Mood::FINE, Mood::FINE);
    let _server = site.serve(WORKDAY_MORNING);
    site.until_line("main", "in_service");
    site.until_line("second", "in_service");
    let mut desk = site.supervisor();
    let snap = desk.expect("the lines", LONG, |f| f["t"] == "snap" && f["sub"] == "l");
    assert_eq!(snap["lines"].as_array().unwrap().len(), 2, "{snap}");

    let mut load = calls_out(&site, "load");
    let before = 60;
    load.make(200, 50, |index| {
        if index == before {
            main.set(Mood::DEAD);
        }
    });
    load.until_answered(LONG);
    assert_eq!(load.refused(), Vec::<String>::new(), "every call found a line");
    assert_eq!(load.talking().len(), 200);
    let carried = second.seen().invites.len();
    assert!(carried >= 200 - before, "the second line carried {carried}");

    let down = expect_state(&mut desk, "main", "out_of_service");
    assert!(shift(&down, "reason").contains("in a row"), "{down}");
    let moved = desk.expect("new calls go to the second", LONG, |f| {
        f["k"] == "line.failover" && f["d"]["shift"].get("call_id").is_none()
    });
    assert_eq!((shift(&moved, "from"), shift(&moved, "to")), ("main", "second"));
    let shown = site.line("main");
    assert_eq!(shown["state"], "out_of_service");
    let newest = shown["probes"].as_array().unwrap().last().unwrap();
    assert_eq!(newest["text"], "no answer in 300 ms", "{shown:#}");
    assert!(newest.get("alive").is_none(), "{shown:#}");
    let text = String::from_utf8(site.run(&["trunk", "show", "main"]).stdout).unwrap();
    assert!(text.contains("main (primary): out_of_service") && text.contains("no answer"));

    main.set(Mood::FINE);
    expect_state(&mut desk, "main", "in_service");
    let back = desk.expect("recovery", LONG, |f| f["k"] == "line.recovered");
    assert_eq!((shift(&back, "from"), shift(&back, "to")), ("second", "main"));
    let took_before = main.seen().invites.len();
    load.make(20, 50, |_| {});
    load.until_answered(LONG);
    assert!(main.seen().invites.len() > took_before, "new calls take it again");

    // Calls that began before the failure are still there, on both lines.
    load.hang_up(100, LONG);
    assert_eq!((load.over(), load.refused()), (220, Vec::new()));
    let met = desk.seen().iter().filter(|f| f["k"] == "duty.met").count();
    assert_eq!(met, 1, "one incident, one duty");
    let none = || site.metric("trunkline_line_calls") == 0.0;
    assert!(poll_until(LONG, none), "no call is counted for ever");
}

#[test]
fn a_probe_answered_404_is_a_sign_of_life_and_503_is_none() {
    let site = Site::with(&two_lines(QUICK));
    let not_found = Mood { options: Some("404 Not Found"), ..Mood::FINE };
    let unavailable = Mood { options: Some("503 Service Unavailable"), ..Mood::FINE };
    let (_main, _second) = gateways(&site, not_found, unavailable);
    let _server = site.serve(WORKDAY_MORNING);
    let main = site.until_line("main", "in_service");
    assert_eq!(main["probes"][0]["status"], 404);
    assert_eq!(main["probes"][0]["alive"], true);
    let second = site.until_line("second", "out_of_service");
    assert!(second["reason"].as_str().unwrap().contains("503 Service Unavailable"));

    let tested = site.run(&["trunk", "test", "main"]).stdout;
    assert!(String::from_utf8(tested).unwrap().contains("404 Not Found"), "the SIP answer");
    let tested = site.try_run(&["trunk", "test", "second"]);
    assert_eq!(tested.status.code(), Some(1));
    assert!(String::from_utf8(tested.stdout).unwrap().contains("503 Service Unavailable"));
    let unknown = site.try_run(&["trunk", "test", "third"]);
    assert_eq!(unknown.status.code(), Some(6), "not found");
    let message = String::from_utf8(unknown.stderr).unwrap();
    assert!(message.contains("there are: main, second"), "{message}");
}

#[test]
fn only_2xx_where_that_is_configured() {
    let keys = "probe = { interval_s = 0.2, timeout_ms = 300, down_after = 2, alive = \"2xx\" }";
    let site = Site::with(&two_lines(keys));
    let not_found = Mood { options: Some("404 Not Found"), ..Mood::FINE };
    let (_main, _second) = gateways(&site, not_found, Mood::FINE);
    let _server = site.serve(WORKDAY_MORNING);
    site.until_line("main", "out_of_service");
    site.until_line("second", "in_service");
}

/// No probes: the calls themselves show it. Nobody says that the port is closed.
#[test]
fn calls_find_out_by_themselves_that_a_line_is_a_black_hole() {
    let site = Site::with(&two_lines("probe = { interval_s = 0, down_after = 2 }"));
    let (main, second) = gateways(&site, Mood::DEAD, Mood::FINE);
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let mut load = calls_out(&site, "hole");
    load.make(2, 10, |_| {});
    load.until_answered(LONG);
    assert_eq!(load.talking().len(), 2);
    let line = site.until_line("main", "out_of_service");
    assert!(line["reason"].as_str().unwrap().contains("2 calls failed in a row"), "{line}");
    load.make(3, 10, |_| {});
    load.until_answered(LONG);
    assert_eq!((main.seen().invites.len(), second.seen().invites.len()), (2, 5));
    let events = tail.settle(Duration::from_millis(300));
    let moved = events
        .iter()
        .filter(|e| e["k"] == "line.failover" && e["d"]["shift"]["call_id"].is_string());
    let calls: Vec<_> = moved.map(|e| e["d"]["shift"]["reason"].as_str().unwrap()).collect();
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|why| why.starts_with("no answer in")), "{calls:?}");
    assert_eq!(site.metric("trunkline_line_failovers_total"), 2.0);
}

/// Every line is a black hole: the caller hears it when `post_dial_s` is over, not after 64 s.
#[test]
fn the_search_for_a_line_ends_in_time() {
    let options =
        SiteOptions { trunk_keys: "post_dial_s = 1.0", ..two_lines("probe = { interval_s = 0 }") };
    let site = Site::with(&options);
    let (main, second) = gateways(&site, Mood::DEAD, Mood::DEAD);
    let _server = site.serve(WORKDAY_MORNING);
    let mut load = calls_out(&site, "end");
    load.make(1, 10, |_| {});
    load.until_answered(Duration::from_secs(8));
    assert_eq!(load.refused().len(), 1);
    assert_eq!((main.seen().invites.len(), second.seen().invites.len()), (1, 1));
}

#[test]
fn an_answer_that_comes_too_late_is_acknowledged_and_released() {
    let site = Site::with(&two_lines("probe = { interval_s = 0 }"));
    let (main, second) = gateways(&site, Mood::DEAD, Mood::FINE);
    let _server = site.serve(WORKDAY_MORNING);
    let mut load = calls_out(&site, "late");
    load.make(1, 10, |_| {});
    load.until_answered(LONG);
    assert_eq!(second.seen().invites.len(), 1);
    let invite = main.seen().invite.expect("the first line was asked");
    main.set(Mood::FINE);
    main.answer_late(&invite);
    let released = || !main.seen().byes.is_empty();
    assert!(poll_until(LONG, released), "two answered legs cost money");
    assert!(!main.seen().acks.is_empty());
    assert_eq!(load.talking().len(), 1, "the call itself goes on");
    assert_eq!(second.seen().byes.len(), 0);
    assert_eq!(site.line("main")["late_answers"], 1);
    assert!(poll_until(LONG, || site.metric("trunkline_line_late_answers_total") == 1.0));
}

#[test]
fn a_full_line_is_passed_over_and_when_all_are_full_the_pbx_hears_503() {
    let keys = "probe = { interval_s = 0 }\ncalls_max_out = 2";
    let site = Site::with(&two_lines(keys));
    let (main, second) = gateways(&site, Mood::FINE, Mood::FINE);
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let mut load = calls_out(&site, "full");
    load.make(7, 5, |_| {});
    load.until_answered(LONG);
    assert_eq!((main.seen().invites.len(), second.seen().invites.len()), (2, 2));
    assert_eq!(load.refused(), ["503"; 3]);
    let told: Vec<String> = tail
        .settle(Duration::from_millis(300))
        .iter()
        .filter(|e| e["k"] == "line.capacity_reached")
        .map(|e| e["o"]["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(told, ["main", "second"], "once an episode");
    load.hang_up(50, LONG);
    load.make(1, 10, |_| {});
    load.until_answered(LONG);
    assert_eq!(main.seen().invites.len(), 3, "there is room again");
}
