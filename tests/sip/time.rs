//! Ring and answer are the moments of the wire, whatever this process was doing.

#![allow(clippy::unwrap_used)]

use crate::support::events::moment;
use crate::support::ua::session;
use crate::support::{Dialog, Site, Story, Ua, WORKDAY_MORNING};
use nix::sys::signal::Signal;
use std::time::{Duration, SystemTime};

const STOPPED: Duration = Duration::from_millis(300);

fn micros_between(earlier: SystemTime, later: SystemTime) -> i64 {
    i64::try_from(later.duration_since(earlier).unwrap().as_micros()).unwrap()
}

#[test]
fn a_stopped_process_does_not_move_the_ring() {
    let site = Site::new();
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let customer = Ua::bind(site.carrier(), site.carrier_side());
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let mut dialog = Dialog::caller(&customer, "13800138000", "95519", "stopped");

    let dialled = customer.send(&dialog.invite());
    let invite = pbx.expect("INVITE ");
    server.pause();
    let rang = pbx.answer(&invite, "180 Ringing", "pbx", "");
    std::thread::sleep(STOPPED);
    server.signal(Signal::SIGCONT);
    customer.expect("SIP/2.0 180");
    std::thread::sleep(Duration::from_millis(200));
    let answered = pbx.answer(&invite, "200 OK", "pbx", &session(pbx.address, "sendrecv"));
    dialog.confirm(&customer.expect("SIP/2.0 200"));
    customer.send(&dialog.ack());
    customer.send(&dialog.next("BYE", ""));
    let bye = pbx.expect("BYE ");
    pbx.answer(&bye, "200 OK", "", "");

    let story = Story::single(tail.finished_calls(1));
    let call = story.call();
    // The process's clock is offset; the INVITE's own stamp ties it to the sender's clock.
    let offset = moment(&call["started"], "pbx_time");
    let ring = moment(&call["alerting"], "pbx_time") - offset;
    let sent = micros_between(dialled, rang);
    assert!((ring - sent).abs() <= 50_000, "ring at {ring} µs, its 180 was sent at {sent} µs");
    let delivered = &story.of_kind("call.delivered")["d"];
    let late = moment(delivered, "observed_at") - moment(delivered, "pbx_time");
    assert!(late >= 250_000, "seen only {late} µs later: the process was not stopped");
    let ring_ms = u64::try_from(micros_between(rang, answered) / 1000).unwrap();
    story.assert_ms("ring_ms", ring_ms, 50);
}

#[test]
fn the_injected_clock_is_the_clock_of_events() {
    let site = Site::new();
    let server = site.serve("2030-01-02T03:04:05Z");
    let mut tail = site.tail(None);
    let customer = Ua::bind(site.carrier(), site.carrier_side());
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let dialog = Dialog::caller(&customer, "13800138000", "95519", "clock");
    customer.send(&dialog.invite());
    let invite = pbx.expect("INVITE ");
    pbx.answer(&invite, "404 Not Found", "pbx", "");
    let refusal = customer.expect("SIP/2.0 404");
    customer.send(&dialog.ack_refusal(&refusal));
    let story = Story::single(tail.finished_calls(1));
    let started = story.call()["started"]["pbx_time"].as_str().unwrap();
    assert!(started.starts_with("2030-01-02T03:04:"), "{started}");
    assert_eq!(server.stop(), Some(0));
}
