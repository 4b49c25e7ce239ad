//! The first line fails, the second carries the call.

#![allow(clippy::unwrap_used)]

use crate::support::{Sipp, Site, SiteOptions, Story, Ua, WORKDAY_MORNING};
use std::time::{Duration, Instant};

const CALL: [&str; 2] = ["1001", "13800138000"];
const SERVICE: &str = "X-Trunkline-Purpose: service";
const CARRIED: &str = "outbound.requested outbound.allowed originated delivered established \
                       connection_cleared connection_cleared cleared";

fn two_lines() -> Site {
    Site::with(&SiteOptions { backup: true, ..SiteOptions::default() })
}

fn assert_carried_by_the_second(site: &Site, first: impl FnOnce(&Site)) -> Story {
    let mut tail = site.tail(None);
    let second = Sipp::callee("callee-answers", site.net.backup()).with("RING", 200).start();
    let pbx = site.net.pbx();
    let caller = Sipp::caller("caller-talks-and-hangs-up", pbx, site.net.trunkline(), CALL);
    let caller = caller.header(SERVICE).with("TALK", 100).start();
    first(site);
    let heard = caller.finish();
    second.finish();
    assert!(!heard.iter().any(|m| m.starts_with("SIP/2.0 503")), "{heard:?}");
    let story = Story::single(tail.finished_calls(1));
    story.assert_is(CARRIED).assert_ended("agent", "normalClearing");
    assert_eq!(story.call()["trunk"], "second");
    story
}

#[test]
fn the_first_line_says_503() {
    let site = two_lines();
    let _server = site.serve(WORKDAY_MORNING);
    let first = Sipp::callee("callee-refuses", site.carrier());
    let first = first.with("STATUS", "503 Service Unavailable").with("REASON", "Retry-After: 1");
    let first = first.start();
    assert_carried_by_the_second(&site, |_| {
        first.finish();
    });
}

#[test]
fn the_first_line_is_silent() {
    let site = two_lines();
    let _server = site.serve(WORKDAY_MORNING);
    let first = Ua::bind(site.carrier(), site.carrier_side());
    let story = assert_carried_by_the_second(&site, |_| {
        let invite = first.expect("INVITE ");
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(3) {
            // A dead line never speaks; ours may repeat the INVITE but must not CANCEL it
            // before a provisional response (RFC 3261 §9.1).
            match first.receive(Duration::from_millis(200)) {
                Some(m) => assert_eq!(m.first_line(), invite.first_line()),
                None => continue,
            }
        }
    });
    story.assert_ms("wait_ms", 1200, 500); // failover_ms plus ringing
}

#[test]
fn nobody_is_bound_to_the_first_lines_port() {
    let site = two_lines();
    let _server = site.serve(WORKDAY_MORNING);
    assert_carried_by_the_second(&site, |_| {});
}

#[test]
fn both_lines_fail_and_the_pbx_is_not_invited_to_reroute() {
    let site = two_lines();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let refuse = |at| {
        let callee = Sipp::callee("callee-refuses", at);
        callee.with("STATUS", "503 Service Unavailable").with("REASON", "Retry-After: 1").start()
    };
    let (first, second) = (refuse(site.carrier()), refuse(site.net.backup()));
    // RFC 3261 §16.7 item 6: a proxy does not pass a 503 on, it says 500.
    let caller = Sipp::caller("caller-is-refused", site.net.pbx(), site.net.trunkline(), CALL);
    caller.header(SERVICE).with("STATUS", "500").run();
    first.finish();
    second.finish();
    let story = Story::single(tail.finished_calls(1));
    story.assert_is(
        "outbound.requested outbound.allowed originated failed \
         connection_cleared connection_cleared cleared",
    );
    assert_eq!(story.call()["released_by"], "network");
}

#[test]
fn a_busy_customer_is_not_called_twice() {
    let site = two_lines();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let second = Ua::bind(site.net.backup(), site.net.trunkline());
    let first = Sipp::callee("callee-refuses", site.carrier());
    let first = first.with("STATUS", "486 Busy Here").with("REASON", "Reason: Q.850;cause=17");
    let first = first.start();
    let caller = Sipp::caller("caller-is-refused", site.net.pbx(), site.net.trunkline(), CALL);
    caller.header(SERVICE).with("STATUS", "486").run();
    first.finish();
    assert!(second.drain(Duration::from_millis(200)).is_empty());
    Story::single(tail.finished_calls(1)).assert_ended("customer", "busy");
}
