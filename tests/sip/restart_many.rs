//! kill -9 with many live calls: serving again soon, no conversation cut, nothing that was
//! acknowledged forgotten, what was missed marked.

#![allow(clippy::unwrap_used)]

use crate::support::process::poll_until;
use crate::support::{Gateway, Load, Mood, Site, SiteOptions, Ua, WORKDAY_MORNING};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const LATER: &str = "2026-11-23T10:05:00+08:00";

/// An inbound call each; the PBX is a gateway that answers.
fn crash_with(calls: usize, per_second: u32) -> Duration {
    let keys = "pending_max = 100000\npending_per_source_max = 100000\ndrain_s = 0";
    let site = Site::with(&SiteOptions { sip_keys: keys, ..SiteOptions::default() });
    let pbx = Gateway::start(site.net.pbx(), site.net.trunkline(), Mood::FINE);
    let server = site.serve(WORKDAY_MORNING);
    let carrier = Ua::bind(site.carrier(), site.carrier_side());
    let mut load = Load::new(carrier, "13800138000", "95519", "many");
    load.make(calls, per_second, |_| {});
    load.until_answered(Duration::from_secs(60));
    assert_eq!(load.talking().len(), calls, "{:?}", load.refused());
    let mut tail = site.tail(Some(0));
    let wait = Duration::from_secs(120);
    tail.until("all calls", wait, counting("call.established", calls));
    let acknowledged: Vec<String> = tail
        .settle(Duration::from_millis(300))
        .iter()
        .map(|e| format!("{} {} {}", e["pos"], e["k"], e["o"]["id"]))
        .collect();
    drop(tail);
    server.kill();

    println!("{calls} calls are up, their events are read");
    let killed = Instant::now();
    let _server = site.serve(LATER);
    let ready = killed.elapsed();
    println!("serving again after {} ms", ready.as_millis());
    let known = || site.metric("trunkline_calls") as usize == calls;
    assert!(poll_until(Duration::from_secs(10), known), "all are known again");

    load.hang_up(per_second, Duration::from_secs(120));
    assert_eq!((load.over(), load.refused()), (calls, Vec::new()), "every BYE was answered");
    assert_eq!(pbx.seen().byes.len(), calls, "and routed to the other side");
    let mut tail = site.tail(Some(0));
    tail.until("all ends", wait, counting("call.cleared", calls));
    let events = tail.settle(Duration::from_millis(300)).to_vec();
    let told: BTreeSet<String> =
        events.iter().map(|e| format!("{} {} {}", e["pos"], e["k"], e["o"]["id"])).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|a| !told.contains(*a)).collect();
    assert!(lost.is_empty(), "acknowledged and forgotten: {lost:?}");
    let marked = events.iter().filter(|e| e["d"]["repair"] == "call_known_again").count();
    assert_eq!(marked, calls, "the first event of each after the gap says so");
    assert!(events.iter().any(|e| e["k"] == "system.status" && e["o"]["status"] == "messagesLost"));
    let text = String::from_utf8(site.run(&["audit", "verify"]).stdout).unwrap();
    assert!(text.contains("audit log ok"), "{text}");
    ready
}

/// So many events of a kind, each looked at once.
fn counting(kind: &'static str, wanted: usize) -> impl Fn(&[serde_json::Value]) -> bool {
    let looked = Cell::new((0, 0));
    move |events| {
        let (from, before) = looked.get();
        let count = before + events[from..].iter().filter(|e| e["k"] == kind).count();
        looked.set((events.len(), count));
        count == wanted
    }
}

#[test]
fn a_thousand_calls_survive_a_crash() {
    crash_with(1_000, 250);
}

/// The whole figure; `cargo test --test sip -- restart_many --ignored --nocapture`; the environment variable
/// TRUNKLINE_CRASH_CALLS sets another count.
#[test]
#[ignore = "minutes long: a measurement"]
fn ten_thousand_calls_survive_a_crash_and_are_served_again_within_two_seconds() {
    let calls = std::env::var("TRUNKLINE_CRASH_CALLS").ok().and_then(|n| n.parse().ok());
    let ready = crash_with(calls.unwrap_or(10_000), 400);
    assert!(ready < Duration::from_secs(2), "{ready:?}");
}
