//! A wall clock that jumps under the real binary: no gated call by a clock that nobody believes,
//! everything else goes on, and the site is told.

#![allow(clippy::unwrap_used)]

use crate::api::ask;
use crate::outbound::{reason_of, refused};
use crate::support::process::poll_until;
use crate::support::shim::WallClock;
use crate::support::{Peers, Sipp, Site, WORKDAY_MORNING};
use serde_json::{Value, json};
use std::time::Duration;

const CUSTOMER: &str = "13800138000";
const SERVICE: &str = "X-Trunkline-Purpose: service";
const SALES: &str = "X-Trunkline-Purpose: sales";

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

/// A service call is allowed, carried and answered.
fn goes_out(site: &Site) {
    let carrier = Sipp::callee("callee-answers", site.carrier()).with("RING", 50).start();
    let (from, to) = (site.net.pbx(), site.net.trunkline());
    Sipp::caller("caller-talks-and-hangs-up", from, to, ["1001", CUSTOMER])
        .header(SERVICE)
        .with("TALK", 50)
        .run();
    carrier.finish();
}

fn is_refused(site: &Site, header: &'static str) {
    let refusal = refused(site, CUSTOMER, Some(header));
    let reason = reason_of(&refusal);
    assert!(reason.contains("rule clock; no allowed time known"), "{reason}");
}

fn doubted(site: &Site, value: f64) {
    let shown = || site.metric("trunkline_clock_doubted") == value;
    assert!(poll_until(Duration::from_secs(5), shown), "{}", site.metrics());
}

fn shown(site: &Site) -> String {
    text(&site.run(&["clock", "show"]).stdout)
}

fn reasons(events: &[Value], status: &str) -> Vec<String> {
    let of = |event: &Value| {
        let reason = event["o"]["reason"].as_str()?;
        (event["o"]["status"] == status && reason.starts_with("clock")).then(|| reason.to_owned())
    };
    events.iter().filter_map(of).collect()
}

#[test]
fn a_clock_that_jumps_stops_gated_calls_alone_and_comes_back() {
    let site = Site::new();
    let mut clock = WallClock::at(&site, WORKDAY_MORNING);
    let server = clock.serve(&site);
    let mut tail = site.tail(None);
    goes_out(&site);
    assert!(shown(&site).contains("believed; set 0 times"), "{}", shown(&site));
    let mint = ["token", "mint", "--subject", "d", "--role", "service", "--at", WORKDAY_MORNING];
    let token = text(&site.run(&mint).stdout).trim().to_owned();
    let question = json!({"number": CUSTOMER, "purpose": "service"});
    let check = |path: &str, question: &Value| {
        ask(&site, &format!("POST /v1/gate/{path}"), &token, "", &question.to_string()).1
    };
    assert_eq!(check("check", &question)["verdict"], "allow");

    clock.step(600); // 10:10 is as good an hour as 10:00
    is_refused(&site, SERVICE);
    is_refused(&site, SALES);
    let said = check("check", &question);
    assert_eq!((&said["verdict"], &said["refused_by"]), (&json!("deny"), &json!(["clock"])));
    assert_eq!(said["next_allowed_at"], Value::Null);
    assert_eq!(check("permit", &question)["refused_by"], "clock");
    let at = json!({"number": CUSTOMER, "purpose": "service", "at": WORKDAY_MORNING});
    assert_eq!(check("explain", &at)["verdict"], "allow", "that does not go by the clock");
    doubted(&site, 1.0);
    assert!(shown(&site).contains("the clock was set by +600 s"), "{}", shown(&site));
    let peers = Peers::of(&site);
    peers.emergency("120");
    let mut inbound = peers.talk("inbound");
    peers.hang_up(&mut inbound);
    drop(peers);

    clock.step(-600);
    doubted(&site, 0.0);
    goes_out(&site);
    assert_eq!(site.metric("trunkline_clock_steps_total"), 2.0);
    let told = |events: &[Value]| !reasons(events, "normal").is_empty();
    tail.until("the end of the alarm", Duration::from_secs(5), told);
    let events = tail.settle(Duration::from_millis(200));
    let alarm = "clock: the clock was set by +600 s: gated calls are refused";
    assert_eq!(reasons(events, "partiallyDisabled"), [alarm]);
    let end = "clock: believed again, it shows the time that it should show";
    assert_eq!(reasons(events, "normal"), [end]);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_clock_that_stays_wrong_waits_for_an_administrator_over_a_crash() {
    let site = Site::new();
    let mut clock = WallClock::at(&site, WORKDAY_MORNING);
    let server = clock.serve(&site);
    let none = site.try_run(&["clock", "confirm"]);
    assert_eq!(none.status.code(), Some(1), "{none:?}");
    assert!(text(&none.stderr).contains("nothing to confirm"), "{none:?}");
    clock.step(-3600);
    is_refused(&site, SERVICE);
    server.kill();

    let server = clock.serve(&site);
    is_refused(&site, SERVICE);
    assert!(shown(&site).contains("the clock was set by -3600 s"), "{}", shown(&site));
    let confirmed = text(&site.run(&["clock", "confirm"]).stdout);
    assert!(confirmed.starts_with("confirmed: 2026-11-23T01:"), "{confirmed}");
    goes_out(&site);
    doubted(&site, 0.0);
    let written = || {
        let at = site.path("data/audit-202611.log");
        let log = std::fs::read(at).unwrap_or_default();
        log.windows(13).any(|part| part == b"clock.confirm")
    };
    assert!(written(), "who confirmed stands in the audit log");
    // What was confirmed is written down within some seconds.
    std::thread::sleep(Duration::from_millis(2500));
    server.kill();

    clock.step(7200);
    let server = clock.serve(&site);
    is_refused(&site, SERVICE);
    assert!(shown(&site).contains("the clock was set by +7200 s"), "set while nobody looked");
    clock.step(-7200);
    doubted(&site, 0.0);
    goes_out(&site);
    assert_eq!(server.stop(), Some(0));
    assert!(text(&site.run(&["audit", "verify"]).stdout).contains("audit log ok"));
}

#[test]
fn a_machine_without_a_battery_serves_but_calls_nobody() {
    let site = Site::new();
    let mut clock = WallClock::at(&site, "2001-01-01T10:00:00+08:00");
    let server = clock.serve(&site);
    is_refused(&site, SERVICE);
    let confirmed = site.try_run(&["clock", "confirm"]);
    assert_eq!(confirmed.status.code(), Some(1), "{confirmed:?}");
    let told = text(&confirmed.stderr);
    assert!(told.contains("before this program was made: set it"), "{told}");
    Peers::of(&site).emergency("110");

    clock.set(WORKDAY_MORNING);
    is_refused(&site, SERVICE);
    site.run(&["clock", "confirm"]);
    goes_out(&site);
    assert_eq!(server.stop(), Some(0));
}
