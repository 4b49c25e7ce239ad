//! Calls that go out, through the gate, against the real binary.

#![allow(clippy::unwrap_used)]

use crate::support::process::poll_until;
use crate::support::{Sipp, Site, SiteOptions, Story, WORKDAY_MORNING};
use std::time::Duration;

const CUSTOMER: &str = "13800138000";
const SERVICE: &str = "X-Trunkline-Purpose: service";

/// Monday 2026-11-23, in the evening.
const NIGHT: &str = "2026-11-23T21:30:00+08:00";
/// Thursday 2026-10-01: the first day of the published break 1-7 October.
const HOLIDAY: &str = "2026-10-01T10:00:00+08:00";

fn pbx_calls(site: &Site, story: &str, number: &str) -> Sipp {
    Sipp::caller(story, site.net.pbx(), site.net.trunkline(), ["1001", number])
}

/// A rule set `own` of a site that is never closed; tests add to it.
pub(crate) const OPEN: &str = r#"schema = 1
[ruleset.own]
applies = { region = ["CN-mainland"], purpose = ["*"] }
zone = { source = "callee" }
purpose = { cite = "test" }
dnc = { cite = "test" }
window = [{ classes = ["any"], spans = [["00:00", "24:00"]], cite = "test" }]
"#;

/// The same, closed from 09:00 to 12:00 by a ban of that name.
pub(crate) fn closed_by(ban: &str) -> String {
    let ban =
        format!(r#"hard_ban = [{{ id = "{ban}", spans = [["09:00", "12:00"]], cite = "test" }}]"#);
    OPEN.replace("window = ", &format!("{ban}\nwindow = "))
}

/// A service call that is answered and hung up.
pub(crate) fn goes_out(site: &Site, number: &str) {
    let carrier = Sipp::callee("callee-answers", site.carrier()).with("RING", 100).start();
    pbx_calls(site, "caller-talks-and-hangs-up", number).header(SERVICE).with("TALK", 100).run();
    carrier.finish();
}

/// Dials and expects 403; the refusal as received.
pub(crate) fn refused(site: &Site, number: &str, header: Option<&str>) -> String {
    let call = pbx_calls(site, "caller-is-refused", number).with("STATUS", "403");
    let heard = match header {
        Some(line) => call.header(line).run(),
        None => call.run(),
    };
    heard.into_iter().find(|m| m.starts_with("SIP/2.0 403")).expect("a 403")
}

pub(crate) fn reason_of(refusal: &str) -> &str {
    refusal.lines().find(|l| l.to_ascii_lowercase().starts_with("reason:")).expect("a Reason")
}

/// Checks the 403, the events and that nothing reached the carrier; the decision.
fn assert_denied(
    clock: &str,
    rule: &str,
    next: &str,
    prepare: impl Fn(&Site),
) -> serde_json::Value {
    let site = Site::new();
    let _server = site.serve(clock);
    prepare(&site);
    let mut tail = site.tail(None);
    let carrier = crate::support::Ua::bind(site.carrier(), site.carrier_side());
    let refusal = refused(&site, CUSTOMER, Some(SERVICE));

    let reason = reason_of(&refusal);
    assert!(reason.contains("Q.850;cause=21"), "{reason}");
    assert!(reason.contains(rule), "the text names the rule: {reason}");
    assert!(reason.contains(next), "the text names the next instant: {reason}");
    assert!(!refusal.contains("+86138"), "no number in header text");
    let story = Story::single(tail.finished_calls(1));
    story
        .assert_is("outbound.requested outbound.denied failed connection_cleared cleared")
        .assert_ended("system", "policy_denied");
    let decision = story.of_kind("outbound.denied")["o"].clone();
    assert_eq!(decision["verdict"], "deny");
    assert_eq!(decision["purpose"], "service");
    assert_eq!(story.call()["decision_id"], decision["id"]);
    assert!(denying_rules(&decision).contains(&rule), "{decision}");
    let leaked = carrier.drain(Duration::from_millis(200));
    assert!(leaked.is_empty(), "a refused call reached the carrier: {leaked:?}");
    decision
}

fn denying_rules(decision: &serde_json::Value) -> Vec<&str> {
    let rules = decision["rules"].as_array().expect("rules");
    let denying = rules.iter().filter(|r| r["verdict"] == "deny");
    denying.filter_map(|r| r["id"].as_str()).collect()
}

/// A forward by the PBX (RFC 5806) is a call out like any other.
#[test]
fn a_forwarded_call_is_asked_about() {
    let site = Site::new();
    let _server = site.serve(NIGHT);
    let mut tail = site.tail(None);
    let from = site.net.pbx();
    let diversion = format!("Diversion: <sip:1001@{from}>;reason=unconditional\n{SERVICE}");
    let refusal = refused(&site, CUSTOMER, Some(&diversion));
    assert!(reason_of(&refusal).contains("rule "), "{refusal}");
    let story = Story::single(tail.finished_calls(1));
    assert_eq!(story.kinds()[..2], ["outbound.requested", "outbound.denied"]);
}

#[test]
fn allowed_and_answered() {
    let site = Site::new();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let carrier = Sipp::callee("callee-answers", site.carrier()).with("RING", 300).start();
    pbx_calls(&site, "caller-talks-and-hangs-up", CUSTOMER).header(SERVICE).with("TALK", 200).run();
    let seen = carrier.finish();

    assert!(!seen[0].contains("X-Trunkline-Purpose"), "our headers stay inside:\n{}", seen[0]);
    let story = Story::single(tail.finished_calls(1));
    story
        .assert_is(
            "outbound.requested outbound.allowed originated delivered established \
             connection_cleared connection_cleared cleared",
        )
        .assert_ended("agent", "normalClearing")
        .assert_ms("ring_ms", 300, 150);
    let (call, decision) = (story.call(), &story.of_kind("outbound.allowed")["o"]);
    assert_eq!(call["direction"], "outbound");
    assert_eq!(call["purpose"], "service");
    assert_eq!(call["device"], "1001");
    assert_eq!(call["trunk"], "main");
    assert_eq!(call["to"]["e164"], "+8613800138000");
    assert_eq!(call["decision_id"], decision["id"]);
    assert_eq!(decision["verdict"], "allow");
    assert_eq!(decision["zone"], "Asia/Shanghai");
    assert_eq!(decision["day_class"], "workday");
}

#[test]
fn allowed_by_the_purpose_of_the_pbx() {
    let site =
        Site::with(&SiteOptions { default_purpose: Some("service"), ..SiteOptions::default() });
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let carrier = Sipp::callee("callee-answers", site.carrier()).with("RING", 100).start();
    pbx_calls(&site, "caller-talks-and-hangs-up", CUSTOMER).with("TALK", 100).run();
    carrier.finish();
    assert_eq!(Story::single(tail.finished_calls(1)).call()["purpose"], "service");
}

#[test]
fn refused_by_night() {
    let decision = assert_denied(NIGHT, "night", "2026-11-24T08:30", |_| {});
    assert_eq!(decision["next_allowed_at"], "2026-11-24T08:30:00+08:00");
    assert!(decision["local_time"].as_str().unwrap().starts_with("2026-11-23T21:30"));
}

#[test]
fn refused_on_a_statutory_holiday() {
    let decision = assert_denied(HOLIDAY, "statutory-holiday", "2026-10-08T08:30", |_| {});
    assert_eq!(decision["day_class"], "holiday");
    assert_eq!(decision["next_allowed_at"], "2026-10-08T08:30:00+08:00");
}

#[test]
fn refused_by_the_do_not_call_list() {
    // Asked on day 0: days 1 to 90 are blocked, 2027-02-21 is the last of them.
    let decision = assert_denied(WORKDAY_MORNING, "dnc", "2027-02-22", |site| {
        site.run(&["dnc", "add", CUSTOMER, "--reason", "do_not_disturb"]);
        // The list that people read is a projection and follows the gate's own.
        let listed = || {
            let output = site.run(&["dnc", "list", "--json"]).stdout;
            String::from_utf8_lossy(&output).contains("do_not_disturb")
        };
        assert!(poll_until(Duration::from_secs(5), listed), "the entry is not listed");
    });
    assert_eq!(decision["day_class"], "workday");
}

#[test]
fn refused_without_a_purpose() {
    let site = Site::new();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let refusal = refused(&site, CUSTOMER, None);
    assert!(reason_of(&refusal).contains("purpose"), "{refusal}");
    let story = Story::single(tail.finished_calls(1));
    story
        .assert_is("outbound.requested outbound.denied failed connection_cleared cleared")
        .assert_ended("system", "policy_denied");
    let decision = &story.of_kind("outbound.denied")["o"];
    assert!(denying_rules(decision).iter().any(|r| r.starts_with("purpose")), "{decision}");
}

/// An exempt call at an hour at which nothing else may leave.
fn assert_exempt(number: &str) -> serde_json::Value {
    let site = Site::new();
    let _server = site.serve(NIGHT);
    let mut tail = site.tail(None);
    let carrier = Sipp::callee("callee-answers", site.carrier()).with("RING", 100).start();
    pbx_calls(&site, "caller-talks-and-hangs-up", number).with("TALK", 100).run();
    carrier.finish();
    let story = Story::single(tail.finished_calls(1));
    story
        .assert_is("originated delivered established connection_cleared connection_cleared cleared")
        .assert_ended("agent", "normalClearing");
    story.call().clone()
}

#[test]
fn emergency_numbers_are_exempt_at_night() {
    let call = assert_exempt("120");
    assert_eq!(call["direction"], "outbound");
}

#[test]
fn internal_numbers_are_exempt_at_night() {
    let call = assert_exempt("1002");
    assert_eq!(call["direction"], "internal");
}

#[test]
fn a_refused_call_may_be_made_when_its_time_has_come() {
    let site = Site::new();
    let server = site.serve("2026-11-24T08:29:50+08:00");
    refused(&site, CUSTOMER, Some(SERVICE));
    assert_eq!(server.stop(), Some(0));
    let _server = site.serve("2026-11-24T08:30:00+08:00");
    let mut tail = site.tail(None);
    let carrier = Sipp::callee("callee-answers", site.carrier()).with("RING", 100).start();
    pbx_calls(&site, "caller-talks-and-hangs-up", CUSTOMER).header(SERVICE).with("TALK", 100).run();
    carrier.finish();
    let story = Story::single(tail.finished_calls(1));
    assert_eq!(story.of_kind("outbound.allowed")["o"]["verdict"], "allow");
}
