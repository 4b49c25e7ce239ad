//! What broken and hostile peers do to connections: they lose theirs, and calls go on.

#![allow(clippy::unwrap_used)]

use crate::support::process::poll_until;
use crate::support::wire::{Stream, Wire};
use crate::support::{Dialog, Sipp, Site, SiteOptions, Story, Ua, WORKDAY_MORNING};
use std::time::Duration;

const PATIENT: Duration = Duration::from_secs(5);

fn site() -> Site {
    Site::with(&SiteOptions {
        listen: &["tcp"],
        carrier_over: "tcp:",
        sip_keys: "[sip.connections]\nmessage_ms = 500\nwrite_ms = 500\nper_source_max = 50",
        ..SiteOptions::default()
    })
}

fn assert_a_call_passes(site: &Site) {
    let mut tail = site.tail(None);
    let callee = Sipp::callee("callee-answers", site.net.pbx()).with("RING", 100).start();
    let call = ["13800138000", "95519"];
    Sipp::caller("caller-talks-and-hangs-up", site.carrier(), site.carrier_side(), call)
        .with("TALK", 100)
        .over("t1")
        .run();
    callee.finish();
    Story::single(tail.finished_calls(1)).assert_is(
        "originated delivered established connection_cleared connection_cleared cleared",
    );
}

fn options(from: &Ua, name: &str) -> String {
    let proxy = Dialog::caller(from, "13800138000", "95519", name).invite();
    proxy.replace("INVITE", "OPTIONS")
}

fn counted(site: &Site, what: &str, times: f64) -> bool {
    let name = format!("trunkline_sip_connections_{what}_total");
    poll_until(PATIENT, || site.metric(&name) == times)
}

#[test]
fn half_a_message_and_then_silence() {
    let site = site();
    let _server = site.serve(WORKDAY_MORNING);
    let (half, _) = Stream::connect(site.carrier(), site.carrier_side());
    half.send(b"INVITE sip:95519@trunk SIP/2.0\r\nContent-Le");
    assert!(half.receive(PATIENT).is_none());
    assert!(counted(&site, "closed_stalled", 1.0));
    assert_a_call_passes(&site);
}

// proves: RFC 3261 §18.3 stream
#[test]
fn one_byte_at_a_time() {
    let site = site();
    let _server = site.serve(WORKDAY_MORNING);
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let slow = Ua::connect(site.carrier(), site.carrier_side());
    let dialog = Dialog::caller(&slow, "13800138000", "95519", "dribble");
    for byte in dialog.invite().as_bytes() {
        slow.send_bytes(&[*byte]);
    }
    let invite = pbx.expect("INVITE ");
    pbx.answer(&invite, "486 Busy Here", "pbx", "");
    slow.expect("SIP/2.0 486");
}

#[test]
fn ten_megabytes_of_garbage() {
    const CONNECTIONS: u32 = 20;
    let site = site();
    let server = site.serve(WORKDAY_MORNING);
    assert_a_call_passes(&site); // everything that is made on first use is there
    let before = server.resident_kib();
    let chunk = vec![b'x'; 64 << 10];
    for _ in 0..CONNECTIONS {
        let (garbage, _) = Stream::connect(site.carrier(), site.carrier_side());
        let taken = (0..160).take_while(|_| garbage.try_send(&chunk)).count();
        assert!(taken < 160, "it was read to the end");
    }
    assert!(counted(&site, "closed_framing", f64::from(CONNECTIONS)));
    // A message's longest head for each would be 640 KiB more than nothing; the rest is what a
    // running process moves by itself.
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 8192, "memory grew by {grown} KiB over {CONNECTIONS} connections");
    assert_a_call_passes(&site);
}

#[test]
fn a_peer_that_never_reads() {
    let site = site();
    let server = site.serve(WORKDAY_MORNING);
    assert_a_call_passes(&site);
    let before = server.resident_kib();
    // Each request is answered, and the answers are never read.
    let writer = Ua::connect(site.carrier(), site.carrier_side());
    let requests: String = (0..200).map(|n| options(&writer, &format!("deaf{n}"))).collect();
    drop(writer);
    let (deaf, _) = Stream::connect(site.carrier(), site.carrier_side());
    let ended = || !deaf.try_send(requests.as_bytes());
    assert!(poll_until(Duration::from_secs(30), ended), "it is closed");
    assert!(counted(&site, "closed_slow", 1.0));
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 40 << 10, "memory grew by {grown} KiB");
    assert_a_call_passes(&site);
}

#[test]
fn strangers_and_too_many_connections_are_closed_at_once() {
    let site = site();
    let _server = site.serve(WORKDAY_MORNING);
    let (stranger, _) = Stream::connect(site.net.stranger(), site.carrier_side());
    assert!(stranger.receive(PATIENT).is_none());
    assert!(counted(&site, "refused_unknown", 1.0));
    let many: Vec<_> =
        (0..60).map(|_| Stream::connect(site.carrier(), site.carrier_side())).collect();
    assert!(counted(&site, "refused_limit", 10.0));
    assert_eq!(site.metric("trunkline_sip_connections"), 50.0);
    drop(many);
    assert!(poll_until(PATIENT, || site.metric("trunkline_sip_connections") == 0.0));
    assert_a_call_passes(&site);
}

// proves: RFC 5626 §3.5.1
#[test]
fn pings_are_answered() {
    let site = site();
    let _server = site.serve(WORKDAY_MORNING);
    use std::io::{Read, Write};
    let (_stream, _) = Stream::connect(site.carrier(), site.carrier_side());
    // An IP of the first line, by hand: the answer is no message.
    let mut raw = crate::support::wire::tcp(site.carrier(), site.carrier_side());
    raw.set_read_timeout(Some(PATIENT)).unwrap();
    raw.write_all(b"\r\n\r\n").unwrap();
    let mut pong = [0; 2];
    raw.read_exact(&mut pong).unwrap();
    assert_eq!(&pong, b"\r\n", "RFC 5626 §4.4.1");
}
