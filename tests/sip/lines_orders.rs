//! Orders of an operator, and what of lines outlives the process.

#![allow(clippy::unwrap_used)]

use crate::support::process::poll_until;
use crate::support::{Gateway, Load, Mood, Peers, Site, SiteOptions, Ua, WORKDAY_MORNING};
use serde_json::Value;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);
/// The second run begins after a duty of the first has ended.
const LATER: &str = "2026-11-23T10:45:00+08:00";

fn two_lines() -> SiteOptions {
    SiteOptions { backup: true, ..SiteOptions::default() }
}

fn gateway(site: &Site, at: std::net::SocketAddr) -> Gateway {
    Gateway::start(at, site.net.trunkline(), Mood::FINE)
}

fn calls_out(site: &Site, name: &str) -> Load {
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    Load::new(pbx, "1001", "1002", name) // internal: not gated
}

fn said(site: &Site, args: &[&str]) -> String {
    String::from_utf8(site.run(args).stdout).unwrap()
}

#[test]
fn a_drained_line_keeps_its_calls_and_gets_no_new_ones() {
    let site = Site::with(&two_lines());
    let (main, second) = (gateway(&site, site.carrier()), gateway(&site, site.net.backup()));
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let mut load = calls_out(&site, "drain");
    load.make(2, 10, |_| {});
    load.until_answered(LONG);
    assert_eq!(main.seen().invites.len(), 2);

    assert!(said(&site, &["trunk", "drain", "main"]).contains("draining: 2 calls go on"));
    load.make(3, 10, |_| {});
    load.until_answered(LONG);
    assert_eq!((main.seen().invites.len(), second.seen().invites.len()), (2, 3));
    load.hang_up(50, LONG);
    assert_eq!((load.over(), main.seen().byes.len()), (5, 2), "old calls ended as they should");
    tail.until("drained", LONG, |events| {
        let reason = |e: &Value| e["o"]["reason"].as_str().unwrap_or("").to_owned();
        events.iter().any(|e| e["k"] == "line.state_changed" && reason(e).starts_with("drained"))
    });

    assert!(said(&site, &["trunk", "undrain", "main"]).contains("in_service"));
    load.make(1, 10, |_| {});
    load.until_answered(LONG);
    assert_eq!(main.seen().invites.len(), 3);
    assert_eq!(site.try_run(&["trunk", "drain", "third"]).status.code(), Some(6));
    assert!(said(&site, &["audit", "verify"]).contains("audit log ok"));
}

#[test]
fn a_carrier_that_drains_is_told_to_go_elsewhere() {
    let site = Site::with(&two_lines());
    let _server = site.serve(WORKDAY_MORNING);
    let peers = Peers::of(&site);
    let mut talk = peers.talk("old");
    site.run(&["trunk", "maintain", "main"]);
    let late = crate::support::Dialog::caller(&peers.customer, "13800138000", "95519", "new");
    peers.customer.send(&late.invite());
    let refusal = peers.customer.expect("SIP/2.0 503");
    assert!(!refusal.value("Retry-After").is_empty());
    peers.customer.send(&late.ack_refusal(&refusal));
    peers.hang_up(&mut talk);
    site.run(&["trunk", "maintain", "main", "--off"]);
    peers.talk("again");
}

#[test]
fn orders_and_duties_survive_a_crash() {
    let options = SiteOptions {
        carrier_keys: "probe = { interval_s = 0.2, timeout_ms = 200, down_after = 2 }",
        ..two_lines()
    };
    let site = Site::with(&options);
    // Nobody is there on either line, so nothing can meet the duty.
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    site.run(&["trunk", "maintain", "second"]);
    tail.until_kind("duty.started", 1);
    let started = tail.settle(Duration::ZERO).iter().find(|e| e["k"] == "duty.started").cloned();
    let duty = started.unwrap()["o"].clone();
    assert_eq!(
        (duty["kind"].as_str(), duty["subject"].as_str()),
        (Some("backup_line"), Some("main"))
    );
    drop(tail);
    server.kill();

    let _server = site.serve(LATER);
    let second = site.line("second");
    assert_eq!(second["state"], "maintenance", "{second:#}");
    assert!(second["ordered_by"].as_str().unwrap().starts_with("uid:"));
    let mut tail = site.tail(Some(0));
    tail.until_kind("duty.breached", 1);
    let events = tail.settle(Duration::from_millis(200));
    let breached = events.iter().find(|e| e["k"] == "duty.breached").unwrap();
    assert_eq!(breached["o"]["id"], duty["id"], "the same duty, no second one");
    assert_eq!(events.iter().filter(|e| e["k"] == "duty.started").count(), 1);
}

#[test]
fn a_line_that_recovers_meets_its_duty() {
    let options = SiteOptions {
        carrier_keys: "probe = { interval_s = 0.2, timeout_ms = 200, down_after = 2 }",
        ..SiteOptions::default()
    };
    let site = Site::with(&options);
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    tail.until_kind("duty.started", 1);
    let _main = gateway(&site, site.carrier());
    tail.until_kind("duty.met", 1);
    let events = tail.settle(Duration::from_millis(100));
    let met = events.iter().find(|e| e["k"] == "duty.met").unwrap();
    assert_eq!(met["o"]["reason"], "main is in service again");
    assert!(met["o"]["met_at"].is_string());
}

#[test]
fn sigterm_refuses_new_calls_and_waits_for_those_in_progress() {
    let options = SiteOptions { sip_keys: "drain_s = 20", ..two_lines() };
    let site = Site::with(&options);
    let server = site.serve(WORKDAY_MORNING);
    let peers = Peers::of(&site);
    let mut tail = site.tail(None);
    let mut talk = peers.talk("old");
    server.signal(nix::sys::signal::Signal::SIGTERM);
    tail.until("draining", LONG, |events| {
        events.iter().any(|e| e["k"] == "system.status" && e["o"]["status"] == "disabled")
    });
    let late = crate::support::Dialog::caller(&peers.customer, "13800138000", "95519", "new");
    peers.customer.send(&late.invite());
    let refusal = peers.customer.expect("SIP/2.0 503");
    peers.customer.send(&late.ack_refusal(&refusal));
    let one = || site.metric("trunkline_calls") == 1.0;
    assert!(poll_until(LONG, one), "it waits for the call");
    peers.hang_up(&mut talk);
    let stopping = std::time::Instant::now();
    assert_eq!(server.stop(), Some(0));
    assert!(stopping.elapsed() < Duration::from_secs(10), "it ends with its last call");
}
