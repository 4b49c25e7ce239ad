//! Messages that cross, repeat or come in pairs: one call stays one call.

#![allow(clippy::unwrap_used)]

use crate::support::ua::session;
use crate::support::{Dialog, Sipp, Site, Story, Ua, WORKDAY_MORNING};
use std::time::Duration;

const CALL: [&str; 2] = ["13800138000", "95519"];

#[test]
fn an_answer_that_crosses_the_cancel_wins() {
    let site = Site::new();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let customer =
        Sipp::caller("caller-cancels-too-late", site.carrier(), site.carrier_side(), CALL);
    let customer = customer.start();
    let invite = pbx.expect("INVITE ");
    pbx.answer(&invite, "180 Ringing", "pbx", "");
    let cancel = pbx.expect("CANCEL ");
    pbx.answer(&invite, "200 OK", "pbx", &session(pbx.address, "sendrecv"));
    pbx.answer(&cancel, "200 OK", "pbx", "");
    pbx.expect("ACK ");
    let bye = pbx.expect("BYE ");
    pbx.answer(&bye, "200 OK", "", "");
    customer.finish();

    Story::single(tail.finished_calls(1))
        .assert_is("originated delivered established connection_cleared connection_cleared cleared")
        .assert_ended("customer", "normalClearing");
}

#[test]
fn lost_and_repeated_messages_make_one_call() {
    let site = Site::new();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let customer = Ua::bind(site.carrier(), site.carrier_side());
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let mut dialog = Dialog::caller(&customer, CALL[0], CALL[1], "repeats");

    for _ in 0..3 {
        customer.send(&dialog.invite());
    }
    let invite = pbx.expect("INVITE ");
    assert!(pbx.drain(Duration::from_millis(200)).is_empty(), "one INVITE goes on");
    for _ in 0..3 {
        pbx.answer(&invite, "180 Ringing", "pbx", "");
    }
    customer.expect("SIP/2.0 180");
    // The 200 is end to end: each one passes until the callee has its ACK (RFC 3261 §13.3.1.4).
    customer.drain(Duration::from_millis(100));
    for _ in 0..3 {
        pbx.answer(&invite, "200 OK", "pbx", &session(pbx.address, "sendrecv"));
        let ok = customer.expect("SIP/2.0 200");
        dialog.confirm(&ok);
    }
    for _ in 0..2 {
        customer.send(&dialog.ack());
        pbx.expect("ACK ");
    }
    let bye = dialog.next("BYE", "");
    for _ in 0..3 {
        customer.send(&bye);
    }
    let bye = pbx.expect("BYE ");
    pbx.answer(&bye, "200 OK", "", "");
    customer.expect("SIP/2.0 200");
    customer.send(&dialog.next("BYE", ""));

    Story::single(tail.finished_calls(1))
        .assert_is("originated delivered established connection_cleared connection_cleared cleared")
        .assert_ended("customer", "normalClearing");
}

#[test]
fn a_forked_ring_is_one_ring_and_the_first_answer_counts() {
    let site = Site::new();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let customer = Ua::bind(site.carrier(), site.carrier_side());
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let mut dialog = Dialog::caller(&customer, CALL[0], CALL[1], "forks");
    customer.send(&dialog.invite());
    let invite = pbx.expect("INVITE ");
    pbx.answer(&invite, "183 Session Progress", "one", &session(pbx.address, "sendrecv"));
    pbx.answer(&invite, "180 Ringing", "one", "");
    pbx.answer(&invite, "180 Ringing", "two", "");
    pbx.answer(&invite, "183 Session Progress", "two", &session(pbx.address, "sendrecv"));
    pbx.answer(&invite, "200 OK", "two", &session(pbx.address, "sendrecv"));
    pbx.answer(&invite, "200 OK", "one", &session(pbx.address, "sendrecv"));
    let first = customer.expect("SIP/2.0 200");
    let second = customer.expect("SIP/2.0 200");
    assert_ne!(first.value("To"), second.value("To"), "both forks' answers pass");
    dialog.confirm(&first);
    customer.send(&dialog.ack());
    customer.send(&dialog.next("BYE", ""));
    let bye = pbx.expect("BYE ");
    pbx.answer(&bye, "200 OK", "", "");

    Story::single(tail.finished_calls(1))
        .assert_is(
            "originated network_reached delivered established \
             connection_cleared connection_cleared cleared",
        )
        .assert_ended("customer", "normalClearing");
}

#[test]
fn both_sides_hang_up_at_once() {
    let site = Site::new();
    let _server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let customer = Ua::bind(site.carrier(), site.carrier_side());
    let pbx = Ua::bind(site.net.pbx(), site.net.trunkline());
    let mut here = Dialog::caller(&customer, CALL[0], CALL[1], "both");
    customer.send(&here.invite());
    let invite = pbx.expect("INVITE ");
    pbx.answer(&invite, "200 OK", "pbx", &session(pbx.address, "sendrecv"));
    here.confirm(&customer.expect("SIP/2.0 200"));
    customer.send(&here.ack());
    pbx.expect("ACK ");
    let mut there = Dialog::callee(&pbx, &invite, "pbx");
    customer.send(&here.next("BYE", ""));
    pbx.send(&there.next("BYE", ""));
    let bye = pbx.expect("BYE ");
    pbx.answer(&bye, "200 OK", "", "");
    let bye = customer.expect("BYE ");
    customer.answer(&bye, "200 OK", "", "");
    customer.expect("SIP/2.0 200");
    pbx.expect("SIP/2.0 200");

    Story::single(tail.finished_calls(1))
        .assert_is("originated established connection_cleared connection_cleared cleared")
        .assert_ended("customer", "normalClearing");
}
