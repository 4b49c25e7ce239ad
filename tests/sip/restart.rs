//! kill -9 in the middle of a call: the conversation goes on, the log goes on, and what was
//! missed is marked.

#![allow(clippy::unwrap_used)]

use crate::support::ua::session;
use crate::support::{Dialog, Peers, Site, Story, WORKDAY_MORNING};
use std::time::Duration;

/// The wall clock of the second run lies behind the first run's.
const A_MINUTE_LATER: &str = "2026-11-23T10:01:00+08:00";

#[test]
fn a_call_in_progress_survives_a_crash() {
    let site = Site::new();
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let peers = Peers::of(&site);
    let mut dialog = peers.talk("crash");
    tail.until_kind("call.established", 1);
    let last_pos = tail.last_pos();
    drop(tail);
    server.kill();

    let _server = site.serve(A_MINUTE_LATER);
    let mut tail = site.tail(Some(0));
    peers.hang_up(&mut dialog);

    // Tail itself fails on a gap; from the first event on, over both runs.
    let story = Story::single(tail.finished_calls(1));
    story
        .assert_is("originated delivered established connection_cleared connection_cleared cleared")
        .assert_ended("customer", "normalClearing");
    let first_after = story.events().iter().find(|e| {
        let pos: u64 = e["pos"].as_str().unwrap().parse().unwrap();
        pos > last_pos
    });
    let first_after = first_after.expect("events of the second run");
    assert_eq!(first_after["k"], "call.connection_cleared");
    assert_eq!(first_after["d"]["repair"], "call_known_again", "{first_after}");
    story.assert_ms("talk_ms", 60_000, 5_000);
}

#[test]
fn an_answer_missed_in_a_crash_is_learnt_and_marked() {
    let site = Site::new();
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let peers = Peers::of(&site);
    let mut dialog = Dialog::caller(&peers.customer, "13800138000", "95519", "missed");
    peers.customer.send(&dialog.invite());
    let invite = peers.pbx.expect("INVITE ");
    peers.pbx.answer(&invite, "180 Ringing", "pbx", "");
    peers.customer.expect("SIP/2.0 180");
    tail.until_kind("call.delivered", 1);
    drop(tail);
    server.kill();

    // The first 200 finds nobody; its retransmission finds the new process.
    let answer = session(peers.pbx.address, "sendrecv");
    peers.pbx.answer(&invite, "200 OK", "pbx", &answer);
    let _server = site.serve(A_MINUTE_LATER);
    let mut tail = site.tail(Some(0));
    peers.pbx.answer(&invite, "200 OK", "pbx", &answer);
    dialog.confirm(&peers.customer.expect("SIP/2.0 200"));
    peers.customer.send(&dialog.ack());
    peers.pbx.expect("ACK ");
    peers.hang_up(&mut dialog);

    let story = Story::single(tail.finished_calls(1));
    story
        .assert_is("originated delivered established connection_cleared connection_cleared cleared")
        .assert_ended("customer", "normalClearing");
    let answered = &story.of_kind("call.established")["d"];
    assert_eq!(answered["time_quality"], "reconciled", "{answered}");
    assert_eq!(answered["repair"], "call_known_again", "{answered}");
}

#[test]
fn positions_and_history_survive_a_drain() {
    let site = Site::new();
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let peers = Peers::of(&site);
    for (run, name) in ["first", "second"].into_iter().enumerate() {
        let mut dialog = peers.talk(name);
        peers.customer.send(&dialog.next("BYE", ""));
        let bye = peers.pbx.expect("BYE ");
        peers.pbx.answer(&bye, "200 OK", "", "");
        peers.customer.expect("SIP/2.0 200");
        tail.until_kind("call.cleared", run + 1);
    }
    let before = tail.settle(Duration::from_millis(200)).to_vec();
    drop(tail);
    assert_eq!(server.stop(), Some(0));
    let _server = site.serve(A_MINUTE_LATER);
    let mut tail = site.tail(Some(0));
    let after = tail.finished_calls(2);
    let of_calls = |events: &[serde_json::Value]| -> Vec<String> {
        let calls = events.iter().filter(|e| e["k"].as_str().unwrap().starts_with("call."));
        calls.map(|e| format!("{} {} {}", e["pos"], e["k"], e["o"])).collect()
    };
    assert_eq!(of_calls(after), of_calls(&before), "the log tells the same again");
}
