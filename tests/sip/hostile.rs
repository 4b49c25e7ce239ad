//! What strangers and broken peers send: no answer, bounded memory, counted, and calls go on.

#![allow(clippy::unwrap_used)]

use crate::support::process::poll_until;
use crate::support::{Sipp, Site, Story, Ua, WORKDAY_MORNING};
use std::time::Duration;

/// Counters of datagrams that were dropped or refused for what they are.
const UNKNOWN_SOURCE: &str = "trunkline_sip_unknown_source_total";
const UNUSABLE: [&str; 5] = [
    "trunkline_sip_keepalives_total",
    "trunkline_sip_malformed_total",
    "trunkline_sip_too_long_total",
    "trunkline_sip_stray_responses_total",
    "trunkline_sip_refused_invalid_total",
];
const KERNEL_DROPS: &str = "trunkline_udp_kernel_drops_total";

const FLOOD: usize = 10_000;

/// What 10,000 dropped requests may leave behind.
const GROWTH_KIB_MAX: u64 = 8 * 1024;

fn assert_a_call_passes(site: &Site) {
    let mut tail = site.tail(None);
    let callee = Sipp::callee("callee-answers", site.net.pbx()).with("RING", 100).start();
    let call = ["13800138000", "95519"];
    Sipp::caller("caller-talks-and-hangs-up", site.carrier(), site.carrier_side(), call)
        .with("TALK", 100)
        .run();
    callee.finish();
    Story::single(tail.finished_calls(1)).assert_is(
        "originated delivered established connection_cleared connection_cleared cleared",
    );
}

#[test]
fn a_flood_of_strangers_is_dropped_and_counted() {
    let site = Site::new();
    let mut server = site.serve(WORKDAY_MORNING);
    assert_a_call_passes(&site); // everything that is made on first use is there
    let before = server.resident_kib();
    let stranger = Ua::bind(site.net.stranger(), site.net.trunkline());
    for n in 0..FLOOD {
        let dialog =
            crate::support::Dialog::caller(&stranger, "100", "900442", &format!("flood{n}"));
        stranger.send(&dialog.invite());
        if n % 50 == 49 {
            std::thread::sleep(Duration::from_millis(2)); // the socket's buffer must keep up
        }
    }
    let answers = stranger.drain(Duration::from_millis(500));
    assert!(answers.is_empty(), "a stranger got {} answers", answers.len());
    assert!(server.is_alive());
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown <= GROWTH_KIB_MAX, "memory grew by {grown} KiB");
    // What the socket's buffer could not hold is counted too.
    let counted = || site.metric(UNKNOWN_SOURCE) + site.metric(KERNEL_DROPS);
    let all = poll_until(Duration::from_secs(5), || counted() as usize == FLOOD);
    assert!(all, "{} of {FLOOD} counted", counted());
    assert_a_call_passes(&site);
}

#[test]
fn garbage_is_counted_and_the_process_lives() {
    let site = Site::new();
    let mut server = site.serve(WORKDAY_MORNING);
    let carrier = Ua::bind(site.carrier(), site.carrier_side());
    let garbage = garbage(&carrier);
    for datagram in &garbage {
        carrier.send_bytes(datagram);
        std::thread::sleep(Duration::from_millis(1));
    }
    let answers = carrier.drain(Duration::from_millis(500));
    let refusal = |a: &&String| a.starts_with("SIP/2.0 4") || a.starts_with("SIP/2.0 505");
    assert_eq!(answers.iter().filter(refusal).count(), answers.len(), "{answers:?}");
    assert!(server.is_alive());
    let counted = || UNUSABLE.iter().map(|name| site.metric(name)).sum::<f64>() as usize;
    let all = poll_until(Duration::from_secs(5), || counted() >= garbage.len());
    assert!(all, "{} of {} counted, answers {answers:?}", counted(), garbage.len());
    drop(carrier);
    assert_a_call_passes(&site);
}

/// Datagrams that are no usable message, made from good ones.
fn garbage(from: &Ua) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = vec![
        vec![0; 200],
        vec![0xff; 1500],
        b"INVITE\r\n\r\n".to_vec(),
        b"SIP/2.0 200\r\n\r\n".to_vec(),
        b"SIP/2.0 200 OK\r\nVia: x\r\n\r\n".to_vec(),
        format!("INVITE {}", "sip:".repeat(16_000)).into_bytes(),
    ];
    // Each one a transaction of its own, so that none is taken for a retransmission.
    let mut made = 0;
    let mut good = || {
        made += 1;
        let name = format!("garbage{made}");
        crate::support::Dialog::caller(from, "13800138000", "95519", &name).invite()
    };
    for (right, wrong) in [
        ("SIP/2.0\r\n", "SIP/9.9\r\n"),
        ("CSeq: 1 INVITE", "CSeq: -1 INVITE"),
        ("CSeq: 1 INVITE", "CSeq: 99999999999 INVITE"),
        ("CSeq: 1 INVITE", "CSeq: 1 BYE"),
        ("Call-ID:", "Caul-ID:"),
        ("Content-Length: ", "Content-Length: 9999"),
        ("Content-Length: ", "Content-Length: -"),
        ("\r\nCSeq", &format!("\r\n{}CSeq", "X: y\r\n".repeat(10_000))),
    ] {
        let bad = good().replacen(right, wrong, 1);
        assert!(bad.contains(wrong));
        all.push(bad.into_bytes());
    }
    // Cut in the start line, in the headers, and before the blank line.
    for cut in [3, 20, 200] {
        all.push(good().as_bytes()[..cut].to_vec());
    }
    let whole = good();
    all.push(whole.as_bytes()[..whole.find("\r\n\r\n").unwrap()].to_vec());
    all
}

#[test]
fn a_header_of_64_kib_passes_whole() {
    let site = Site::new();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let carrier = Ua::bind(site.carrier(), site.carrier_side());
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let long = "a".repeat(64_000);
    let dialog = crate::support::Dialog::caller(&carrier, "13800138000", "95519", "long");
    let dialog = dialog.header(&format!("X-Long: {long}"));
    carrier.send(&dialog.invite());
    let invite = pbx.expect("INVITE ");
    assert!(invite.value("X-Long") == long, "the header was changed");
    pbx.answer(&invite, "486 Busy Here", "pbx", "");
    carrier.send(&dialog.ack_refusal(&carrier.expect("SIP/2.0 486")));
    Story::single(tail.finished_calls(1)).assert_ended("agent", "busy");
}
